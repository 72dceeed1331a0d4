"""The three ways that a model lies in a folder: which files each of them has. No torch here.

ours        config.json that says so, safetensors, tokenizers
diffusers   a folder a part, with .bin or .safetensors
original    uvit_v0.pth or uvit_v1.pth, caption_decoder.pth, autoencoder_kl.pth
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.storage.checkpoint import Part, TokenizerName
from unidiff_cli.storage.weights import WHOLE, weights

Layout = Literal["ours", "diffusers", "original"]

WORDS = "words.json"
TUNED = "tuned.json"
"""The solver of a model, which is no part of it: it may be learned anew."""
END = 2**16
"""Bytes of either end of a file that its folder's revision depends on."""
CONFIG = "config.json"
PARTS: tuple[Part, ...] = ("uvit", "vae", "clip_text", "clip_image", "captioner")
"""What a model is made of; encode_prefix is a piece of the captioner."""
TOKENIZERS: tuple[TokenizerName, ...] = ("clip", "caption")

FOLDERS: Mapping[Part, str] = {
    "uvit": "unet",
    "vae": "vae",
    "clip_text": "text_encoder",
    "clip_image": "image_encoder",
    "captioner": "text_decoder",
}
"""Of the diffusers layout."""
TOKENIZER_FOLDERS: Mapping[TokenizerName, str] = {
    "clip": "clip_tokenizer",
    "caption": "text_tokenizer",
}
VOCABULARIES = (("tokenizer.json",), ("vocab.json", "merges.txt"))
"""The files of a tokenizer's folder, best first."""

ORIGINAL_UVIT = ("uvit_v1.pth", "uvit_v0.pth")
ORIGINAL_CAPTIONER = "caption_decoder.pth"
ORIGINAL_VAE = "autoencoder_kl.pth"


def part_file(part: Part) -> str:
    """The file of a part in our layout."""
    return f"{part}.safetensors"


def tokenizer_file(name: TokenizerName) -> str:
    """The file of a tokenizer in our layout."""
    return f"{name}_tokenizer.json"


def layout_of(folder: Path) -> Layout:
    """How the model in a folder is laid out; ModelUnavailable when there is none."""
    if not folder.is_dir():
        raise ModelUnavailable(
            "model.folder", f"{folder} is not a folder.", "Give the folder that the model is in."
        )
    layout = layout_among(files_in(folder))
    if layout is None:
        raise ModelUnavailable(
            "model.folder",
            f"{folder} holds no model: neither {CONFIG}, nor {FOLDERS['uvit']}/{CONFIG}, nor "
            f"{' or '.join(ORIGINAL_UVIT)}.",
            "Published models are fetched with: unidiff models pull",
        )
    return layout


def layout_among(names: Iterable[str]) -> Layout | None:
    """The layout that a folder's or repository's file names speak of, if any."""
    present = set(names)
    if f"{FOLDERS['uvit']}/{CONFIG}" in present:
        return "diffusers"
    if present.intersection(ORIGINAL_UVIT):
        return "original"
    return "ours" if CONFIG in present else None


def needed(layout: Layout, present: Iterable[str]) -> tuple[list[str], list[str]]:
    """(the files that suffice, what is missing) among a folder's or repository's file names."""
    names = set(present)
    if layout == "ours":
        wanted = [CONFIG, *map(part_file, PARTS), *map(tokenizer_file, TOKENIZERS)]
        return [n for n in wanted if n in names], [n for n in wanted if n not in names]
    if layout == "original":
        uvit = next((name for name in ORIGINAL_UVIT if name in names), ORIGINAL_UVIT[0])
        wanted = [uvit, ORIGINAL_CAPTIONER, ORIGINAL_VAE]
        return [n for n in wanted if n in names], [n for n in wanted if n not in names]
    found: list[str] = []
    missing: list[str] = []
    choices = [
        *((FOLDERS[part], ((CONFIG,),)) for part in PARTS),
        *((TOKENIZER_FOLDERS[name], VOCABULARIES) for name in TOKENIZERS),
    ]
    for folder, alternatives in choices:
        paths = [[f"{folder}/{name}" for name in files] for files in alternatives]
        best = next((files for files in paths if names.issuperset(files)), None)
        if best is None:
            missing.append(" or ".join(" + ".join(files) for files in paths))
        found += best or []
    for folder in (FOLDERS[part] for part in PARTS):
        inside = (name.removeprefix(f"{folder}/") for name in names if name.startswith(folder))
        there, absent = weights(inside)
        found += [f"{folder}/{name}" for name in there]
        missing += [f"{folder}/{name}" for name in absent]
        if not there:
            missing.append(" or ".join(f"{folder}/{name}" for name in WHOLE))
    return found, missing


def is_complete(folder: Path) -> bool:
    """Whether all files of a model are in a folder."""
    names = files_in(folder)
    layout = layout_among(names)
    return layout is not None and not needed(layout, names)[1]


def check_readable(folder: Path) -> None:
    """PermissionError where a file of a folder may not be read."""
    for name in files_in(folder):
        if not os.access(folder / name, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder / name))


def files_in(folder: Path) -> list[str]:
    """Names of all files in a folder, at most two levels down, with forward slashes."""
    return sorted(
        path.relative_to(folder).as_posix()
        for pattern in ("*", "*/*")
        for path in folder.glob(pattern)
        if path.is_file()
    )


def human(size: int) -> str:
    """Bytes in the unit that people read: 5.49 GB."""
    number, units = float(size), ["bytes", "kB", "MB", "GB", "TB"]
    while number >= 999.5 and len(units) > 1:
        number /= 1000
        units.pop(0)
    return f"{number:.0f} bytes" if units[0] == "bytes" else f"{number:.3g} {units[0]}"


def digest(folder: Path) -> str:
    """Twelve hexadecimal digits that change with the size or the ends of any file of the model.

    A training changes all weights, so those at the ends too; gigabytes are not read for it. What
    else lies in the folder is no part of the model.
    """
    whole, present = hashlib.sha256(), files_in(folder)
    names = needed(layout_of(folder), present)[0] + [name for name in present if name == WORDS]
    for path in sorted(folder / name for name in names):
        whole.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size}\n".encode())
        with open(path, "rb") as file:
            whole.update(file.read(END))
            file.seek(max(0, path.stat().st_size - END))
            whole.update(file.read(END))
    return whole.hexdigest()[:12]
