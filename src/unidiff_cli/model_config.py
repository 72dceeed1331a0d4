"""What config.json of a model folder says: the sizes of every part and the model's defaults."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from unidiff_cli.errors import ModelUnavailable

FORMAT = "unidiff"
FORMAT_VERSION = 1
KINDS: Mapping[str, tuple[type, ...]] = {
    "text": (str,),
    "a whole number": (int,),
    "a number": (int, float),
    "a list": (list,),
    "an object": (dict,),
}
KEYS: Mapping[str, str] = {
    "name": "text",
    "license": "text",
    "size": "a whole number",
    "vae_scale": "a number",
    "uvit": "an object",
    **dict.fromkeys(
        ("uvit.dim", "uvit.channels", "uvit.text_tokens", "uvit.text_dim", "uvit.clip_dim"),
        "a whole number",
    ),
    "uvit.data_types": "a whole number",
    "vae": "an object",
    "vae.block_out_channels": "a list",
    "clip_text": "an object",
    "clip_text.vocab_size": "a whole number",
    "clip_text.hidden_size": "a whole number",
    "clip_image": "an object",
    "clip_image.image_size": "a whole number",
    "gpt2": "an object",
    "gpt2.vocab_size": "a whole number",
    "sampling": "an object",
    "sampling.solver": "text",
    "sampling.times": "text",
    "sampling.steps": "a whole number",
    "sampling.guidance": "a number",
    "sampling.order": "text",
    "sampling.modes": "an object",
}
"""What a config must say, as far as more than the part itself reads it."""
OPTIONAL = {"vae_scale", "uvit.data_types", *(key for key in KEYS if key.startswith("sampling."))}


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """A model's defaults: what suits it best where the user says nothing."""

    solver: str = "dpm++3s"
    times: str = "uniform"
    steps: int = 50
    guidance: float = 7.0
    order: str = "together"
    """Of the mode that has several."""
    modes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Mode -> what is otherwise there."""

    def of(self, mode: str, order: str | None = None) -> Self:
        """The defaults of one mode. A row of its own counts for its order, and for no other."""
        found = replace(self, **self.modes.get(mode, {}), modes={})
        if order in (None, found.order):
            return found
        return replace(self, order=order, modes={})


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The parts of a model, each as the keyword arguments of its class."""

    name: str
    license: str
    size: int
    """Side of the square pictures that it was trained on, in pixels."""
    uvit: Mapping[str, Any]
    """Fields of nets.uvit.UViTConfig."""
    vae: Mapping[str, Any]
    """Arguments of diffusers' AutoencoderKL, perhaps with a `decoder`: see nets.autoencoder."""
    clip_text: Mapping[str, Any]
    """Arguments of transformers' CLIPTextConfig."""
    clip_image: Mapping[str, Any]
    """Arguments of transformers' CLIPVisionConfig, or of a ResNet: see nets.image_tower."""
    gpt2: Mapping[str, Any]
    """Arguments of transformers' GPT2Config."""
    vae_scale: float = 0.18215
    """Latents are the posterior's samples times this: about unit variance."""
    sampling: Sampling = field(default_factory=Sampling)

    @property
    def text_tokens(self) -> int:
        """Length of the text latent."""
        return int(self.uvit["text_tokens"])

    @property
    def text_dim(self) -> int:
        """Width of the text latent."""
        return int(self.uvit["text_dim"])

    @property
    def clip_tokens(self) -> int:
        """How many of CLIP's embeddings a picture has: see codecs.views."""
        return int(self.uvit.get("clip_tokens", 1))

    @property
    def data_types(self) -> int:
        """2 for a model that has v1's flag, else 0."""
        return int(self.uvit.get("data_types", 0))

    def write(self, path: Path) -> None:
        """Write config.json."""
        values = {"format": FORMAT, "format_version": FORMAT_VERSION, **asdict(self)}
        path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """The config in a file; ModelUnavailable when it is none of ours."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
                raise ValueError(f"its format is not {FORMAT!r}")
            if values.pop("format_version", None) != FORMAT_VERSION:
                raise ValueError(f"its format_version is not {FORMAT_VERSION}")
            check_values(values)
            return cls(**{**values, "sampling": Sampling(**values["sampling"])})
        except FileNotFoundError:
            raise ModelUnavailable(
                "model.incomplete", f"{path.parent} holds no config.json."
            ) from None
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise ModelUnavailable(
                "model.config",
                f"{path} is not the config of a unidiff model ({error}).",
                "Convert a published checkpoint with: unidiff models convert SRC DST",
            ) from error


def check_values(values: Mapping[str, Any]) -> None:
    """A ValueError that names what a config lacks, or what is of another kind in it."""
    for name, kind in KEYS.items():
        part, _, key = name.rpartition(".")
        inside = values[part] if part else values
        if key not in inside:
            if name in OPTIONAL:
                continue
            raise ValueError(f"it has no {name}")
        # Not isinstance: to it True is a whole number.
        if type(inside[key]) not in KINDS[kind]:
            raise ValueError(f"its {name} is {kind}, got {inside[key]!r:.60}")
    for mode, row in values["sampling"].get("modes", {}).items():
        check_row(mode, row)


def check_row(mode: str, row: object) -> None:
    """A ValueError where a mode's own defaults are none."""
    name = f"sampling.modes.{mode}"
    if type(row) is not dict:
        raise ValueError(f"its {name} is an object, got {row!r:.60}")
    for key, value in row.items():
        kind = KEYS.get(f"sampling.{key}")
        if kind is None or key == "modes":
            raise ValueError(f"its {name} has an unknown {key}")
        if type(value) not in KINDS[kind]:
            raise ValueError(f"its {name}.{key} is {kind}, got {value!r:.60}")
