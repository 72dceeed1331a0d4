"""Render the small world into a folder of pairs, which every part is then trained on.

    python recipes/starter/render.py DATA OUT

DATA is the built set. OUT/train and OUT/heldout each get `pictures.npy` (N, 128, 128, 3) and
`captions.jsonl`: a line a picture with its three captions, its noun and the row it came from.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from captions import Description, caption
from clipart import SIZE, Picture, nouns, pixels, records, small_world, trained
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from scenes import Scene, describe, draw_scene, shown

SCENES = 16_470
CAPTIONS = 3


def train_pair(
    pictures: Sequence[Picture], art: NDArray[np.uint8], seed: int, index: int
) -> tuple[Scene, NDArray[np.uint8], list[str]]:
    """Pair `index`: every picture in turn, as a scene drawn from (seed, index) alone."""
    rng = np.random.default_rng((seed, index))
    number = index % len(pictures)
    scene, shot = shown(draw_scene(pictures[number], rng), art[number])
    return scene, shot, [describe(scene, rng) for _ in range(CAPTIONS)]


def plain_pair(
    picture: Picture, rgba: NDArray[np.uint8]
) -> tuple[Scene, NDArray[np.uint8], list[str]]:
    """A picture as it is, on white, simply named: how held-out ones are judged."""
    scene, shot = shown(Scene(picture, "", "white", False, (0, 0)), rgba)
    return scene, shot, [caption(Description(picture.noun))]


def line(scene: Scene, captions: Sequence[str]) -> str:
    """What captions.jsonl says of a pair."""
    told = {
        "captions": captions,
        "noun": scene.picture.noun,
        "row": scene.picture.row,
        "split": scene.picture.split,
        "vendor": scene.picture.vendor,
        "colour": scene.colour,
        "background": scene.background,
    }
    return json.dumps(told)


def main() -> None:
    """Write both folders."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    world = small_world(records(arguments.data), nouns())
    learned = trained(world)
    heldout = [picture for picture in world if picture not in set(learned)]
    art = pixels(arguments.data, [picture.row for picture in learned])
    for name, count in (("train", SCENES), ("heldout", len(heldout))):
        folder = arguments.out / name
        folder.mkdir(parents=True, exist_ok=True)
        shape = (count, SIZE, SIZE, 3)
        shots = open_memmap(folder / "pictures.npy", mode="w+", dtype=np.uint8, shape=shape)
        other = pixels(arguments.data, [picture.row for picture in heldout])
        with (folder / "captions.jsonl").open("w", encoding="utf-8") as lines:
            for index in range(count):
                if name == "train":
                    pair = train_pair(learned, art, arguments.seed, index)
                else:
                    pair = plain_pair(heldout[index], other[index])
                shots[index] = pair[1]
                lines.write(line(pair[0], pair[2]) + "\n")
        shots.flush()


if __name__ == "__main__":
    main()
