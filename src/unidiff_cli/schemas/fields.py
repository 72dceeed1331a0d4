"""What schemas are built of, and the fields of a Request as it is asked and recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from unidiff_cli.checks.fields import MAX_SIDE, MAX_WEIGHT, MAX_WORDS, SIZE_STEP
from unidiff_cli.core.modes import MODES
from unidiff_cli.core.solver import SOLVERS, TIMES
from unidiff_cli.core.tuned import NAME, PATTERN
from unidiff_cli.request import (
    MAX_BEST,
    MAX_COUNT,
    MAX_GUIDANCE,
    MAX_REPETITIONS,
    MAX_SEED,
    MAX_STEPS,
    ORDERS,
    Request,
)

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer", "minimum": 0}
YES_NO: Schema = {"type": "boolean"}
TEXTS: Schema = {"type": "array", "items": TEXT}
LEVEL = {"minimum": 0, "maximum": 1}
RANGES: dict[str, dict[str, Any]] = {
    "mode": {"enum": list(MODES)},
    "solver": {"anyOf": [{"enum": [*SOLVERS, NAME]}, {"pattern": f"^{PATTERN}$"}]},
    "times": {"enum": list(TIMES)},
    "order": {"enum": list(ORDERS)},
    "count": {"minimum": 1, "maximum": MAX_COUNT},
    "seed": {"minimum": 0, "maximum": MAX_SEED},
    "steps": {"minimum": 1, "maximum": MAX_STEPS},
    "guidance": {"minimum": 0, "maximum": MAX_GUIDANCE},
    "guidance_interval": {
        "items": {"type": "number", "minimum": 0, "maximum": 1},
        "minItems": 2,
        "maxItems": 2,
    },
    "size": {
        "items": {
            "type": "integer",
            "minimum": SIZE_STEP,
            "maximum": MAX_SIDE,
            "multipleOf": SIZE_STEP,
        },
        "minItems": 2,
        "maxItems": 2,
    },
    "strength": LEVEL,
    "text_level": LEVEL,
    "image_level": LEVEL,
    "feather": {"minimum": 0, "maximum": MAX_SIDE},
    "harmonise": {"minimum": 0, "maximum": MAX_REPETITIONS},
    "best_of": {"minimum": 1, "maximum": MAX_BEST},
    "extend": {
        "items": {"type": "integer", "minimum": 0, "maximum": MAX_SIDE},
        "minItems": 4,
        "maxItems": 4,
    },
    "also": {
        "items": {
            "type": "array",
            "prefixItems": [
                {"type": "string"},
                {"type": "number", "minimum": -MAX_WEIGHT, "maximum": MAX_WEIGHT},
            ],
            "minItems": 2,
            "maxItems": 2,
        },
        "minItems": 1,
        "maxItems": MAX_WORDS,
    },
}
HELP = {
    "mode": "What is made of what.",
    "prompt": "The text that the mode needs.",
    "image": "The path of the picture that the mode needs.",
    "count": "How many samples; sample k has seed + k.",
    "times": "Where the steps lie: even in the noise level t, or in log-SNR.",
    "guidance": "The paper's scale, 0 is off; diffusers' guidance_scale is one more.",
    "guidance_interval": "Guidance only at noise levels between these; 0 is clean, 1 is noise.",
    "fast": "Keep what the network's middle made for a few evaluations: sooner, not the same.",
    "size": "Width and height in pixels.",
    "strength": "Of an edit: the noise level from which it is drawn anew; 0 leaves it, 1 is t2i.",
    "order": "Of joint: picture and caption together, or the one after the other.",
    "mask": "Of an edit: the path of a picture, white (or opaque) where it may change.",
    "feather": "Pixels inside the mask over which the new picture sets in.",
    "harmonise": "How many times more the steps of a masked edit are made.",
    "extend": "Pixels that are added on the left, top, right and bottom, and drawn.",
    "negative": "What guidance pushes away from.",
    "also": "Further prompts, each with the weight of its guidance.",
    "text_level": "The noise level at which given text is held: 1 is as good as no text.",
    "image_level": "The noise level at which a given picture is held.",
    "best_of": "So many are made of each sample; the one that fits its words best is kept.",
}


def closed(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """An object of these fields and no other."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": [*required],
        "additionalProperties": False,
    }


def named(values: Schema) -> Schema:
    """An object of any names."""
    return {"type": "object", "additionalProperties": values}


def exactly(count: int, items: Schema) -> Schema:
    """A list of so many."""
    return {"type": "array", "items": items, "minItems": count, "maxItems": count}


def or_null(kind: Schema) -> Schema:
    """The same or null."""
    if "enum" in kind:
        return {**kind, "enum": [*kind["enum"], None]}
    return {**kind, "type": [kind["type"], "null"]}


def asked() -> dict[str, Schema]:
    """The fields of a Request; those that are always there have a default."""
    hints = get_type_hints(Request, localns=_names())
    return {
        field.name: _kind(hints[field.name], RANGES.get(field.name, {}))
        | ({} if field.default in (None, MISSING) else {"default": field.default})
        | ({"description": HELP[field.name]} if field.name in HELP else {})
        for field in fields(Request)
    }


def needs(mode: str) -> Schema:
    """The mode's input is required; the other one has no place but in an edit."""
    field = {"text": "prompt", "image": "image", None: None}[MODES[mode].needs]
    others = [name for name in ("prompt", "image") if name != field and not MODES[mode].revises]
    then: Schema = {"properties": {other: {"type": "null"} for other in others}}
    if field is not None:
        then["required"] = [field]
        then["properties"] = {**then["properties"], field: {"type": "string"}}
    chosen = {"properties": {"mode": {"const": mode}}, "required": ["mode"]}
    return {"if": chosen, "then": then}


def _kind(hint: Any, limits: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a type within limits."""
    if get_origin(hint) in (Union, UnionType):
        (one,) = [each for each in get_args(hint) if each not in (NoneType, _Picture)]
        return _kind(one, limits)
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    if "enum" in limits:
        return dict(limits)
    if get_origin(hint) is tuple:
        return {"type": "array", **limits}
    names = {str: "string", int: "integer", float: "number", bool: "boolean"}
    return {"type": names[hint], **limits}


class _Picture:
    """Stands for an opened picture, which JSON cannot say."""


def _names() -> dict[str, Any]:
    """What the annotations of Request name, without importing Pillow."""

    class Image:
        Image = _Picture

    return {"Image": Image}
