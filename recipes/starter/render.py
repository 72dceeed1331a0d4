"""Render the small world into a folder of pairs, which every part is then trained on.

OUT/train and OUT/heldout each get `pictures.npy` (N, 128, 128, 3) and
`captions.jsonl`: a line a picture with its three captions, its noun and the row it came from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from captions import STYLES, Description, Thing, caption
from clipart import HERE, SIZE, TRAIN, Picture, nouns, pixels, records, small_world, trained
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from scenes import MIX, Mix, Scene, Shown, boxes, describe, draw_scene, realise

CAPTIONS = 3


@dataclass(frozen=True)
class World:
    """The pictures that may be learned from, and their (N, 128, 128, 4) art."""

    pictures: Sequence[Picture]
    art: NDArray[np.uint8]
    mix: Mix = MIX

    @cached_property
    def by_style(self) -> dict[str, list[Picture]]:
        """The pictures of each style."""
        found: dict[str, list[Picture]] = {}
        for picture in self.pictures:
            found.setdefault(picture.vendor, []).append(picture)
        return found

    @cached_property
    def place(self) -> dict[int, int]:
        """Where the art of a row is."""
        return {picture.row: place for place, picture in enumerate(self.pictures)}

    def pair(self, seed: int, index: int) -> tuple[Scene, NDArray[np.uint8], list[str]]:
        """Pair `index`: every picture in turn, in a scene drawn from (seed, index) alone."""
        rng = np.random.default_rng((seed, index))
        picture = self.pictures[index % len(self.pictures)]
        scene = draw_scene(picture, self.by_style, rng, self.mix)
        art = [self.art[self.place[thing.picture.row]] for thing in scene.things]
        scene, shot = realise(scene, art)
        return scene, shot, [describe(scene, rng) for _ in range(CAPTIONS)]


def plain_pair(
    picture: Picture, rgba: NDArray[np.uint8]
) -> tuple[Scene, NDArray[np.uint8], list[str]]:
    """A picture as it is, on white, simply named: how held-out ones are judged."""
    scene, shot = realise(Scene((Shown(picture),)), [rgba])
    return scene, shot, [name(scene)]


def name(scene: Scene) -> str:
    """What is there, and nothing more: "a fox", "two foxes", "a fox and a car"."""
    things = tuple(Thing(shown.picture.noun, count=len(shown.corners)) for shown in scene.things)
    return caption(Description(things, "{first} and {second}" if scene.relation else ""))


def line(scene: Scene, captions: Sequence[str]) -> str:
    """What captions.jsonl says of a pair."""
    told = {
        "captions": captions,
        "noun": scene.things[0].picture.noun,
        "name": name(scene),
        "things": [
            {
                "noun": thing.picture.noun,
                "row": thing.picture.row,
                "vendor": thing.picture.vendor,
                "colour": thing.colour,
                "box": box,
            }
            for thing in scene.things
            for box in boxes(thing)
        ],
        "split": scene.things[0].picture.split,
        "relation": scene.relation,
        "background": scene.background,
    }
    return json.dumps(told)


def once_each(pictures: Iterable[Picture], styles: Sequence[str]) -> list[Picture]:
    """One picture of each thing, in the earliest of the styles that has one."""
    ordered = sorted(pictures, key=lambda picture: styles.index(picture.vendor), reverse=True)
    return list({picture.noun: picture for picture in ordered}.values())


def make(
    data: Path,
    out: Path,
    *,
    scenes: int,
    world: str = "world.txt",
    styles: Sequence[str] = tuple(STYLES),
    once: bool = False,
    several: float = MIX.several,
    recolour: float = MIX.recolour,
    background: float = MIX.background,
    seed: int = 0,
) -> None:
    """Both folders; with `once` a thing is shown only in the first of the styles that has it.

    `several`, `recolour` and `background` are shares: of scenes with several things, of things in
    another colour, of backgrounds that are not white.
    """
    known = small_world(records(data), nouns(HERE / world), styles)
    learned = once_each(trained(known), styles) if once else trained(known)
    heldout = [picture for picture in known if picture.split != TRAIN]
    rows = pixels(data, [picture.row for picture in learned])
    shown = World(learned, rows, Mix(several, recolour, background))
    art = pixels(data, [picture.row for picture in heldout]) if heldout else ()
    plain = (plain_pair(*each) for each in zip(heldout, art, strict=True))
    write(out / "heldout", plain, len(heldout))
    write(out / "train", (shown.pair(seed, index) for index in range(scenes)), scenes)


def write(
    folder: Path, pairs: Iterable[tuple[Scene, NDArray[np.uint8], list[str]]], count: int
) -> None:
    """A folder of pairs."""
    folder.mkdir(parents=True, exist_ok=True)
    shape = (count, SIZE, SIZE, 3)
    shots = open_memmap(folder / "pictures.npy", mode="w+", dtype=np.uint8, shape=shape)
    with (folder / "captions.jsonl").open("w", encoding="utf-8") as lines:
        for index, (scene, shot, captions) in enumerate(pairs):
            shots[index] = shot
            lines.write(line(scene, captions) + "\n")
    shots.flush()
