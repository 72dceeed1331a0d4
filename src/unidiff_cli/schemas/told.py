"""What is told of walks, of files that are there, of models and of helpers."""

from __future__ import annotations

from dataclasses import fields

from unidiff_cli.model_config import Sampling
from unidiff_cli.schemas.fields import (
    NUMBER,
    TEXT,
    TEXTS,
    WHOLE,
    YES_NO,
    Schema,
    asked,
    closed,
    exactly,
    named,
    or_null,
)
from unidiff_cli.schemas.record import MADE_WITH, SETTLED, found_record


def walk() -> Schema:
    """A line for each stage, then one for each file that holds the whole walk."""
    stage = closed(
        {"stage": WHOLE},
        {
            "given": {"const": True},
            "image": {**TEXT, "description": "The file that was written."},
            "text": TEXT,
            "psnr": {**NUMBER, "description": "Of an end that is made again, in dB."},
        },
    )
    return {"oneOf": [stage, _whole_walk("chain"), _whole_walk("interpolate")]}


def _whole_walk(name: str) -> Schema:
    """The strip or the animation, and what the walk was made with."""
    settings = asked()
    del settings["mode"], settings["count"]
    settings |= {"size": {**TEXT, "pattern": r"^\d+x\d+$"}, "guidance_interval": TEXT}
    always = {*SETTLED, *(name for name, kind in settings.items() if "default" in kind)}
    own: dict[str, Schema] = {
        "chain": {"rounds": WHOLE, "through": {"enum": ["latents", "words"]}},
        "interpolate": {"stages": WHOLE, "to": TEXT},
    }[name]
    file = {"strip": TEXT, "animation": TEXT}
    ode = {"ode_steps": WHOLE} if name == "interpolate" else {}
    required = {"walk": {"const": name}, **own, **dict.fromkeys(MADE_WITH, TEXT)}
    required |= {each: settings.pop(each) for each in [*settings] if each in always}
    either = [{"required": [each]} for each in file]
    return closed(required, {**file, **settings, **ode}) | {"oneOf": either}


def info() -> Schema:
    """What a picture says of itself; none of it is vouched for."""
    plain: Schema = {"type": ["string", "number", "boolean"]}
    return closed(
        {
            "file": TEXT,
            "format": TEXT,
            "width": WHOLE,
            "height": WHOLE,
            "records": {"type": "array", "items": found_record()},
        },
        {
            "walk": named(plain),
            "found_in": {**TEXT, "description": "Where the records or the walk were."},
            "problem": {**TEXT, "description": "Why its records cannot be understood."},
            "parameters": TEXT,
            "program": {**TEXT, "description": "Another that says it made the picture."},
            "settings": named(plain),
            "digital_source": {**TEXT, "description": "IPTC's DigitalSourceType."},
            "texts": named(TEXT),
            "unread": {**TEXTS, "description": "Names of texts that are too large."},
            "credentials": closed(
                {"state": {"enum": ["trusted", "valid", "broken", "unchecked"]}},
                {
                    "signer": TEXT,
                    "made_with": TEXT,
                    "source": TEXT,
                    "inputs": TEXTS,
                    "problems": TEXTS,
                },
            ),
        },
    )


def check() -> Schema:
    """How near what is made again comes to what is there."""
    return closed(
        {
            "file": TEXT,
            "same": YES_NO,
            "findings": TEXTS,
            "differences": {
                **named(exactly(2, TEXT)),
                "description": "What was recorded, and what is now.",
            },
        },
        {"found_in": TEXT, "psnr": {**NUMBER, "description": "In dB; absent for equal pixels."}},
    )


def models() -> Schema:
    """A model that has a name, or what is known of one that is here."""
    maybe = or_null(TEXT)
    row = closed(
        {
            "name": TEXT,
            "summary": TEXT,
            "kind": TEXT,
            "license": TEXT,
            "repo": maybe,
            "size": {**WHOLE, "description": "In bytes."},
            "here": YES_NO,
            "path": maybe,
            "revision": maybe,
            "why": {**maybe, "description": "Why it is not here."},
        }
    )
    settings = asked()
    named_so = [field.name for field in fields(Sampling)]
    sampling = {name: settings[name] for name in named_so if name in SETTLED}
    of_mode = {**sampling, "order": settings["order"]}
    known = closed(
        {
            "name": TEXT,
            "license": TEXT,
            "picture_size": WHOLE,
            "text_tokens": WHOLE,
            "sampling": closed({**sampling, "modes": named(closed({}, of_mode))}),
        },
        {
            "summary": TEXT,
            "folder": TEXT,
            "layout": TEXT,
            "revision": TEXT,
            "size": {**WHOLE, "description": "In bytes."},
            "v1_data": TEXT,
        },
    )
    return {"oneOf": [row, known]}


def keep() -> Schema:
    """A helper that holds a model; of one that hangs, little is known."""
    return closed(
        {
            "path": TEXT,
            "process": WHOLE,
            "model": TEXT,
            "device": TEXT,
            "dtype": TEXT,
            "memory": {**WHOLE, "description": "Bytes that are held."},
            "requests": {**WHOLE, "description": "How many ask it just now."},
            "idle": {**NUMBER, "description": "Seconds since the last request."},
            "left": {**NUMBER, "description": "Seconds after which it ends, if nobody asks."},
            "leaving": YES_NO,
            "hangs": YES_NO,
        }
    )
