"""What is told of samples: records, their errors, and the events of a run."""

from __future__ import annotations

from dataclasses import MISSING, fields

from unidiff_cli.core.modes import MODES
from unidiff_cli.errors import AREAS
from unidiff_cli.errors.codes import registry
from unidiff_cli.request import Request
from unidiff_cli.schemas.fields import (
    NUMBER,
    TEXT,
    WHOLE,
    Schema,
    asked,
    closed,
    exactly,
    named,
    needs,
    or_null,
)

CODE: Schema = {
    "type": "string",
    "pattern": rf"^({'|'.join(AREAS)})\.[a-z-]+$",
    "description": "What it is, for programs; docs/errors.md has all, and later versions more.",
}
SETTLED = ("seed", "steps", "solver", "times", "guidance", "size")
"""What a model has chosen where nobody else did."""
MADE_WITH = ("model", "revision", "device", "dtype")
PROMPTS = {"anyOf": [{"required": ["prompt"]}, {"required": ["prompt_withheld"]}]}


def record() -> Schema:
    """A record as a command prints it: every setting is told."""
    return _record(SETTLED, MADE_WITH)


def found_record() -> Schema:
    """A record that a picture carries: by whom it was written nobody knows."""
    return _record((), ())


def _record(settled: tuple[str, ...], made_with: tuple[str, ...]) -> Schema:
    always = [f.name for f in fields(Request) if f.default not in (None, MISSING)]
    done = {"error": False, "made_with": {"required": list(made_with)}}
    return closed(
        {
            "status": {"enum": ["ok", "error"]},
            "outputs": {"type": "array", "items": _output()},
            "seconds": {**NUMBER, "description": "Any loading of parts included."},
            "made_with": {**named(TEXT), "description": "And the versions of the libraries."},
        },
        {
            "custom_id": {**TEXT, "description": "Only where a batch's job had one."},
            **asked(),
            "prompt_withheld": {"const": True, "description": "It was left out on purpose."},
            "error": error(bool(settled)),
        },
    ) | {
        "if": {"properties": {"status": {"const": "ok"}}},
        "then": {"required": ["mode", *always, *settled], "properties": done},
        "else": {"required": ["error"], "properties": {"outputs": {"maxItems": 0}}},
        "allOf": [_given(mode) for mode in MODES],
    }


def _given(mode: str) -> Schema:
    """What the mode needs; its prompt may be left out where that is told."""
    rule = needs(mode)
    if rule["then"].get("required") == ["prompt"]:
        del rule["then"]["required"]
        rule["then"] |= PROMPTS
    return rule


def _output() -> Schema:
    best = {"seed": {**WHOLE, "description": "With fit: of the best of several."}, "fit": NUMBER}
    file = {**TEXT, "description": "The file that was written."}
    return closed({}, {"image": file, "text": TEXT, **best})


def error(coded: bool = True) -> Schema:
    """What went wrong, and what to try; versions before codes were there wrote none."""
    always, now_and_then = {"type": TEXT, "message": TEXT}, {"hint": TEXT}
    (always if coded else now_and_then)["code"] = CODE
    return closed(always, now_and_then)


def listed_error() -> Schema:
    """The same, with every code that this version has, and what each means."""
    known = [
        {"const": f"{area}.{name}", "description": f"{when} {what}"}
        for area, codes in registry().items()
        for name, (when, what) in codes.items()
    ]
    schema = error()
    schema["properties"]["code"] = {**CODE, "anyOf": [*known, {"description": "Of a later one."}]}
    return schema


def sweep() -> Schema:
    """The record of each cell, then the file of the sheet."""
    return {"oneOf": [record(), closed({"sheet": TEXT})]}


def event() -> Schema:
    """A line of stderr; `train` and `batch` tell of steps and jobs in ways of their own."""
    pair = {**exactly(2, WHOLE), "description": "Done, and all."}
    left = or_null(NUMBER)
    failed = {"type": TEXT, "code": CODE, "message": TEXT, "hint": TEXT}
    kinds = [
        ("stage", {"what": TEXT}),
        ("begin", {"items": WHOLE, "evaluations": WHOLE}),
        ("progress", {"evaluations": pair, "items": pair, "seconds_left": left}),
        (
            "progress",
            {
                "step": WHOLE,
                "steps": WHOLE,
                "losses": named(NUMBER),
                "rate": {**NUMBER, "description": "Steps a second."},
                "seconds_left": NUMBER,
            },
        ),
        ("note", {"text": TEXT}),
        (
            "progress",
            {
                "items": exactly(2, or_null(WHOLE)),
                "failed": WHOLE,
                "rate": {**NUMBER, "description": "Jobs a second."},
                "seconds_left": left,
            },
        ),
        ("error", failed),
        ("error", {"custom_id": TEXT, **failed}),
    ]
    return {"oneOf": [closed({"event": {"const": kind}, **values}) for kind, values in kinds]}
