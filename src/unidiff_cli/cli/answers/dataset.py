"""`unidiff joint --format`: pictures with captions as training data."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from unidiff_cli.cli.answers.loading import load
from unidiff_cli.cli.options.options import Options
from unidiff_cli.cli.terminal.console import Console
from unidiff_cli.errors import SOME_FAILED, UnidiffError, UsageError
from unidiff_cli.files.output import encode
from unidiff_cli.files.pairs import SETTINGS, Format, Pairs
from unidiff_cli.files.record import Record, line
from unidiff_cli.request import MAX_SEED, Request

if TYPE_CHECKING:
    from unidiff_cli.engine.pipeline import UniDiffuser


def write_pairs(request: Request, options: Options, format: Format) -> None:
    """Fill the folder with the pairs that it has not; typer.Exit when some could not be made.

    Stdout gets what `unidiff train --data` takes, or with --json a record for each new pair.
    """
    if options.output in (None, "-") or options.grid or options.force:
        raise UsageError(
            "--format fills a folder, which -o names; --grid and --force have no part in it.",
            f"unidiff joint -n 1000 -o pairs/ --format {format}",
        )
    folder = Path(str(options.output))
    if options.seed is None and (seed := _seed_of(folder)) is not None:
        request = replace(request, seed=seed)
    console = Console(options.quiet, options.progress, options.show)
    if options.seed is None:
        console.note(f"seed {request.seed}")
    Pairs.check_new(folder)
    failures: list[UnidiffError] = []
    with console.listening() as progress:
        model = load(options, console, progress)
        asked = model.resolve(request)
        with Pairs.opened(folder, format, _settings(model, asked)) as pairs:
            failures = _fill(model, asked, options, pairs, console)
    if not options.json:
        console.answer(str(pairs.rows if format == "jsonl" else folder))
    if failures:
        every = len(failures) == request.count
        raise typer.Exit(failures[0].exit_code if every else SOME_FAILED)


def _fill(
    model: UniDiffuser, asked: Request, options: Options, pairs: Pairs, console: Console
) -> list[UnidiffError]:
    """Make the pairs that are missing; the errors of those that failed."""
    first, there = asked.seed or 0, pairs.seeds()
    wanted = range(first, first + asked.count)
    missing = [replace(asked, seed=seed, count=1) for seed in wanted if seed not in there]
    if len(missing) < asked.count:
        console.note(f"{asked.count - len(missing)} of {asked.count} pairs are there already")
    failures: list[UnidiffError] = []
    for result in model.stream(missing, batch_size=options.batch_size):
        path = None
        if result.error is not None:
            console.problem(result.error)
            failures.append(result.error)
        else:
            (output,) = result.outputs
            assert output.image is not None
            records = [] if options.no_metadata else [Record.of(result)]
            data = encode(output.image, ".png", records)
            path = str(pairs.add(output.seed, data, output.text or ""))
            console.picture(output.image)
        if options.json:
            console.answer(line(Record.of(result, [path] if path else []).to_json()))
    return failures


def _settings(model: UniDiffuser, asked: Request) -> dict[str, Any]:
    """What all pairs of a folder have in common."""
    settings = asked.to_json()
    del settings["count"]
    made_with = {name: model.made_with[name] for name in ("model", "revision", "dtype")}
    return {**settings, **made_with}


def _seed_of(folder: Path) -> int | None:
    """The seed of a folder that is to be continued."""
    try:
        values = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    seed = values.get("seed") if isinstance(values, dict) else None
    return seed if isinstance(seed, int) and 0 <= seed <= MAX_SEED else None
