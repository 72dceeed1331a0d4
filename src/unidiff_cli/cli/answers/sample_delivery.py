"""The samples of a mode: inputs read, files planned, each sample handed out as it comes."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from unidiff_cli.cli.answers.delivery import Delivery, delivering
from unidiff_cli.cli.answers.inputs import Given, apart, check_prompt, read_inputs, read_mask
from unidiff_cli.cli.answers.loading import load, warn_of_words
from unidiff_cli.cli.command import leave
from unidiff_cli.cli.options.options import Options
from unidiff_cli.cli.terminal.console import Console, check_stdout
from unidiff_cli.cli.terminal.sketch import check_apart
from unidiff_cli.core.modes import Mode
from unidiff_cli.errors import UnidiffError, UsageError
from unidiff_cli.files.names import Sample
from unidiff_cli.files.plan import make_plan
from unidiff_cli.request import MAX_COUNT, Request, Result, check_whole


def deliver_samples(mode: Mode, arguments: Sequence[str], options: Options) -> None:
    """Make what the command line asks for; typer.Exit when not all of it could be made."""
    check_whole("batch-size", options.batch_size, 1, MAX_COUNT)
    words = None
    if mode.revises:
        arguments, words = edited(arguments)
    request = _template(mode, options, words)
    if options.format is not None:
        from unidiff_cli.cli.answers.filling import write_pairs

        write_pairs(request, options, options.format)
        return
    if options.captions is not None:
        from unidiff_cli.cli.answers.filling import write_beside

        write_beside(request, arguments, options)
        return
    for name in ("skip_existing", "existing", "suffix", "prefix"):
        if getattr(options, name):
            said = f"--{name.replace('_', '-')}"
            raise UsageError(
                "usage.needs-option", f"{said} is for --captions beside.", "Add --captions beside."
            )
    console = Console(options.quiet, options.progress, options.show)
    if options.mask is not None:
        request = replace(request, mask=read_mask(options.mask, arguments))
    inputs = read_inputs(mode, arguments, options.glob, console.tell)
    check_whole("the number of samples", len(inputs) * options.count, 1, MAX_COUNT)
    first = request.seed or 0
    requests = [
        replace(
            request,
            prompt=words if mode.revises else each.prompt,
            image=each.image,
            seed=first + n * options.count,
        )
        for n, each in enumerate(inputs)
    ]
    good = [n for n, each in enumerate(inputs) if each.error is None]
    samples = list(_samples(requests, inputs, good))
    plan = make_plan(
        mode,
        samples,
        output=options.output,
        force=options.force,
        grid=options.grid,
        json=options.json,
        stamp=options.stamp(),
    )
    if plan.to_stdout:
        check_stdout(options.json)
    check_apart(options.preview, [*plan.paths(samples), *(each.image for each in inputs)])
    if options.seed is None:
        console.note(f"seed {request.seed}")
    failures = [each.error for each in inputs if each.error is not None]
    with delivering(plan, console, len(samples)) as delivery:
        for each, asked in zip(inputs, requests, strict=True):
            if each.error is not None:
                delivery.fail(Result(request=replace(asked, count=1), error=each.error))
        if good:
            failures += _generate([requests[n] for n in good], samples, options, delivery)
    leave(failures, len(samples) + len(inputs) - len(good))


def edited(arguments: Sequence[str]) -> tuple[list[str], str | None]:
    """The pictures among the arguments of an edit, and its prompt if it has one."""
    pictures, words = apart(arguments)
    if len(words) > 1:
        raise UsageError(
            "usage.too-many",
            f"An edit has one prompt, these are {len(words)}: {', '.join(map(repr, words))}.",
            "Is one of them a file that is not there?",
        )
    for each in words:
        check_prompt(each)
    return pictures, words[0] if words else None


def _template(mode: Mode, options: Options, words: str | None) -> Request:
    """The request with a stand-in for its input: numbers are checked before anything is read."""
    stand_in: dict[str | None, dict[str, Any]] = {
        "text": {"prompt": "-"},
        "image": {"image": "-"},
        None: {},
    }
    seed = secrets.randbits(32) if options.seed is None else options.seed
    given = stand_in[mode.needs] if words is None else {"image": "-", "prompt": words}
    return Request(mode=mode.name, seed=seed, **given, **options.settings(mode))


def _samples(
    requests: Sequence[Request], inputs: Sequence[Given], good: Sequence[int]
) -> Iterator[Sample]:
    """The samples to come, numbered over all inputs: a bad one shifts no name and no seed."""
    for n in good:
        request = requests[n]
        for k in range(request.count):
            yield Sample(
                mode=request.mode,
                seed=(request.seed or 0) + k,
                index=n * request.count + k,
                name=inputs[n].name,
            )


def _generate(
    requests: Sequence[Request],
    samples: Sequence[Sample],
    options: Options,
    delivery: Delivery,
) -> list[UnidiffError]:
    """Hand out the samples as they come; the errors of those that failed."""
    console = delivery.console
    with console.listening() as progress:
        try:
            model = load(options, console, progress)
            warn_of_words(model, [words for r in requests for words in r.words], console)
            resolved = [model.resolve(request) for request in requests]
            results = model.stream(resolved, batch_size=options.batch_size)
            return delivery.hand_out(samples, results)
        except KeyboardInterrupt:
            console.note(f"interrupted: {delivery.kept} of {len(samples)} samples are kept")
            raise
