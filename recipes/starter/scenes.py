"""Pictures as they are shown in training: recoloured, put before a plain background, captioned.

A scene is drawn from a generator alone, so the same generator gives the same scene.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from captions import BACKGROUNDS, COLOURS, STYLES, Description, caption
from clipart import SIZE, Picture
from numpy.typing import NDArray
from PIL import Image

HUES = {
    "red": 2,
    "orange": 28,
    "yellow": 50,
    "green": 120,
    "blue": 215,
    "purple": 275,
    "pink": 330,
    "brown": 24,
}
PLAIN = {
    "white": (255, 255, 255),
    "black": (22, 22, 26),
    "gray": (150, 152, 158),
    "red": (226, 58, 54),
    "orange": (250, 146, 56),
    "yellow": (250, 216, 74),
    "green": (72, 186, 98),
    "blue": (64, 132, 242),
    "purple": (148, 88, 218),
    "pink": (246, 152, 192),
}
MOVED = 85.0  # degrees of hue around the commonest one that take part in a recolouring
SMALL = 0.55  # side of a small thing, of the usual one


@dataclass(frozen=True, slots=True)
class Scene:
    """What is shown: a picture, its new colour ("" for its own), background and size."""

    picture: Picture
    colour: str
    background: str
    small: bool
    corner: tuple[int, int]  # of a small thing: x, y


def draw_scene(picture: Picture, rng: np.random.Generator) -> Scene:
    """Most often the picture as it is, on white."""
    colour = str(rng.choice(COLOURS)) if rng.random() < 0.3 else ""
    background = str(rng.choice(BACKGROUNDS[1:])) if rng.random() < 0.3 else "white"
    small = bool(rng.random() < 0.06)
    room = SIZE - round(SMALL * SIZE)
    x, y = (room // 2 + rng.integers(-8, 9, 2)).tolist() if small else (0, 0)
    return Scene(picture, colour, background, small, (x, y))


def describe(scene: Scene, rng: np.random.Generator) -> str:
    """A true caption: what was changed is nearly always told, what is as usual sometimes."""
    picture = scene.picture
    own_colour = picture.colour if rng.random() < 0.25 else ""
    said = Description(
        noun=picture.noun,
        colour=scene.colour if scene.colour and rng.random() < 0.95 else own_colour,
        style=STYLES[picture.vendor] if rng.random() < 0.35 else "",
        small=scene.small,
    )
    told = 0.95 if scene.background != "white" else 0.1
    if scene.colour:
        said = replace(said, colour=scene.colour)
    return caption(replace(said, background=scene.background if rng.random() < told else ""))


def hsv(rgb: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    """(H, W, 3) in 0..1 -> hue in degrees, saturation, value."""
    picture = Image.fromarray(np.round(rgb * 255).astype(np.uint8)).convert("HSV")
    hue, saturation, value = np.moveaxis(np.asarray(picture, np.float32) / 255, -1, 0)
    return hue * 360, saturation, value


def from_hsv(hue: object, saturation: object, value: object) -> NDArray[np.float32]:
    """Hue in degrees, saturation and value -> (H, W, 3) in 0..1."""
    stacked = np.stack([np.asarray(hue) % 360 / 360, saturation, value], axis=-1)  # type: ignore[list-item]
    codes = np.round(np.clip(stacked, 0, 1) * 255).astype(np.uint8)
    return np.asarray(Image.fromarray(codes, "HSV").convert("RGB"), np.float32) / 255


def recoloured(rgba: NDArray[np.uint8], colour: str) -> NDArray[np.uint8] | None:
    """The picture with its commonest hue, and what is near it, turned to `colour`.

    None where too little of it has a hue at all: painting that would hide what it is.
    """
    rgb, alpha = rgba[..., :3].astype(np.float32) / 255, rgba[..., 3]
    hue, saturation, value = hsv(rgb)
    solid = alpha > 200
    coloured = solid & (saturation > 0.2) & (value > 0.15)
    if coloured.sum() < 0.25 * max(1, solid.sum()):
        return None
    counts = np.bincount((hue[coloured] // 10).astype(int) % 36, saturation[coloured], 36)
    common = 10 * int((counts + np.roll(counts, 1) + np.roll(counts, -1)).argmax()) + 5
    away = (hue - common + 180) % 360 - 180
    share = np.clip((MOVED - np.abs(away)) / 30, 0, 1)[..., None]
    match colour:
        case "pink":
            saturation, value = 0.6 * saturation, np.minimum(1, 0.6 * value + 0.4)
        case "yellow" | "orange":
            value = np.minimum(1, 0.8 * value + 0.2)
        case "green":
            saturation, value = 0.9 * saturation, 0.86 * value
        case "brown":
            saturation, value = np.minimum(1, 0.45 + 0.35 * saturation), 0.62 * value
    new = from_hsv(HUES[colour] + 0.4 * away, saturation, value)
    mixed = np.round(255 * (rgb * (1 - share) + new * share)).astype(np.uint8)
    return np.concatenate([mixed, rgba[..., 3:]], axis=-1)


def render(scene: Scene, rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The scene as (128, 128, 3); `rgba` is its picture, recoloured where the scene says so."""
    thing = Image.fromarray(rgba)
    if scene.small:
        side = round(SMALL * SIZE)
        thing = thing.resize((side, side), Image.Resampling.LANCZOS)
    canvas = Image.new("RGB", (SIZE, SIZE), PLAIN[scene.background])
    canvas.paste(thing, scene.corner, thing)
    return np.asarray(canvas)


def shown(scene: Scene, rgba: NDArray[np.uint8]) -> tuple[Scene, NDArray[np.uint8]]:
    """The scene as it can be shown, and its picture: own colours where recolouring would fail."""
    new = recoloured(rgba, scene.colour) if scene.colour else None
    if new is None:
        return replace(scene, colour=""), render(replace(scene, colour=""), rgba)
    return scene, render(scene, new)
