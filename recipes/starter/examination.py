"""Make the examination that `unidiff eval clipart` comes with, from the art and a trained judge.

    python recipes/starter/examination.py DATA JUDGE [OUT] [--styles ...] [--alone]

DATA is the built set, JUDGE the folder that judge.py wrote. OUT, by default the package's own
folder, gets examination.json, examination.npz and copies of the judge's files. --world, --styles
and --alone are those that render.py was given: what the starter learned from is told by them.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from captions import COLOURS, RELATIONS, STYLES, Description, Thing, caption, plural, stands_bare
from clipart import HERE, TRAIN, Picture, nouns, pixels, records, small_world
from numpy.typing import NDArray
from packing import tiled, webp
from PIL import Image
from scenes import (
    PART,
    PLACES,
    PLAIN,
    Scene,
    Shown,
    backgrounds,
    combinations,
    describe,
    held_out,
    realise,
    together,
)

from unidiff_cli.evaluate.clipart import claims
from unidiff_cli.evaluate.clipart.examination import FOLDER, GROUPS, open_judge
from unidiff_cli.evaluate.clipart.sight import look

PROMPTS = {"trained": 350, "combination": 500, "drawing": 150}
PICTURES = {"trained": 180, "combination": 200, "drawing": 110, "style": 110}
ONE = ("plain", "colour", "background", "both")
KINDS = (*ONE, "count", "pair", "coloured pair")
TRIES = 10_000
CAPTIONS = 5
AGAIN = 30  # draws of a prompt that is there already; few drawings have few prompts


class Drawings:
    """The small world's art, opened once, by what the starter did with it."""

    def __init__(self, folder: Path, world: Path, styles: Sequence[str], alone: bool) -> None:
        everything = small_world(records(folder), nouns(world))
        art = pixels(folder, [picture.row for picture in everything])
        self.art = {picture.row: rgba for picture, rgba in zip(everything, art, strict=True)}
        self.styles, self.alone = frozenset(styles), alone
        shown = [picture for picture in everything if picture.vendor in self.styles]
        self.learned = [picture for picture in shown if picture.split == TRAIN]
        self.kept = [picture for picture in shown if picture.split != TRAIN]
        self.strange = [picture for picture in everything if picture.vendor not in self.styles]

    def of(self, group: str) -> Sequence[Picture]:
        """Those that scenes of a group begin with."""
        return {"drawing": self.kept, "style": self.strange}.get(group, self.learned)

    def beside(self, group: str) -> Sequence[Picture]:
        """Those that may stand beside one that a scene of a group begins with."""
        return self.strange if group == "style" else self.learned

    def kinds(self, group: str) -> Sequence[str]:
        """The kinds of scenes in a group: a thing as it is combines nothing."""
        kinds = ONE if self.alone else KINDS
        return kinds[1:] if group == "combination" else kinds

    def group_of(self, scene: Scene) -> str:
        """Which of GROUPS a scene belongs to; "" where it is new in more than one way."""
        pictures = [thing.picture for thing in scene.things]
        combined = any(held_out(*words) for words in combinations(scene))
        if any(picture.vendor not in self.styles for picture in pictures):
            return "" if combined else "style"
        if any(picture.split != TRAIN for picture in pictures):
            return "" if combined else "drawing"
        return "combination" if combined else "trained"

    def realised(self, scene: Scene) -> tuple[Scene, NDArray[np.uint8]]:
        """As `scenes.realise`."""
        return realise(scene, [self.art[thing.picture.row] for thing in scene.things])


def drawn(
    group: str, drawings: Drawings, number: int, rng: np.random.Generator
) -> tuple[Scene, NDArray[np.uint8]]:
    """A scene of a group, all kinds in turn, and its picture."""
    first = drawings.of(group)
    kinds = drawings.kinds(group)
    kind = kinds[number % len(kinds)]
    for _ in range(TRIES):
        scene = _drawn(kind, first[int(rng.integers(len(first)))], drawings.beside(group), rng)
        if scene is None or drawings.group_of(scene) != group:
            continue
        real, shot = drawings.realised(scene)
        if real == scene:  # else a colour was asked of what cannot be recoloured
            return scene, shot
    raise AssertionError(f"no {kind} of {group} in {TRIES} tries")


def _drawn(
    kind: str, picture: Picture, others: Sequence[Picture], rng: np.random.Generator
) -> Scene | None:
    """A scene of a kind with `picture` in it; None where there is none."""
    coloured = kind in ("colour", "both", "coloured pair") or (
        kind == "count" and rng.random() < 0.3
    )
    first = Shown(picture, str(rng.choice(COLOURS)) if coloured else "")
    changed = kind in ("background", "both") or (kind in KINDS[4:] and rng.random() < 0.3)
    background = str(rng.choice(backgrounds(first))) if changed else "white"
    if kind == "count":
        corners = PLACES[int(rng.integers(2, 5))]
        several = replace(first, side=PART, corners=corners)
        return None if stands_bare(picture.noun) else Scene((several,), background)
    if kind not in ("pair", "coloured pair"):
        return Scene((first,), background)
    other = others[int(rng.integers(len(others)))]
    if other.vendor != picture.vendor or other.noun == picture.noun:
        return None
    second = Shown(other, str(rng.choice(COLOURS)) if coloured else "")
    return together(first, second, str(rng.choice(list(RELATIONS))), background, rng)


def prompt(scene: Scene, group: str, rng: np.random.Generator) -> str:
    """All that was changed in a scene, in words; the style where the drawing is what is new."""
    things = tuple(Thing(s.picture.noun, s.colour, len(s.corners)) for s in scene.things)
    style = STYLES[scene.things[0].picture.vendor]
    return caption(
        Description(
            things,
            str(rng.choice(RELATIONS[scene.relation])) if scene.relation else "",
            scene.background if scene.background != "white" else "",
            style if group == "drawing" or rng.random() < 0.2 else "",
        )
    )


def shows(scene: Scene) -> claims.Claims:
    """What is there; a background only where it is not the usual one."""
    things = tuple(claims.Thing(s.picture.noun, s.colour, len(s.corners)) for s in scene.things)
    return claims.Claims(
        things, scene.background if scene.background != "white" else "", scene.relation
    )


def as_json(said: claims.Claims) -> dict[str, Any]:
    """Claims as `Claims.from_json` reads them."""
    things = [[thing.noun, thing.colour, thing.count] for thing in said.things]
    rest = {"background": said.background, "relation": said.relation}
    return {"things": things, **{name: word for name, word in rest.items() if word}}


def spellings(words: Sequence[str]) -> dict[str, str]:
    """How each noun may be written -> the noun."""
    one = {noun: noun for noun in words}
    return {plural(noun): noun for noun in words if not stands_bare(noun)} | one


def prompts(drawings: Drawings, words: Mapping[str, str], seed: int) -> list[dict[str, Any]]:
    """The prompts, their groups mixed: any first few of them have all."""
    rows, known = [], set[str]()
    for group, count in PROMPTS.items():
        rng = np.random.default_rng((seed, 0, GROUPS.index(group)))
        for number in range(count if drawings.of(group) else 0):
            for _ in range(AGAIN):
                scene, _ = drawn(group, drawings, number, rng)
                text = prompt(scene, group, rng)
                if text not in known:
                    break
            known.add(text)
            asked = claims.read(text, words, frozenset(COLOURS))
            assert sorted(asked.things, key=repr) == sorted(shows(scene).things, key=repr), text
            rows.append({"text": text, "group": group, **as_json(asked)})
    return [rows[n] for n in np.random.default_rng(seed).permutation(len(rows))]


def pictures(drawings: Drawings, seed: int) -> list[tuple[dict[str, Any], bytes]]:
    """The pictures as files, with what is said of them, their groups mixed."""
    rows = []
    for group, count in PICTURES.items():
        rng = np.random.default_rng((seed, 1, GROUPS.index(group)))
        for number in range(count if drawings.of(group) else 0):
            if group == "drawing" and number < len(drawings.kept):  # each of them as it is
                scene, shot = drawings.realised(Scene((Shown(drawings.kept[number]),)))
            else:
                scene, shot = drawn(group, drawings, number, rng)
            said = list(dict.fromkeys(describe(scene, rng) for _ in range(CAPTIONS)))
            rows.append(({"group": group, "captions": said, **as_json(shows(scene))}, webp(shot)))
    return [rows[n] for n in np.random.default_rng(seed).permutation(len(rows))]


def main() -> None:
    """Write the examination."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("judge", type=Path)
    parser.add_argument("out", type=Path, nargs="?", default=FOLDER)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--world", type=Path, default=HERE / "world.txt")
    parser.add_argument("--styles", nargs="+", choices=STYLES, default=list(STYLES))
    parser.add_argument("--alone", action="store_true", help="one thing to a scene")
    arguments = parser.parse_args()
    judge, about = open_judge(arguments.judge)
    drawings = Drawings(arguments.data, arguments.world, arguments.styles, arguments.alone)
    words = spellings(about["nouns"])
    asked = prompts(drawings, words, arguments.seed)
    shown = pictures(drawings, arguments.seed)
    plain = [drawings.realised(Scene((Shown(picture),)))[1] for picture in drawings.learned]
    learned = [Image.fromarray(shot) for shot in plain]
    seen = list(look(judge, about["nouns"], PLAIN, learned))
    files = [file for _, file in shown]
    arguments.out.mkdir(parents=True, exist_ok=True)
    np.savez(
        arguments.out / "examination.npz",
        data=np.frombuffer(b"".join(files), np.uint8),
        offsets=np.cumsum([0, *map(len, files)]),
        features=np.stack([sight.features for sight in seen]).astype(np.float16),
        thumbs=np.frombuffer(webp(tiled(learned), 80), np.uint8),
    )
    told = {
        "palette": PLAIN,
        "colours": COLOURS,
        "words": words,
        "prompts": asked,
        "pictures": [row for row, _ in shown],
    }
    text = json.dumps(told, separators=(",", ":")) + "\n"
    (arguments.out / "examination.json").write_text(text, encoding="utf-8")
    for name in ("judge.safetensors", "judge.json"):
        if arguments.judge.resolve() != arguments.out.resolve():
            shutil.copyfile(arguments.judge / name, arguments.out / name)
    for path in sorted(arguments.out.glob("examination.*")):
        print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
