"""The picture of an edit: its full size and the model's, where it may change, and back again.

What the model makes has its own number of pixels. Only where the mask allows it, and there with a
soft seam if one is asked for, does it come into the picture: all other pixels stay what they were.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from unidiff_cli.checks.fields import MAX_SIDE, SIZE_STEP
from unidiff_cli.errors import InputError
from unidiff_cli.files.pictures import open_picture, opened
from unidiff_cli.request import picture_name

if TYPE_CHECKING:
    from PIL import Image

    from unidiff_cli.request import Request

SLACK = 0.02
"""By how much a mask's shape may differ from its picture's."""


@dataclass(frozen=True)
class Canvas:
    """A picture at its full size, with the margins that it was extended by."""

    picture: Image.Image
    change: Image.Image | None = None
    """Greys of the same size: 255 where it may change, 0 where it stays; None is everywhere."""
    feather: int = 0

    @classmethod
    def of(cls, request: Request) -> Canvas:
        """The canvas of an edit; InputError for what cannot be read, or a useless mask."""
        assert request.image is not None
        picture = open_picture(request.image)
        change = None
        if request.mask is not None:
            change = open_mask(request.mask, picture)
        if request.extend is not None:
            picture, change = extended(picture, change, request.extend)
        return cls(picture, change, request.feather or 0)

    def request(self, request: Request) -> Request:
        """The same order for the model: both pictures at its own size, margins and seam apart."""
        size = request.size or self.picture.size
        return replace(
            request,
            image=resized(self.picture, size),
            mask=None if self.change is None else covering(self.change, size),
            extend=None,
            feather=None,
        )

    def finish(self, made: Image.Image) -> Image.Image:
        """What the model made, at the picture's size and inside the mask."""
        from PIL import Image

        made = resized(made, self.picture.size)
        if self.change is None:
            return made
        return Image.composite(made, self.picture, seam(self.change, self.feather))


def working_size(request: Request, side: int) -> tuple[int, int]:
    """The shape of an edit's picture in about side x side pixels, in multiples of 16.

    A picture that cannot be read has the model's own size: what is wrong is told when it is opened.
    """
    try:
        width, height = _full_size(request)
    except InputError:
        return side, side
    longer = math.sqrt(width / height)
    across, down = (
        min(MAX_SIDE, max(SIZE_STEP, round(side * ratio / SIZE_STEP) * SIZE_STEP))
        for ratio in (longer, 1 / longer)
    )
    return across, down


def _full_size(request: Request) -> tuple[int, int]:
    assert request.image is not None
    if isinstance(request.image, str):
        width, height = open_picture(request.image).size  # upright, as its EXIF says
    else:
        width, height = request.image.size
    left, top, right, bottom = request.extend or (0, 0, 0, 0)
    return width + left + right, height + top + bottom


def open_mask(source: str | Image.Image, picture: Image.Image) -> Image.Image:
    """Where the picture may change: 255 where the mask is white, or opaque if it is transparent.

    InputError for a mask that allows nothing or everything, or of another shape.
    """
    from PIL import Image

    name = picture_name(source) or "The mask"
    grey = _openness(source)
    wide, high = (a / b for a, b in zip(grey.size, picture.size, strict=True))
    if abs(wide / high - 1) > SLACK:
        raise InputError(
            "input.mask",
            f"{name} is {grey.width} x {grey.height}, of another shape than its picture "
            f"({picture.width} x {picture.height}).",
            "Draw it on a copy of the picture.",
        )
    change = grey.point(lambda level: 255 if level >= 128 else 0)
    change = change.resize(picture.size, Image.Resampling.NEAREST)
    low, top = change.getextrema()
    if not top:
        raise InputError(
            "input.mask",
            f"{name} allows nothing to change.",
            "White or opaque is what may change.",
        )
    if low:
        raise InputError(
            "input.mask", f"{name} allows everything to change.", "Leave it out: --strength is all."
        )
    return change


def _openness(source: str | Image.Image) -> Image.Image:
    """Greys: how opaque each pixel is where any is not, else how bright."""
    from PIL import Image, ImageOps

    if isinstance(source, Image.Image):
        mask = source
    else:
        with opened(source) as mask:
            mask.load()
    if mask.has_transparency_data:
        alpha = ImageOps.exif_transpose(mask).convert("RGBA").getchannel("A")
        if alpha.getextrema()[0] != 255:
            return alpha
    return open_picture(source).convert("L")


def extended(
    picture: Image.Image, change: Image.Image | None, margins: tuple[int, int, int, int]
) -> tuple[Image.Image, Image.Image]:
    """The picture with margins of its outermost pixels, and a mask that allows these to change."""
    import numpy as np
    from PIL import Image

    left, top, right, bottom = margins
    across, down = picture.width + left + right, picture.height + top + bottom
    if max(across, down) > 4 * MAX_SIDE:
        raise InputError(
            "input.too-large",
            f"The picture would be {across} x {down} pixels.",
            f"Extend it by less: a side has at most {4 * MAX_SIDE}.",
        )
    around = ((top, bottom), (left, right))
    grown = np.pad(np.asarray(picture), (*around, (0, 0)), mode="edge")
    held = change or Image.new("L", picture.size, 0)
    mask = np.pad(np.asarray(held), around, constant_values=255)
    return Image.fromarray(grown), Image.fromarray(mask)


def resized(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The whole picture at another size; the very same at its own."""
    from PIL import Image

    return picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)


def covering(change: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The mask at another size, where a pixel may change if any of those that it covers may."""
    from PIL import Image

    small = change.resize(size, Image.Resampling.BOX)
    return small.point(lambda level: 255 if level else 0)


def seam(change: Image.Image, feather: int) -> Image.Image:
    """The mask, rising from nothing over so many pixels inside its edge; 0 outside as before."""
    import numpy as np
    from PIL import Image, ImageFilter

    if not feather:
        return change
    total, inner = np.zeros((change.height, change.width), np.uint32), change
    for _ in range(feather):
        inner = inner.filter(ImageFilter.MinFilter(3))
        total += np.asarray(inner) // 255
    outer = np.asarray(change) > 0
    rising = (total + outer) * 255 // (feather + 1)
    return Image.fromarray(rising.astype(np.uint8))
