"""Comparing what was made again with what is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unidiff_cli.files import pictures
from unidiff_cli.files.originals import Original
from unidiff_cli.files.output import FORMATS, encode
from unidiff_cli.files.pictures import open_picture
from unidiff_cli.files.record import Record
from unidiff_cli.request import Result

if TYPE_CHECKING:
    from PIL import Image

INFINITE = float("inf")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How near the new samples are to the old ones."""

    same: bool
    psnr: float | None = None
    """In dB, infinite for equal pixels; None without two pictures of the same size."""
    findings: tuple[str, ...] = ()
    differences: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """What was recorded and what is now, where that is not the same."""

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        near = {} if self.psnr in (None, INFINITE) else {"psnr": round(self.psnr or 0.0, 2)}
        return {
            "same": self.same,
            **near,
            "findings": list(self.findings),
            "differences": {name: list(pair) for name, pair in self.differences.items()},
        }


def compare(original: Original, result: Result) -> Comparison:
    """Pixels with pixels, captions with captions, settings with settings."""
    record = original.record
    findings: list[str] = []
    same: list[bool] = []
    near: float | None = None
    new_image = result.outputs[0].image
    if original.picture is not None and new_image is not None:
        near = psnr(open_picture(original.picture), _as_saved(new_image, original.picture))
        same.append(near == INFINITE)
        findings.append(_pixels(near))
    elif new_image is not None:
        findings.append("no picture to compare with")
    for old, new in zip(record.outputs, result.outputs, strict=False):
        if old.text is not None and new.text is not None:
            same.append(old.text == new.text)
            findings.append("same words" if same[-1] else f"other words: {new.text!r}")
    return Comparison(
        same=bool(same) and all(same),
        psnr=near,
        findings=tuple(findings),
        differences=_differences(record, result),
    )


def _differences(record: Record, result: Result) -> dict[str, tuple[str, str]]:
    old = {**record.request.settings(), **record.made_with, "prompt": record.request.prompt}
    new = {**result.request.settings(), **result.made_with, "prompt": result.request.prompt}
    changed = {
        name: (str(old[name]), str(new.get(name)))
        for name in old
        if old[name] is not None and str(old[name]) != str(new.get(name))
    }
    # A setting that is there only now was left open then; a library was not looked for.
    chosen = result.request.settings().items()
    return changed | {name: ("open", str(value)) for name, value in chosen if name not in old}


def _pixels(near: float | None) -> str:
    if near is None:
        return "a picture of another size"
    return "same pixels" if near == INFINITE else f"other pixels, {near:.1f} dB PSNR"


def _as_saved(picture: Image.Image, path: Path) -> Image.Image:
    """The picture as it would come out of a file like that one: JPEG and WebP lose a little."""
    suffix = path.suffix if path.suffix.lower() in FORMATS else ".png"
    return open_picture(BytesIO(encode(picture, suffix, [])))


def psnr(first: Image.Image, second: Image.Image) -> float | None:
    """The peak signal-to-noise ratio in dB; infinite for equal, None for unequal sizes."""
    return pictures.psnr(first, second) if first.size == second.size else None
