"""Train the judge of `unidiff eval clipart`, which tells what is where in a picture.

    python recipes/starter/judge.py DATA OUT

DATA is the built set, OUT the run's folder; the same command goes on where it was interrupted. It
learns from all drawings of the small world but a tenth, those that are held out from the model too.
OUT gets `judge.safetensors` and `judge.json`, which tells its own accuracy on both.

Axes: B batch, K things in it, C cells of the map, F features, N nouns.
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from captions import COLOURS
from clipart import HERE, Picture, nouns, pixels, records, small_world
from judge_scenes import Composer, Shown
from safetensors.torch import save_file
from scenes import recoloured
from torch import Tensor

from unidiff_cli.evaluate.clipart.judge import CELLS, Judge
from unidiff_cli.train import checkpoint
from unidiff_cli.train.config import TrainerConfig, read_toml, table
from unidiff_cli.train.report import reporting
from unidiff_cli.train.trainer import Trainer

CONFIG = Path(__file__).with_suffix(".toml")
UNSEEN = 10  # one design in so many is not learned from
NEAR = 0.4  # of a middle's height: cells above it tell which noun it is
SMOOTHING = 0.1
PLACE = 20.0  # what the places count for, against the nouns
PLAIN = 100_000  # the first of the indices that are not for training


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The judge's width, and how many pictures it looks at in a step."""

    width: int = 32
    batch: int = 64


def unseen(picture: Picture) -> bool:
    """Whether the judge never learns from a drawing; by its design, which 3D and flat share."""
    family = picture.vendor.removesuffix("-3d").removesuffix("-flat")
    return zlib.crc32(f"judge|{picture.name}|{family}".encode()) % UNSEEN == 0


def middles(shown: Shown) -> Tensor:
    """How near each cell is to the middle of each thing: (K, C, C), 1 at it."""
    at = torch.arange(CELLS, device=shown.nouns.device) + 0.5
    across = at - CELLS * shown.things.x[:, None]  # (K, C)
    down = at - CELLS * shown.things.y[:, None]
    return torch.exp(-(across[:, None].square() + down[:, :, None].square()) / 2)


def losses(judge: Judge, shown: Shown) -> Mapping[str, Tensor]:
    """Where things are, and which, in the cells about their middles."""
    seen, features = judge.look(shown.pictures)  # (B, C, C), (B, F, C, C)
    near = middles(shown)
    picture = shown.things.picture
    wanted = near.new_zeros(seen.shape).index_add(0, picture, near).clamp(max=1)
    place = F.binary_cross_entropy_with_logits(seen.float(), wanted)
    thing, row, column = torch.nonzero(near > NEAR, as_tuple=True)
    cells = features[picture[thing], :, row, column]  # (cells, F)
    logits = judge.nouns(cells[:, :, None, None])[:, :, 0, 0]
    wrong = F.cross_entropy(
        logits.float(), shown.nouns[thing], reduction="none", label_smoothing=SMOOTHING
    )
    weight = near[thing, row, column]
    parts = {"place": PLACE * place, "noun": (weight * wrong).sum() / weight.sum()}
    return {**parts, "total": parts["place"] + parts["noun"]}


@torch.no_grad()
def named(judge: Judge, shown: Shown) -> float:
    """The share of things whose noun is the first one where its middle is."""
    _, features = judge.look(shown.pictures)
    near = middles(shown).flatten(1).argmax(1)
    cells = features.flatten(2)[shown.things.picture, :, near]
    guess = judge.nouns(cells[:, :, None, None])[:, :, 0, 0].argmax(1)
    return float((guess == shown.nouns).float().mean())


def accuracy(judge: Judge, known: Composer, other: Composer) -> dict[str, float]:
    """Of nouns: in wild pictures of known drawings, and plainly on white.

    The latter for known drawings as they are and in other colours, and for unseen ones.
    """

    def plainly(composer: Composer, rows: Tensor) -> float:
        parts = rows.split(64)
        return sum(named(judge, composer.plain(part)) * len(part) for part in parts) / len(rows)

    def some(first: int, end: int) -> Tensor:
        return torch.arange(first, end, max(1, (end - first) // 256))

    wild = [named(judge, known.batch(64, 0, PLAIN + index)) for index in range(4)]
    return {
        "wild": sum(wild) / len(wild),
        "known": plainly(known, some(0, known.drawings)),
        "recoloured": plainly(known, some(known.drawings, len(known.nouns))),
        "unseen": plainly(other, torch.arange(other.drawings)),
    }


def composer(folder: Path, rows: Sequence[Picture], words: Sequence[str]) -> Composer:
    """A composer of some drawings, also in other colours; nouns are numbered as in `words`."""
    art = pixels(folder, [picture.row for picture in rows])
    numbers = [words.index(picture.noun) for picture in rows]
    painted = [
        (new, number)
        for rgba, number in zip(art, numbers, strict=True)
        for colour in COLOURS
        if (new := recoloured(rgba, colour)) is not None
    ]
    whole = np.concatenate([art, np.stack([new for new, _ in painted])])
    every = np.array([*numbers, *(number for _, number in painted)])
    return Composer(whole, every, torch.device("cpu"), len(art))


def sampling(
    judge: Judge, known: Composer, other: Composer
) -> Callable[[Path], Mapping[str, float]]:
    """What the trainer asks now and then."""

    def sample(_: Path) -> Mapping[str, float]:
        return accuracy(judge, known, other)

    return sample


def finish(judge: Judge, folder: Path, words: Sequence[str], about: Mapping[str, object]) -> None:
    """Write the judge, in half precision, and what it is."""
    kept = {name: t for name, t in judge.state_dict().items() if "num_batches" not in name}
    save_file(
        {name: t.half().contiguous() for name, t in kept.items()}, folder / "judge.safetensors"
    )
    (folder / "judge.json").write_text(json.dumps({"nouns": words, **about}) + "\n")


def main() -> None:
    """Train, and write the judge with its accuracy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument("--world", type=Path, default=HERE / "world.txt")
    arguments = parser.parse_args()
    tables = read_toml(arguments.config)
    config = table(Config, tables.get("part", {}), "part")
    trainer = table(TrainerConfig, tables["trainer"], "trainer")
    world = nouns(arguments.world)
    words = sorted(set(world.values()))
    drawings = small_world(records(arguments.data), world)
    known = composer(arguments.data, [p for p in drawings if not unseen(p)], words)
    other = composer(arguments.data, [p for p in drawings if unseen(p)], words)
    torch.manual_seed(trainer.seed)
    judge = Judge(len(words), config.width).to(memory_format=torch.channels_last)
    with reporting("auto", sys.stderr) as report:
        Trainer(
            judge,
            lambda shown, _: losses(judge, shown),
            lambda index: known.batch(config.batch, trainer.seed, index),
            trainer,
            arguments.out,
            on_sample=sampling(judge, known, other),
            report=report,
        ).run()
        checkpoint.restore_model(judge, checkpoint.weights(arguments.out / "checkpoints"))
        judge.eval()
        found = {name: round(value, 4) for name, value in accuracy(judge, known, other).items()}
        rows = [picture.row for picture in drawings if unseen(picture)]
        finish(
            judge,
            arguments.out,
            words,
            {"width": config.width, "unseen": rows, "accuracy": found},
        )
        report.note(f"written to {arguments.out}: {found}")


if __name__ == "__main__":
    main()
