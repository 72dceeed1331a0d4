"""Folders that are filled: captions beside their pictures, pairs as training data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from unidiff_cli.cli.answers.delivery import one_line
from unidiff_cli.cli.answers.loading import load
from unidiff_cli.cli.command import leave
from unidiff_cli.cli.options.options import Options
from unidiff_cli.cli.terminal.console import Console
from unidiff_cli.errors import OutputError, UnidiffError, UsageError
from unidiff_cli.files.beside import Captions, Existing, find_pictures, suffix_of
from unidiff_cli.files.output import encode
from unidiff_cli.files.pairs import Format, Pairs
from unidiff_cli.files.record import Record, line
from unidiff_cli.request import MAX_COUNT, Request, check_whole

if TYPE_CHECKING:
    from unidiff_cli.engine.model import Model
    from unidiff_cli.request import Result


def write_beside(request: Request, arguments: Sequence[str], options: Options) -> None:
    """Write a caption beside each picture; typer.Exit when some could not be made.

    Stdout gets the names of the new files, or with --json the records.
    """
    if options.output is not None or options.count > 1:
        raise UsageError(
            "usage.not-together",
            "--captions beside writes one caption beside each picture.",
            "Leave out -o and -n.",
        )
    captions = Captions(suffix_of(options.suffix), options.prefix or "", _existing(options))
    pictures, folders = find_pictures(arguments, options.glob)
    check_whole("the number of pictures", len(pictures), 1, MAX_COUNT)
    captions.check(pictures)
    console = Console(options.quiet, options.progress)
    for folder in folders:
        console.tell(folder.note)
    if options.seed is None:
        console.note(f"seed {request.seed}")
    there = [captions.there(picture) for picture in pictures]
    if any(there) and captions.existing is None:
        name = captions.file(pictures[there.index(True)])
        raise OutputError(
            "output.exists", f"{name} exists already.", "Say --existing skip, overwrite or append."
        )
    # A picture's seed is that of its place, so that it does not depend on what is there already.
    requests = [
        replace(request, image=str(picture), seed=(request.seed or 0) + n)
        for n, picture in enumerate(pictures)
        if captions.existing != "skip" or not there[n]
    ]
    if len(requests) < len(pictures):
        console.note(f"{len(pictures) - len(requests)} of {len(pictures)} have a caption already")
    if not requests:
        return
    left: list[Request] = []

    def take(asked: Request) -> bool:
        mine = captions.claim(Path(str(asked.image)))
        left.extend([] if mine else [asked])
        return mine

    def write(result: Result) -> None:
        picture = Path(str(result.request.image))
        written = captions.write(picture, one_line(result.outputs[0].text or ""))
        console.answer(line(Record.of(result).to_json()) if options.json else str(written))

    try:
        with console.listening() as progress:
            model = load(options, console, progress)
            resolved = [model.resolve(request) for request in requests]
            failures = _fill(model, resolved, options, console, write, take)
    finally:
        captions.release_all()
    if left:
        console.note(f"{len(left)} of {len(pictures)} are captioned by another process")
    leave(failures, len(requests) - len(left))


def _existing(options: Options) -> Existing | None:
    """What --existing says, or the two older options for it."""
    said: list[Existing] = [options.existing] if options.existing else []
    said += ["skip"] * options.skip_existing
    said += ["overwrite"] * options.force
    if len(set(said)) > 1:
        raise UsageError(
            "usage.not-together",
            f"{' and '.join(said)}: a caption that is there is one or the other.",
            "Say --existing once.",
        )
    return said[0] if said else None


def write_pairs(request: Request, options: Options, format: Format) -> None:
    """Fill the folder with the pairs that it has not; typer.Exit when some could not be made.

    Stdout gets what `unidiff train --data` takes, or with --json a record for each new pair.
    """
    if options.output in (None, "-") or options.grid or options.force:
        raise UsageError(
            "usage.not-together",
            "--format fills a folder, which -o names; --grid and --force have no part in it.",
            f"unidiff joint -n 1000 -o pairs/ --format {format}",
        )
    stamp = options.stamp()
    folder = Path(str(options.output))
    if options.seed is None and (seed := Pairs.seed_of(folder)) is not None:
        request = replace(request, seed=seed)
    console = Console(options.quiet, options.progress, options.show)
    if options.seed is None:
        console.note(f"seed {request.seed}")
    Pairs.check_new(folder)

    def write(result: Result) -> None:
        (output,) = result.outputs
        assert output.image is not None
        data = encode(output.image, ".png", [Record.of(result)], stamp=stamp)
        path = pairs.add(output.seed, data, output.text or "")
        console.picture(output.image)
        if options.json:
            console.answer(line(Record.of(result, [str(path)]).to_json()))

    with console.listening() as progress:
        model = load(options, console, progress)
        asked = model.resolve(request)
        made_with = {name: model.made_with[name] for name in ("model", "revision", "dtype")}
        settings = {**asked.to_json(), **made_with}
        del settings["count"]  # the one thing that may differ when the folder is continued
        with Pairs.opened(folder, format, settings) as pairs:
            missing = _missing(asked, pairs.seeds())
            if len(missing) < asked.count:
                there = asked.count - len(missing)
                console.note(f"{there} of {asked.count} pairs are there already")
            failures = _fill(model, missing, options, console, write)
    if not options.json:
        console.answer(str(pairs.rows if format == "jsonl" else folder))
    leave(failures, request.count)


def _missing(asked: Request, there: set[int]) -> list[Request]:
    """The samples of the request whose seeds are not there."""
    first = asked.seed or 0
    wanted = range(first, first + asked.count)
    return [replace(asked, seed=seed, count=1) for seed in wanted if seed not in there]


def _fill(
    model: Model,
    requests: Sequence[Request],
    options: Options,
    console: Console,
    write: Callable[[Result], None],
    take: Callable[[Request], bool] | None = None,
) -> list[UnidiffError]:
    """Write each sample when it is there; the errors of those that failed."""
    failures: list[UnidiffError] = []
    for result in model.stream(requests, batch_size=options.batch_size, take=take):
        if result.error is None:
            write(result)
            continue
        failures.append(result.error)
        console.problem(result.error)
        if options.json:
            console.answer(line(Record.of(result).to_json()))
    return failures
