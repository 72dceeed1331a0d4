"""Colours as a picture's own profile means them, in sRGB: what all models were shown."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageCms import ImageCmsProfile, ImageCmsTransform

SPACES = {
    "RGB": ("RGB", ("RGB", "RGBA", "P", "PA", "L", "LA", "1")),
    "GRAY": ("L", ("L", "LA", "1")),
    "CMYK": ("CMYK", ("CMYK",)),
}
"""A profile's colours: the mode in which Pillow converts them, and the modes of such pictures."""
GRID = 9
"""Values of red, green and blue each, by which it is found whether a profile changes anything."""
NEAR = 2
"""Levels of 255 that a profile may be off and still be sRGB: there are many versions of it."""


def to_srgb(picture: Image.Image, name: str) -> Image.Image:
    """The picture in sRGB: by its profile, perceptually, where it has one that changes it.

    Transparency stays. A profile that is damaged or not of this picture is passed over, which is
    said once.
    """
    from logging import getLogger

    from PIL.ImageCms import PyCMSError

    log = getLogger(__name__)
    raw = picture.info.get("icc_profile")
    if not isinstance(raw, bytes) or not raw:
        return picture
    try:
        space, transform = _transform(raw)
    except (PyCMSError, OSError, ValueError, TypeError) as error:
        log.warning("%s: its colour profile is damaged and passed over (%s)", name, error)
        return picture
    mode, modes = SPACES.get(space, ("", ()))
    if picture.mode not in modes:
        log.warning("%s: its colour profile is for %s, and passed over", name, space or "nothing")
        return picture
    if transform is None:
        return picture
    alpha = picture.convert("RGBA").getchannel("A") if picture.has_transparency_data else None
    colours = picture.convert("RGB" if alpha and mode == "RGB" else mode)
    converted = transform.apply(colours)
    if alpha:
        converted.putalpha(alpha)
    return converted


@lru_cache(maxsize=8)
def _transform(raw: bytes) -> tuple[str, ImageCmsTransform | None]:
    """The profile's colours, and how they become sRGB: None where they are that."""
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(BytesIO(raw))
    space = profile.profile.xcolor_space.strip()
    if space not in SPACES:
        return space, None
    transform = ImageCms.buildTransform(
        profile, _srgb(), SPACES[space][0], "RGB", ImageCms.Intent.PERCEPTUAL
    )
    same = space == "RGB" and _changes(transform) <= NEAR
    return space, None if same else transform


@lru_cache(maxsize=1)
def _srgb() -> ImageCmsProfile:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _changes(transform: ImageCmsTransform) -> int:
    """The most that any value of a grid of colours is changed by."""
    from PIL import Image, ImageChops

    steps = [round(255 * n / (GRID - 1)) for n in range(GRID)]
    colours = bytes(v for r in steps for g in steps for b in steps for v in (r, g, b))
    grid = Image.frombytes("RGB", (GRID**2, GRID), colours)
    extrema = ImageChops.difference(grid, transform.apply(grid)).getextrema()
    return max(high for _, high in extrema)  # type: ignore[misc]
