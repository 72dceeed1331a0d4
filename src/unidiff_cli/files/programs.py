"""What other programs leave in their pictures, as plain settings: typed, bounded, not trusted.

Each has its own place and its own names for the same things; a picture says which program made it
by the texts that it has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from unidiff_cli.files.comfy import read_graph
from unidiff_cli.files.parameters import read_parameters

MAX_VALUE = 4_000
"""Characters of a setting; the text itself has all of it."""
Setting = str | int | float

ALIASES: dict[str, tuple[str, ...]] = {
    "prompt": ("prompt", "positive_prompt", "c", "Prompt"),
    "negative_prompt": ("negative_prompt", "negativeprompt", "uc", "Negative Prompt"),
    "model": (
        *("model", "use_stable_diffusion_model", "base_model", "model_weights"),
        *("Stable Diffusion model", "Stable Diffusion Model", "model_name", "name"),
    ),
    "seed": ("seed", "Seed"),
    "steps": ("steps", "num_inference_steps", "Steps"),
    "guidance": (
        *("cfg_scale", "guidance_scale", "guidance", "cfgscale", "scale", "Guidance Scale"),
        "cfg",
    ),
    "sampler": ("sampler", "sampler_name", "Sampler"),
    "scheduler": ("scheduler",),
    "width": ("width", "Width"),
    "height": ("height", "Height"),
    "size": ("size",),
    "version": ("mflux_version", "app_version", "swarm_version", "version"),
}
"""The names under which programs keep the same setting, the first that is there counts."""
WORDS = {
    each for name in ("prompt", "negative_prompt", "model", "version") for each in ALIASES[name]
}
"""Of those the ones that are never numbers."""
NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,18})?")


@dataclass(frozen=True)
class Told:
    """What a program says of the picture that it made."""

    program: str
    settings: Mapping[str, Setting] = field(default_factory=dict)
    used: tuple[str, ...] = ()
    """The texts that all of this was in, and which so need not be shown again."""
    text: str = ""
    """The text to be shown as it is, where that is what people are used to."""


def understood(texts: Mapping[str, str]) -> Told | None:
    """What the texts of a picture say, by their names; None where no program is known by them."""
    for reader in READERS:
        told = reader(texts)
        if told is not None:
            return told
    return None


def _comfy(texts: Mapping[str, str]) -> Told | None:
    """ComfyUI: the graph of nodes, in a PNG's `prompt`, or in EXIF behind `prompt:`."""
    for name, text in texts.items():
        told = name == "prompt" or text.lower().startswith("prompt:")
        body = text[len("prompt:") :] if text[:1] not in ("{", "") else text
        if told and (found := read_graph(_object(body))) is not None:
            return Told("ComfyUI", _plain(found), (name,))
    return None


def _invoke(texts: Mapping[str, str]) -> Told | None:
    """InvokeAI, in the three forms that it has had."""
    if "invokeai_metadata" in texts:
        values = _object(texts["invokeai_metadata"])
        return Told("InvokeAI", _settings(values), ("invokeai_metadata",))
    if "sd-metadata" in texts:
        values = _object(texts["sd-metadata"])
        image = values.get("image")
        image = image if isinstance(image, dict) else {}
        prompt = image.get("prompt")
        if isinstance(prompt, list) and prompt and isinstance(prompt[0], dict):
            image = {**image, "prompt": prompt[0].get("prompt")}
        return Told("InvokeAI", _settings({**values, **image, "model": None}), ("sd-metadata",))
    if "Dream" in texts:
        return Told("InvokeAI", _plain({"prompt": texts["Dream"]}), ("Dream",))
    return None


def _novel(texts: Mapping[str, str]) -> Told | None:
    """NovelAI: JSON in the comment, the model in `Source`."""
    if not texts.get("Software", "").startswith("NovelAI"):
        return None
    values = _object(texts.get("Comment", ""))
    about = {"prompt": texts.get("Description", ""), **values, "model": texts.get("Source", "")}
    return Told("NovelAI", _settings(about), ("Comment", "Description", "Source", "Software"))


def _easy(texts: Mapping[str, str]) -> Told | None:
    """Easy Diffusion's PNGs: a text for each setting."""
    if not _EASY & texts.keys():
        return None
    known = {name for names in ALIASES.values() for name in names}
    return Told("Easy Diffusion", _settings(_read(texts)), tuple(known & texts.keys()))


def _in_json(texts: Mapping[str, str]) -> Told | None:
    """Programs that keep one JSON object, in EXIF's or XMP's comment or in `parameters`."""
    for name in ("UserComment", "parameters", "comment"):
        values = _object(texts.get(name, ""))
        inner = values.get("sui_image_params")
        if isinstance(inner, dict):
            return Told("SwarmUI", _settings({**values, **inner}), (name,))
        for program, keys in SIGNS.items():
            if keys & values.keys():
                used = (name, "CreatorTool") if program == "Draw Things" else (name,)
                return Told(program, _settings(values), used)
    return None


def _automatic(texts: Mapping[str, str]) -> Told | None:
    """Automatic1111 and all that write as it does; their version says which of them."""
    for name in ("parameters", "UserComment", "comment"):
        text = texts.get(name, "")
        if found := read_parameters(text):
            version = found.get("Version", "")
            program = (
                "stable-diffusion.cpp" if version.startswith("stable-diff") else "AUTOMATIC1111"
            )
            settings = _read({n.lower().replace(" ", "_"): value for n, value in found.items()})
            return Told(program, _plain(settings), (name,), text)
    return None


_EASY = {"use_stable_diffusion_model", "num_inference_steps", "Stable Diffusion model"}
SIGNS: dict[str, set[str]] = {
    "mflux": {"mflux_version"},
    "Fooocus": {"fooocus_scheme", "base_model_hash"},
    "Easy Diffusion": _EASY,
    "Draw Things": {"uc"},
}
"""Names in a JSON object that only this program has."""
READERS: tuple[Callable[[Mapping[str, str]], Told | None], ...] = (
    *(_comfy, _invoke, _novel, _easy, _in_json),
    _automatic,
)


def _object(text: str) -> dict[str, Any]:
    """The JSON object in a text; an empty one where there is none."""
    if not text.lstrip().startswith("{"):
        return {}
    try:
        # Other programs write NaN too, which is no number to show.
        values = json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def _settings(values: Mapping[str, Any]) -> dict[str, Setting]:
    """The settings among the values, under one name each."""
    model = values.get("model")
    if isinstance(model, dict):
        values = {**values, "model": model.get("name") or model.get("model_name")}
    found = {
        name: next((values[a] for a in aliases if isinstance(values.get(a), Setting)), None)
        for name, aliases in ALIASES.items()
    }
    width, height = found.pop("width"), found.pop("height")
    if width and height and not found["size"]:
        found["size"] = f"{width}x{height}"
    return _plain(found)


def _plain(values: Mapping[str, Any]) -> dict[str, Setting]:
    """Texts and finite numbers, cut to a bearable length; the rest is left out."""
    plain: dict[str, Setting] = {}
    for name, value in values.items():
        if isinstance(value, str) and value.strip():
            plain[name] = value if len(value) <= MAX_VALUE else value[:MAX_VALUE] + " ..."
        elif isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**64:
            plain[name] = value
    return plain


def _read(values: Mapping[str, str]) -> dict[str, Setting]:
    """Texts as the numbers that they are; a prompt, a name and a hash of digits stay texts."""
    return {
        name: text if name in WORDS or name.endswith("hash") else _number(text)
        for name, text in values.items()
    }


def _number(text: str) -> Setting:
    if not NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)
