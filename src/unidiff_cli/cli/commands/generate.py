"""The seven modes as commands, made from their table."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from inspect import Parameter, Signature
from typing import Annotated, Any

import typer

from unidiff_cli.cli.answers.delivery import Delivery, delivering
from unidiff_cli.cli.answers.inputs import Given, apart, check_prompt, read_inputs, read_mask
from unidiff_cli.cli.answers.loading import load, warn_of_words
from unidiff_cli.cli.command import leave
from unidiff_cli.cli.options.options import Options, parameters
from unidiff_cli.cli.terminal.console import Console, check_stdout
from unidiff_cli.cli.terminal.sketch import check_apart
from unidiff_cli.core.modes import MODES, Mode
from unidiff_cli.errors import UnidiffError, UsageError
from unidiff_cli.files.names import Sample
from unidiff_cli.files.plan import make_plan
from unidiff_cli.request import MAX_COUNT, Request, Result, check_whole

ALIASES = {"i": "image", "t": "text", "i2t2i": "vary", "t2i2t": "rewrite"}

Prompts = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PROMPT",
        help="Prompts; - reads them from stdin, one per line.",
        show_default=False,
    ),
]
Images = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="IMAGE",
        help="Picture files, or folders of them; - reads one from stdin.",
        show_default=False,
    ),
]
Edited = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="IMAGE... [PROMPT]",
        help="Picture files or folders of them, - reads one from stdin; then what they are to "
        "become. Without that, what they show is read first.",
        show_default=False,
    ),
]
ARGUMENT: dict[str | None, list[Parameter]] = {
    "text": [Parameter("inputs", Parameter.KEYWORD_ONLY, default=None, annotation=Prompts)],
    "image": [Parameter("inputs", Parameter.KEYWORD_ONLY, default=None, annotation=Images)],
    None: [],
}
EDITED = [Parameter("inputs", Parameter.KEYWORD_ONLY, default=None, annotation=Edited)]

EXAMPLES = {
    "t2i": """\
unidiff t2i "a red fox in the snow"
unidiff t2i "a fox" "an owl" -n 4 --seed 7 -o animals/
unidiff t2i "a fox" --negative "a white background" --and "snow:0.5" --best-of 4
unidiff t2i "a fox" -n 9 --grid -o sheet.png
unidiff t2i "a fox" -o - | unidiff i2t -""",
    "i2t": """\
unidiff i2t photo.jpg
unidiff i2t photos/ --json > captions.jsonl
unidiff i2t photos/ --glob "*.jpg" -o "captions/{name}.txt"
unidiff i2t photos/ --captions beside --existing skip
unidiff i2t - < photo.jpg""",
    "joint": """\
unidiff joint -n 4
unidiff joint -n 100 --json -o pairs/ > pairs.jsonl
unidiff joint -n 1000 -o pairs/ --format webdataset""",
    "i": """\
unidiff i --seed 7 -o picture.png
unidiff i -n 16 --grid""",
    "t": """\
unidiff t -n 10
unidiff t -n 10 | unidiff t2i - -o dreams/""",
    "i2t2i": """\
unidiff i2t2i photo.jpg
unidiff i2t2i photo.jpg -n 4 -o "variations/{name}-{index}.png\"""",
    "t2i2t": """\
unidiff t2i2t "a red fox in the snow"
unidiff t2i2t "a red fox in the snow" -n 5 --caption nucleus""",
    "edit": """\
unidiff edit photo.jpg "a red fox in the snow"
unidiff edit photos/ "a blue star" --strength 0.8 -n 4 -o edits/
unidiff edit photo.jpg "a hat" --mask mask.png --feather 8 --harmonise 2
unidiff edit photo.jpg --extend 64,0,64,0
unidiff edit photo.jpg --strength 0.3""",
}


def register(app: typer.Typer, command_class: Any, section: str, editing: str) -> None:
    """Add a command for every mode, and the aliases that --help does not list."""
    for mode in MODES.values():
        epilog = "\b\nExamples:\n" + "\n".join(
            f"  {example}" for example in EXAMPLES[mode.name].splitlines()
        )
        for name in filter(None, (mode.name, ALIASES.get(mode.name))):
            app.command(
                name,
                help=mode.help,
                epilog=epilog,
                hidden=name != mode.name,
                cls=command_class,
                rich_help_panel=editing if mode.revises else section,
            )(_command(mode))


def _command(mode: Mode) -> Callable[..., None]:
    """The body of a mode's command, with a signature that Typer can read."""

    def command(inputs: Sequence[str] | None = None, **options: Any) -> None:
        run(mode, inputs or [], Options(**options))

    arguments = EDITED if mode.revises else ARGUMENT[mode.needs]
    signature = Signature([*arguments, *parameters(mode)])
    vars(command)["__signature__"] = signature
    command.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    return command


def run(mode: Mode, arguments: Sequence[str], options: Options) -> None:
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
            raise UsageError(f"{said} is for --captions beside.", "Add --captions beside.")
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
