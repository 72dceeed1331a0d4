"""The seven modes as commands, made from their table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import Parameter, Signature
from typing import Annotated, Any

import typer

from unidiff_cli.cli.options.options import Options, parameters
from unidiff_cli.core.modes import Mode

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


def examples_of(mode: Mode) -> str:
    """The end of its help."""
    lines = (f"  {example}" for example in EXAMPLES[mode.name].splitlines())
    return "\b\nExamples:\n" + "\n".join(lines)


def command_of(mode: Mode) -> Callable[..., None]:
    """The body of a mode's command, with a signature that Typer can read."""

    def command(inputs: Sequence[str] | None = None, **options: Any) -> None:
        from unidiff_cli.cli.answers.sample_delivery import deliver_samples

        deliver_samples(mode, inputs or [], Options(**options))

    arguments = EDITED if mode.revises else ARGUMENT[mode.needs]
    signature = Signature([*arguments, *parameters(mode)])
    command.__doc__ = mode.help
    vars(command)["__signature__"] = signature
    command.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    return command
