"""Show what a model of this recipe does, unchosen: prompts drawn by a seed, pictures held out.

    python recipes/starter/showcase.py DATA OUT [--model FOLDER] [--seed 0]
        [--styles twemoji fluent-flat]

OUT gets `prompts.txt` and `prompts.png` (40 prompts of the world's grammar, a picture each) and
`heldout.png` (40 pictures that were never trained on, what each shows and what the model says).
The first sheet is what `unidiff t2i - --grid --seed 0 < prompts.txt` makes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

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
from clipart import TRAIN, nouns, pixels, records, small_world, trained
from PIL import Image
from scenes import Scene, Shown, held_out, realise

from unidiff_cli import Request, UniDiffuser
from unidiff_cli.files.grid import contact_sheet

COUNT = 40


def prompts(styles: Sequence[str], seed: int) -> list[str]:
    """Forty different things, five in eight of them with more that is said."""
    rng = np.random.default_rng(seed)
    known = sorted(set(nouns().values()))
    things = rng.choice(known, COUNT, replace=False)
    return [caption(_said(str(thing), known, styles, rng)) for thing in things]


def _said(
    noun: str, known: Sequence[str], styles: Sequence[str], rng: np.random.Generator
) -> Description:
    """The thing alone; or in a colour, before a background, in a style, several, or beside one."""
    said = rng.choice(["", "", "", "colour", "background", "style", "count", "pair"])
    colour = str(rng.choice(COLOURS)) if said == "colour" else ""
    several = said == "count" and not stands_bare(noun)
    things = [Thing(noun, colour, int(rng.integers(2, 5)) if several else 1)]
    if said == "pair":
        things.append(Thing(str(rng.choice([other for other in known if other != noun]))))
    relation = str(rng.choice(list(RELATIONS)))
    return Description(
        tuple(things),
        str(rng.choice(RELATIONS[relation])) if said == "pair" else "",
        str(rng.choice(BACKGROUNDS)) if said == "background" else "",
        STYLES[str(rng.choice(list(styles)))] if said == "style" else "",
    )


def heldout(data: Path, styles: Sequence[str], seed: int) -> list[tuple[str, str, Image.Image]]:
    """Forty pictures that were never trained on: the thing, what is shown, the picture.

    Drawings that were held back, of any style; then known ones in colours that were held back.
    """
    rng = np.random.default_rng(seed)
    world = small_world(records(data), nouns())
    held = [picture for picture in world if picture.split != TRAIN]
    chosen = [Scene((Shown(held[n]),)) for n in rng.permutation(len(held))[:COUNT]]
    known = trained(picture for picture in world if picture.vendor in styles)
    new = [
        Scene((Shown(picture, colour),))
        for picture in known
        for colour in COLOURS
        if held_out(colour, picture.noun)
    ]
    chosen += [new[n] for n in rng.permutation(len(new))]
    shown: list[tuple[str, str, Image.Image]] = []
    for scene in chosen:
        wanted = scene.things[0]
        scene, shot = realise(scene, pixels(data, [wanted.picture.row]))
        thing = scene.things[0]
        if thing.colour == wanted.colour and len(shown) < COUNT:
            noun, style = thing.picture.noun, STYLES[thing.picture.vendor]
            told = f"{thing.colour} {noun}, {style}".strip()
            shown.append((noun, told, Image.fromarray(shot)))
    return shown


def main() -> None:
    """Write the sheets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--styles", nargs="+", choices=STYLES, default=["twemoji", "fluent-flat"])
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    model, seed = UniDiffuser.load(arguments.model), arguments.seed

    said = prompts(arguments.styles, seed)
    (arguments.out / "prompts.txt").write_text("\n".join(said) + "\n", encoding="utf-8")
    asked = [Request(mode="t2i", prompt=p, seed=seed + k) for k, p in enumerate(said)]
    made = [result.outputs[0].image for result in model.stream(asked)]
    drawn = [image for image in made if image is not None]
    contact_sheet(drawn, said).save(arguments.out / "prompts.png", optimize=True)

    held = heldout(arguments.data, arguments.styles, seed)
    asked = [Request(mode="i2t", image=shot, seed=seed + k) for k, (*_, shot) in enumerate(held)]
    answers = [str(result.outputs[0].text) for result in model.stream(asked)]
    labels = [f"{told}: {answer}" for (_, told, _), answer in zip(held, answers, strict=True)]
    contact_sheet([shot for *_, shot in held], labels).save(arguments.out / "heldout.png")
    right = [noun in answer for (noun, *_), answer in zip(held, answers, strict=True)]
    print(f"{sum(right)} of {len(right)} captions name the thing")


if __name__ == "__main__":
    main()
