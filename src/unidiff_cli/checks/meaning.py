"""Which fields of a request mean something together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unidiff_cli.core.modes import MODES, Mode, Role
from unidiff_cli.core.tuned import is_tuned
from unidiff_cli.errors import UsageError

if TYPE_CHECKING:
    from unidiff_cli.request import Request


def check_given(request: Request) -> None:
    """Nothing, or a UsageError if the mode's input is missing, or there is one that it lacks."""
    mode = MODES[request.mode]
    for name, value in (("text", request.prompt), ("image", request.image)):
        what = "a prompt" if name == "text" else "a picture"
        if name == mode.needs and value is None:
            raise UsageError(
                "usage.missing", f"{mode.name} needs {what}.", f"Give it one: {_usage(mode)}"
            )
        if name != mode.needs and value is not None and not mode.revises:
            raise UsageError(
                "usage.not-for-mode", f"{mode.name} takes no {what[2:]}.", _usage(mode)
            )


def _usage(mode: Mode) -> str:
    arguments = {"text": ' "a red fox"', "image": " photo.jpg", None: ""}[mode.needs]
    return f"unidiff {mode.name}{arguments}"


def check_meaning(request: Request) -> None:
    """Nothing, or a UsageError for a field that means nothing to the mode, or beside another."""
    mode, worded = MODES[request.mode], request.prompt is not None
    # In whatever order: what the first of two modes hands on, nobody has given.
    legs = mode.legs if mode.orders else request.walk.legs
    reads = any(leg.text is Role.GIVEN for leg in legs)
    sees = any(leg.image is Role.GIVEN for leg in legs)
    here = f"{request.mode} of words" if mode.revises and worded else request.mode
    rules = {
        "order": (bool(mode.orders), f"joint makes two things in some order; {here} makes one."),
        "strength": (mode.revises, f"An edit begins with a picture, {here} with noise."),
        "mask": (mode.revises, f"A mask is of a picture that is edited; {here} edits none."),
        "extend": (mode.revises, f"A picture that is edited can be extended; {here} edits none."),
        "feather": (request.masked, "Feather softens the seam of a mask, and there is none."),
        "harmonise": (request.masked, "Harmonise fits a part to what stays, and all may change."),
        "negative": (reads, f"Negative words are for a mode that is given text; {here} is not."),
        "also": (worded, f"Further prompts go with a prompt; {here} has none."),
        "text_level": (reads, f"A text-level is of text that is given; {here} is given none."),
        "image_level": (sees, f"An image-level is of a picture that is given; {here} has none."),
        "best_of": (
            "image" in mode.yields and (worded or "text" in mode.yields),
            f"The best is the picture that fits its words best; {here} has no such pair.",
        ),
        "unconditional": (
            request.unconditional == "absent" or reads,
            f"The empty prompt stands in for the text of t2i; {here} has none.",
        ),
    }
    for name, (fine, sentence) in rules.items():
        if getattr(request, name) is not None and not fine:
            raise UsageError("usage.not-for-mode", sentence, f"Leave out {name.replace('_', '-')}.")
    if request.negative is not None and request.unconditional == "empty":
        raise UsageError(
            "usage.not-together",
            "Guidance pushes away from negative words or from the empty prompt, not from both.",
            "Leave out unconditional, or negative.",
        )
    bent = any(leg.first < 1 or leg.level for leg in legs) or request.harmonise
    if is_tuned(request.solver) and bent:
        raise UsageError(
            "usage.not-together",
            "Tuned steps are learned for paths from noise along the square's edges, and this is "
            "another.",
            "Leave out solver.",
        )
    if request.fast != "off" and (request.text_level or request.image_level):
        raise UsageError(
            "usage.not-together",
            "fast cannot tell which level falls where what is given has one too.",
            "Leave out fast, or the level.",
        )
