"""The JSON Schema of a job, derived from the fields of Request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from unidiff_cli.batch.jobs import ID, MAX_ID, MAX_JOB_COUNT
from unidiff_cli.checks.fields import MAX_SIDE, MAX_WEIGHT, MAX_WORDS, SIZE_STEP
from unidiff_cli.core.modes import MODES
from unidiff_cli.core.solver import SOLVERS, TIMES
from unidiff_cli.core.tuned import NAME, PATTERN
from unidiff_cli.request import (
    MAX_BEST,
    MAX_GUIDANCE,
    MAX_REPETITIONS,
    MAX_SEED,
    MAX_STEPS,
    Request,
)

LEVEL = {"minimum": 0, "maximum": 1}
RANGES: dict[str, dict[str, Any]] = {
    "mode": {"enum": list(MODES)},
    "solver": {"anyOf": [{"enum": [*SOLVERS, NAME]}, {"pattern": f"^{PATTERN}$"}]},
    "times": {"enum": list(TIMES)},
    "count": {"minimum": 1, "maximum": MAX_JOB_COUNT},
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
    "seed": "By default from the run's seed and the custom_id.",
    "times": "Where the steps lie: even in the noise level t, or in log-SNR.",
    "guidance": "The paper's scale, 0 is off; diffusers' guidance_scale is one more.",
    "guidance_interval": "Guidance only at noise levels between these; 0 is clean, 1 is noise.",
    "fast": "Keep what the network's middle made for a few evaluations: sooner, not the same.",
    "size": "Width and height in pixels.",
    "strength": "Of an edit: the noise level from which it is drawn anew; 0 leaves it, 1 is t2i.",
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


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of one line of a jobs file."""
    hints = get_type_hints(Request, localns=_names())
    properties: dict[str, Any] = {
        ID: {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_ID,
            "description": "Names the job; its answer carries it. By default line-NUMBER.",
        }
    }
    for field in fields(Request):
        described = {"description": HELP[field.name]} if field.name in HELP else {}
        default = {} if field.default in (None, MISSING) else {"default": field.default}
        kind = _kind(hints[field.name], RANGES.get(field.name, {}))
        kind = kind if field.name == "mode" else _or_null(kind)
        properties[field.name] = {**kind, **default, **described}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A job of unidiff batch",
        "type": "object",
        "properties": properties,
        "required": ["mode"],
        "additionalProperties": False,
        "allOf": [_needs(mode) for mode in MODES],
    }


def _needs(mode: str) -> dict[str, Any]:
    """The mode's input is required; the other one has no place but in an edit."""
    field = {"text": "prompt", "image": "image", None: None}[MODES[mode].needs]
    others = [name for name in ("prompt", "image") if name != field and not MODES[mode].revises]
    then: dict[str, Any] = {"properties": {other: {"type": "null"} for other in others}}
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


def _or_null(kind: dict[str, Any]) -> dict[str, Any]:
    """The same or null, which says that the field is not there."""
    if "enum" in kind:
        return {"enum": [*kind["enum"], None]}
    return {**kind, "type": [kind["type"], "null"]}


class _Picture:
    """Stands for an opened picture, which JSON cannot say."""


def _names() -> dict[str, Any]:
    """What the annotations of Request name, without importing Pillow."""

    class Image:
        Image = _Picture

    return {"Image": Image}
