"""Requests, samples, pictures and errors as JSON with bytes beside it, and back.

A class that travels is a row of CLASSES; its fields travel by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from unidiff_cli.core.tuned import Steps, Tuned
from unidiff_cli.engine.fit import Fit
from unidiff_cli.errors import UnidiffError, again
from unidiff_cli.model_config import ModelConfig, Sampling
from unidiff_cli.request import Output, Request
from unidiff_cli.walks.asked import Chain, Interpolation, Stage

CLASSES: Mapping[str, type] = {
    each.__name__: each
    for each in (
        *(Request, Output, Chain, Interpolation, Stage, Fit),
        *(ModelConfig, Sampling, Tuned, Steps),
    )
}
PLAIN = (str, int, float, bool, type(None))


def to_json(value: Any, blobs: list[bytes]) -> Any:
    """The value as JSON; the pixels of its pictures are added to the blobs."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, UnidiffError):
        said = {"code": value.code, "message": value.message, "hint": value.hint}
        return {"@": "error", "error": said}
    if isinstance(value, tuple):
        return {"@": "tuple", "items": [to_json(each, blobs) for each in value]}
    if isinstance(value, Mapping):
        return {"@": "dict", "items": [[k, to_json(v, blobs)] for k, v in value.items()]}
    if is_dataclass(value):
        name = type(value).__name__
        assert CLASSES[name] is type(value), f"{name} does not travel"
        held = {f.name: to_json(getattr(value, f.name), blobs) for f in fields(value)}
        return {"@": name, "fields": held}
    if isinstance(value, Sequence):
        return [to_json(each, blobs) for each in value]
    from PIL import Image  # here, since a prompt can be sent sooner without

    assert isinstance(value, Image.Image), f"{type(value).__name__} does not travel"
    blobs.append(value.tobytes())
    return {"@": "Image", "mode": value.mode, "size": value.size, "blob": len(blobs) - 1}


def from_json(value: Any, blobs: Sequence[bytes]) -> Any:
    """The value again."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, list):
        return [from_json(each, blobs) for each in value]
    kind = value["@"]
    if kind == "Image":
        from PIL import Image

        return Image.frombytes(value["mode"], tuple(value["size"]), blobs[value["blob"]])
    if kind == "tuple":
        return tuple(from_json(each, blobs) for each in value["items"])
    if kind == "dict":
        return {name: from_json(each, blobs) for name, each in value["items"]}
    if kind in CLASSES:
        return CLASSES[kind](**{k: from_json(v, blobs) for k, v in value["fields"].items()})
    return again(value["error"])
