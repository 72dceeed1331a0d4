"""Show what a model of this recipe does, unchosen: prompts drawn by a seed, pictures held out.

    python recipes/starter/showcase.py DATA OUT [--model FOLDER] [--seed 0]

OUT gets `prompts.txt` and `prompts.png` (40 prompts of the world's grammar, a picture each) and
`heldout.png` (40 pictures that were never trained on, what each shows and what the model says).
The first sheet is what `unidiff t2i - --grid --seed 0 < prompts.txt` makes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from captions import BACKGROUNDS, COLOURS, STYLES, Description, Thing, caption
from clipart import TRAIN, Picture, nouns, pixels, records, small_world
from PIL import Image
from render import plain_pair

from unidiff_cli import Request, UniDiffuser
from unidiff_cli.grid import contact_sheet

COUNT = 40


def prompts(seed: int) -> list[str]:
    """Forty different things, two in five with a colour, a background or a style."""
    rng = np.random.default_rng(seed)
    things = rng.choice(sorted(set(nouns().values())), COUNT, replace=False)
    return [caption(_said(str(thing), rng)) for thing in things]


def _said(noun: str, rng: np.random.Generator) -> Description:
    said = rng.choice(["noun", "noun", "noun", "colour", "background", "style"])
    colour = str(rng.choice(COLOURS)) if said == "colour" else ""
    return Description(
        (Thing(noun, colour),),
        background=str(rng.choice(BACKGROUNDS)) if said == "background" else "",
        style=str(rng.choice(list(STYLES.values()))) if said == "style" else "",
    )


def heldout(data: Path, seed: int) -> list[Picture]:
    """Forty pictures of the world's things that no part was trained on, styles mixed."""
    world = small_world(records(data), nouns())
    held = [picture for picture in world if picture.split != TRAIN]
    chosen = np.random.default_rng(seed).permutation(len(held))[:COUNT]
    return [held[n] for n in chosen]


def main() -> None:
    """Write the sheets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    model, seed = UniDiffuser.load(arguments.model), arguments.seed

    said = prompts(seed)
    (arguments.out / "prompts.txt").write_text("\n".join(said) + "\n", encoding="utf-8")
    asked = [Request(mode="t2i", prompt=p, seed=seed + k) for k, p in enumerate(said)]
    made = [result.outputs[0].image for result in model.stream(asked)]
    drawn = [image for image in made if image is not None]
    contact_sheet(drawn, said).save(arguments.out / "prompts.png", optimize=True)

    held = heldout(arguments.data, seed)
    art = pixels(arguments.data, [picture.row for picture in held])
    shots = [
        Image.fromarray(plain_pair(picture, rgba)[1])
        for picture, rgba in zip(held, art, strict=True)
    ]
    asked = [Request(mode="i2t", image=shot, seed=seed + k) for k, shot in enumerate(shots)]
    answers = [result.outputs[0].text for result in model.stream(asked)]
    right = [picture.noun in str(answer) for picture, answer in zip(held, answers, strict=True)]
    labels = [
        f"{picture.noun} ({picture.vendor}): {answer}"
        for picture, answer in zip(held, answers, strict=True)
    ]
    contact_sheet(shots, labels).save(arguments.out / "heldout.png", optimize=True)
    print(f"{sum(right)} of {len(right)} captions name the thing")


if __name__ == "__main__":
    main()
