"""Render the small world into a folder of pairs, which every part is then trained on.

    python recipes/starter/render.py DATA OUT

DATA is the built set. OUT/train and OUT/heldout each get `pictures.npy` (N, 128, 128, 3) and
`captions.jsonl`: a line a picture with its three captions, its noun and the row it came from.
"""

from __future__ import annotations

import argparse
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


def once(pictures: Iterable[Picture], styles: Sequence[str]) -> list[Picture]:
    """One picture of each thing, in the earliest of the styles that has one."""
    ordered = sorted(pictures, key=lambda picture: styles.index(picture.vendor), reverse=True)
    return list({picture.noun: picture for picture in ordered}.values())


def main() -> None:
    """Write both folders."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scenes", type=int, default=33_000)
    parser.add_argument("--world", type=Path, default=HERE / "world.txt")
    parser.add_argument("--styles", nargs="+", choices=STYLES, default=list(STYLES))
    parser.add_argument(
        "--several", type=float, default=MIX.several, help="share of scenes with several things"
    )
    parser.add_argument(
        "--alone", dest="several", action="store_const", const=0.0, help="one thing to a scene"
    )
    parser.add_argument(
        "--once", action="store_true", help="each thing only in the first style that may show it"
    )
    parser.add_argument(
        "--recolour", type=float, default=MIX.recolour, help="share of things in another colour"
    )
    parser.add_argument(
        "--background", type=float, default=MIX.background, help="share of backgrounds not white"
    )
    arguments = parser.parse_args()
    world = small_world(records(arguments.data), nouns(arguments.world), arguments.styles)
    learned = once(trained(world), arguments.styles) if arguments.once else trained(world)
    heldout = [picture for picture in world if picture.split != TRAIN]
    shown = World(
        learned,
        pixels(arguments.data, [p.row for p in learned]),
        Mix(arguments.several, arguments.recolour, arguments.background),
    )
    art = pixels(arguments.data, [picture.row for picture in heldout])
    plain = (plain_pair(*each) for each in zip(heldout, art, strict=True))
    write(arguments.out / "heldout", plain, len(heldout))
    scenes = (shown.pair(arguments.seed, index) for index in range(arguments.scenes))
    write(arguments.out / "train", scenes, arguments.scenes)


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


if __name__ == "__main__":
    main()
