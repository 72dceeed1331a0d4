"""Pictures as they are shown in training: one thing, some of a kind, or two and how they stand.

Every scene is drawn from a generator alone, so the same generator gives the same scene. What a
rule holds out (`held_out`) is never drawn for training.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from captions import (
    BACKGROUNDS,
    COLOURS,
    RELATIONS,
    STYLES,
    Description,
    Thing,
    caption,
    stands_bare,
)
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
NEAR = 0.15  # how much of their differences stays: red is not far from orange
SMALL = 0.55  # side of a small thing, of the usual one
PART = 60  # side of one of several things
SOME = 3 / 7  # of the scenes with several things, those with some of a kind
SMALLER = 0.07  # of the others, those with a small one
HELD_OUT = 20  # one combination in so many is never shown
Corner = tuple[int, int]  # x, y of a thing's upper left
LOW, MIDDLE, HIGH = 2, (SIZE - PART) // 2, SIZE - PART - 2
PLACES: dict[int, tuple[Corner, ...]] = {
    2: ((LOW, MIDDLE), (HIGH, MIDDLE)),
    3: ((MIDDLE, LOW), (LOW, HIGH), (HIGH, HIGH)),
    4: ((LOW, LOW), (HIGH, LOW), (LOW, HIGH), (HIGH, HIGH)),
}
TOGETHER: dict[str, tuple[Corner, Corner]] = {
    "left of": ((LOW, MIDDLE), (HIGH, MIDDLE)),
    "above": ((MIDDLE, LOW), (MIDDLE, HIGH)),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One kind of thing in a scene: its picture, in its own colours or ("red") another, and where.

    Each of `corners` is the upper left of one of them; all have the same `side`.
    """

    picture: Picture
    colour: str = ""
    side: int = SIZE
    corners: tuple[Corner, ...] = ((0, 0),)

    @property
    def small(self) -> bool:
        """Whether it is alone and smaller than usual."""
        return len(self.corners) == 1 and PART < self.side < SIZE


@dataclass(frozen=True, slots=True)
class Scene:
    """What is shown: one kind of thing, or two, the first of which stands so to the second."""

    things: tuple[Shown, ...]
    background: str = "white"
    relation: str = ""


@dataclass(frozen=True, slots=True)
class Mix:
    """What scenes are drawn."""

    several: float = 0.28  # the share of scenes with more than one thing
    recolour: float = 0.4  # the share of things that are shown in another colour
    background: float = 0.3  # the share of scenes before another background than white


MIX = Mix()


def held_out(*words: str) -> bool:
    """Whether a combination, such as ("red", "fox") or ("fox", "car"), is never shown."""
    return zlib.crc32("|".join(words).encode()) % HELD_OUT == 0


def combinations(scene: Scene) -> list[tuple[str, ...]]:
    """What in a scene could be held out: thing with colour, background, number, other thing."""
    found: list[tuple[str, ...]] = []
    for thing in scene.things:
        noun, number = thing.picture.noun, len(thing.corners)
        found += [(thing.colour, noun)] * bool(thing.colour)
        found += [(noun, "on", scene.background)] * (scene.background != "white")
        found += [(str(number), noun)] * (number > 1)
    if len(scene.things) == 2:
        found.append(tuple(sorted(thing.picture.noun for thing in scene.things)))
    return found


def draw_scene(
    picture: Picture,
    others: Mapping[str, Sequence[Picture]],
    rng: np.random.Generator,
    mix: Mix = MIX,
) -> Scene:
    """A scene that may be shown in training, with `picture` in it; mostly it alone, on white.

    `others` has the pictures of each style: two things of a scene are drawn in the same one.
    """
    while True:
        scene = _draw(picture, others[picture.vendor], mix, rng)
        if not any(held_out(*words) for words in combinations(scene)):
            return scene


def backgrounds(shown: Shown) -> list[str]:
    """Those other than white before which a thing does not vanish for being of their colour."""
    own = shown.colour or shown.picture.colour
    return [colour for colour in BACKGROUNDS[1:] if colour != own]


def _draw(picture: Picture, others: Sequence[Picture], mix: Mix, rng: np.random.Generator) -> Scene:
    first = Shown(picture, some_colour(mix.recolour, rng))
    painted = rng.random() < mix.background
    background = str(rng.choice(backgrounds(first))) if painted else "white"
    several = rng.random() < mix.several
    if several and rng.random() < SOME and not stands_bare(picture.noun):
        corners = PLACES[int(rng.integers(2, 5))]
        return Scene((replace(first, side=PART, corners=corners),), background)
    if several:
        other = others[int(rng.integers(len(others)))]
        if other.noun != picture.noun:
            second = Shown(other, some_colour(mix.recolour, rng))
            return together(first, second, str(rng.choice(list(RELATIONS))), background, rng)
    if rng.random() < SMALLER:
        side = round(SMALL * SIZE)
        x, y = ((SIZE - side) // 2 + rng.integers(-8, 9, 2)).tolist()
        first = replace(first, side=side, corners=((x, y),))
    return Scene((first,), background)


def some_colour(share: float, rng: np.random.Generator) -> str:
    """One of COLOURS, or "" for a thing in its own."""
    return str(rng.choice(COLOURS)) if rng.random() < share else ""


def together(
    one: Shown, other: Shown, relation: str, background: str, rng: np.random.Generator
) -> Scene:
    """Two things, either of which may be the first."""
    pair = (one, other) if rng.random() < 0.5 else (other, one)
    places = zip(pair, TOGETHER[relation], strict=True)
    things = tuple(replace(thing, side=PART, corners=(place,)) for thing, place in places)
    return Scene(things, background, relation)


def describe(scene: Scene, rng: np.random.Generator) -> str:
    """A true caption: what was changed is told, what is as usual sometimes."""
    told = tuple(_thing(shown, len(scene.things) == 1, rng) for shown in scene.things)
    usual = scene.background == "white"
    style = STYLES[scene.things[0].picture.vendor]
    return caption(
        Description(
            told,
            str(rng.choice(RELATIONS[scene.relation])) if scene.relation else "",
            scene.background if not usual or rng.random() < 0.1 else "",
            style if rng.random() < (0.15 if scene.relation else 0.35) else "",
        )
    )


def _thing(shown: Shown, alone: bool, rng: np.random.Generator) -> Thing:
    own = shown.picture.colour if alone and rng.random() < 0.25 else ""
    return Thing(shown.picture.noun, shown.colour or own, len(shown.corners), shown.small)


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
    rich = 0.5 + 0.5 * saturation  # a dull red is brown
    match colour:
        case "pink":
            saturation, value = 0.25 + 0.35 * saturation, np.minimum(1, 0.6 * value + 0.4)
        case "yellow" | "orange":
            saturation, value = rich, np.minimum(1, 0.6 * value + 0.4)
        case "red" | "blue" | "purple":
            saturation, value = rich, np.minimum(1, 0.8 * value + 0.15)
        case "green":
            saturation, value = 0.9 * rich, 0.75 * value + 0.1
        case "brown":
            saturation, value = np.minimum(1, 0.45 + 0.35 * saturation), 0.62 * value
    new = from_hsv(HUES[colour] + NEAR * away, saturation, value)
    mixed = np.round(255 * (rgb * (1 - share) + new * share)).astype(np.uint8)
    return np.concatenate([mixed, rgba[..., 3:]], axis=-1)


def render(scene: Scene, art: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """The scene as (128, 128, 3); `art` are the (128, 128, 4) pictures of its things, in order."""
    canvas = Image.new("RGB", (SIZE, SIZE), PLAIN[scene.background])
    for shown, rgba in zip(scene.things, art, strict=True):
        thing = Image.fromarray(rgba)
        if shown.side != SIZE:
            thing = thing.resize((shown.side, shown.side), Image.Resampling.LANCZOS)
        for corner in shown.corners:
            canvas.paste(thing, corner, thing)
    return np.asarray(canvas)


def realise(scene: Scene, art: Sequence[NDArray[np.uint8]]) -> tuple[Scene, NDArray[np.uint8]]:
    """The scene as it can be shown, and its picture: own colours where recolouring would fail."""
    things, painted = [], []
    for shown, rgba in zip(scene.things, art, strict=True):
        new = recoloured(rgba, shown.colour) if shown.colour else None
        things.append(shown if new is not None else replace(shown, colour=""))
        painted.append(rgba if new is None else new)
    scene = replace(scene, things=tuple(things))
    return scene, render(scene, painted)


def boxes(shown: Shown) -> list[tuple[int, int, int, int]]:
    """(left, upper, right, lower) of each of them, in pixels."""
    return [(x, y, x + shown.side, y + shown.side) for x, y in shown.corners]
