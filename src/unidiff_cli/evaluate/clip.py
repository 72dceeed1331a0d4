"""A CLIP as judge: any that transformers keeps, from a folder or the Hub's cache."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor

from unidiff_cli.codecs.image import CLIP_MEAN, CLIP_STD, clip_pixels
from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.storage.hub import cached_folder

CLIP = "openai/clip-vit-large-patch14"
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
PREPARED = ("processor_config.json", "preprocessor_config.json")
"""Say how pictures are normalised: of a CLIPProcessor of transformers 5, or of its image part."""


@dataclass(frozen=True)
class Clip:
    """A CLIP of transformers; the text side is None where its folder has none."""

    net: Any
    tokenizer: Any
    device: torch.device
    name: str
    width: int
    side: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    notes: tuple[str, ...] = ()
    """What should be known of how it looks at pictures."""

    @property
    def about(self) -> Mapping[str, str]:
        """What else its vectors depend on: nothing."""
        return {}

    @torch.inference_mode()
    def features(self, pictures: Sequence[Image.Image]) -> Tensor:
        """(N, width), not normalised: the shorter side resized (bicubic), the centre cut out."""
        each = [clip_pixels(picture, self.side, self.mean, self.std) for picture in pictures]
        x = torch.cat(each).to(self.device)
        vision: Tensor = self.net.vision_model(pixel_values=x).pooler_output
        projected: Tensor = self.net.visual_projection(vision)
        return projected.float().cpu()

    @torch.inference_mode()
    def words(self, texts: Sequence[str]) -> Tensor:
        """(N, width), not normalised; a text that is too long is cut off."""
        rows = [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]
        longest = max(map(len, rows))
        # What stands after the end is not looked at, so the end itself fills up.
        ids = torch.tensor([row + row[-1:] * (longest - len(row)) for row in rows])
        text: Tensor = self.net.text_model(input_ids=ids.to(self.device)).pooler_output
        projected: Tensor = self.net.text_projection(text)
        return projected.float().cpu()


def open_clip(where: str, device: torch.device, *, text: bool = True) -> Clip:
    """The CLIP in a folder, or of a Hub id that is in the cache; ModelUnavailable if it is not."""
    folder = Path(where) if Path(where).is_dir() else _cached(where, text)
    config = _json(folder / "config.json")
    kind = config.get("model_type")
    if kind != "clip" and (text or kind != "clip_vision_model"):
        raise ModelUnavailable(
            "model.other-kind", f"{where} is no CLIP (its model_type is {kind!r}).", f"Try {CLIP}."
        )
    net = _load(folder, "CLIPModel" if kind == "clip" else "CLIPVisionModelWithProjection", device)
    vision = net.config.vision_config if kind == "clip" else net.config
    prepared = _prepared(folder)
    return Clip(
        net=net,
        tokenizer=_tokenizer(folder, net.config.text_config) if text else None,
        device=device,
        name=where,
        width=int(net.config.projection_dim),
        side=int(vision.image_size),
        mean=tuple(prepared.get("image_mean", CLIP_MEAN)),
        std=tuple(prepared.get("image_std", CLIP_STD)),
        notes=() if prepared else (f"{where} says nothing of how its pictures are normalised "
        f"(no {' or '.join(PREPARED)}): OpenAI's numbers are used",),
    )  # fmt: skip


def _prepared(folder: Path) -> dict[str, Any]:
    """How pictures are prepared, found as transformers does; empty if no file says so."""
    whole, alone = (_json(folder / name, {}) for name in PREPARED)
    return whole.get("image_processor") or alone


def _cached(where: str, text: bool) -> Path:
    """The snapshot of a Hub id in the cache."""
    if where.count("/") != 1:
        raise ModelUnavailable(
            "model.unknown",
            f"There is no network {where!r}.",
            "Name a folder, or a Hub id such as " + CLIP + ".",
        )
    needed = ["config.json", *(["tokenizer.json"] if text else [])]
    folder = cached_folder(where, [(*needed, weights) for weights in WEIGHTS])
    if folder is None:
        files = " ".join([*needed, *PREPARED, WEIGHTS[0]])  # those that are not there do no harm
        raise ModelUnavailable(
            "model.judge-missing",
            f"{where} is not on this machine.",
            f"Fetch it: hf download {where} {files}",
        )
    return folder


def _load(folder: Path, name: str, device: torch.device) -> Any:
    import transformers

    with _quiet():
        try:
            net, report = getattr(transformers, name).from_pretrained(
                folder, local_files_only=True, output_loading_info=True, dtype=torch.float32
            )
        except (SafetensorError, UnpicklingError, OSError, ValueError, RuntimeError) as error:
            said = str(error).strip().splitlines() or [type(error).__name__]
            raise ModelUnavailable(
                "model.other-kind",
                f"{folder} cannot be loaded as a CLIP ({said[0].rstrip('.')}).",
                "Its weights belong to another version, or are damaged: fetch them again.",
            ) from error
    if report["missing_keys"] or report["mismatched_keys"]:
        raise ModelUnavailable(
            "model.damaged", f"The weights in {folder} are not those of a whole CLIP."
        )
    return net.to(device).eval().requires_grad_(False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Transformers tells neither of its progress nor of tensors that are not needed."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _tokenizer(folder: Path, text_config: Any) -> Any:
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ModelUnavailable(
            "model.incomplete", f"{folder} has no tokenizer.json.", f"Compare it with {CLIP}."
        )
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(int(text_config.max_position_embeddings))
    return tokenizer


def _json(path: Path, missing: dict[str, Any] | None = None) -> dict[str, Any]:
    if not path.is_file() and missing is not None:
        return missing
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelUnavailable("model.config", f"{path} cannot be read ({error}).") from error
    return values
