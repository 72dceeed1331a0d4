"""`unidiff i2t photos/ --captions beside`: photo.txt beside photo.jpg, for whole folders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from unidiff_cli.cli.answers.delivery import one_line
from unidiff_cli.cli.answers.loading import load
from unidiff_cli.cli.options.options import Options
from unidiff_cli.cli.terminal.console import Console
from unidiff_cli.errors import SOME_FAILED, InputError, OutputError, UnidiffError, UsageError
from unidiff_cli.files.output import numbered, replace_file, write_new
from unidiff_cli.files.pictures import pictures_in
from unidiff_cli.files.record import Record, line
from unidiff_cli.request import MAX_COUNT, Request, check_whole

if TYPE_CHECKING:
    from unidiff_cli.request import Result


def write_beside(request: Request, arguments: Sequence[str], options: Options) -> None:
    """Write a caption beside each picture; typer.Exit when some could not be made.

    Stdout gets the names of the new files, or with --json the records.
    """
    if options.output is not None or options.count > 1:
        raise UsageError(
            "--captions beside writes one caption beside each picture.", "Leave out -o and -n."
        )
    pictures = find_pictures(arguments)
    check_whole("the number of pictures", len(pictures), 1, MAX_COUNT)
    check_names(pictures)
    console = Console(options.quiet, options.progress)
    if options.seed is None:
        console.note(f"seed {request.seed}")
    there = [os.path.lexists(caption_file(picture)) for picture in pictures]
    if any(there) and not (options.skip_existing or options.force):
        name = caption_file(pictures[there.index(True)])
        raise OutputError(f"{name} exists already.", "Add --skip-existing, or --force.")
    # A picture's seed is that of its place, so that it does not depend on what is there already.
    requests = [
        replace(request, image=str(picture), seed=(request.seed or 0) + n)
        for n, picture in enumerate(pictures)
        if options.force or not there[n]
    ]
    if len(requests) < len(pictures):
        console.note(f"{len(pictures) - len(requests)} of {len(pictures)} have a caption already")
    if not requests:
        return
    failures = _caption(requests, options, console)
    if failures:
        every = len(failures) == len(requests)
        raise typer.Exit(failures[0].exit_code if every else SOME_FAILED)


def _caption(requests: Sequence[Request], options: Options, console: Console) -> list[UnidiffError]:
    """Write each caption when it is there; the errors of those that failed."""
    failures: list[UnidiffError] = []
    with console.listening() as progress:
        model = load(options, console, progress)
        resolved = [model.resolve(request) for request in requests]
        for result in model.stream(resolved, batch_size=options.batch_size):
            answer = ""
            if result.error is not None:
                console.problem(result.error)
                failures.append(result.error)
            else:
                answer = str(_write(result, options.force))
            if options.json:
                answer = line(Record.of(result).to_json())
            if answer:
                console.answer(answer)
    return failures


def _write(result: Result, force: bool) -> Path:
    """The file of the caption."""
    path = caption_file(Path(str(result.request.image)))
    data = f"{one_line(result.outputs[0].text or '')}\n".encode()
    return replace_file(path, data) if force else write_new(numbered(path), data)


def caption_file(picture: Path) -> Path:
    """The text file beside a picture."""
    return picture.with_suffix(".txt")


def find_pictures(arguments: Sequence[str]) -> list[Path]:
    """The files that are named, and the pictures in the folders that are, by name."""
    found: list[Path] = []
    for path in map(Path, arguments):
        if os.path.isdir(path):  # which takes a name that is too long, where Path raises
            inside = pictures_in(path, deep=False)
            if not inside:
                raise InputError(f"There is no picture in {path}.", "Folders in it do not count.")
            found += inside
        elif os.path.exists(path):
            found.append(path)
        else:
            raise InputError(f"There is no file {path}.", "Name pictures, or folders of them.")
    if not found:
        raise UsageError("Nothing was named.", "unidiff i2t photos/ --captions beside")
    return list(dict.fromkeys(found))


def check_names(pictures: Sequence[Path]) -> None:
    """A UsageError when two pictures would have one caption file."""
    owners: dict[Path, Path] = {}
    for picture in pictures:
        other = owners.setdefault(caption_file(picture), picture)
        if other != picture:
            raise UsageError(
                f"{other} and {picture} would have the same caption file.", "Rename one of them."
            )
