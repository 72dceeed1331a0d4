"""Compare choices of the U-ViT's network and objective in short trainings from scratch.

    python recipes/starter/compare.py STORE UNSEEN OUT [--minutes 1] [--seeds 3] [--only NAME ...]

Every variant trains for the same time on the rows of STORE (latents of make.py), once a seed.
It is then asked for the velocity of rows of UNSEEN at the same levels with the same noise: of
pictures on the leg t2i, of captions on i2t. Prints a table of the mean square errors, each with its
spread over the seeds; OUT keeps each run's log, and what is there already is not trained again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import torch
from clipart import HERE
from torch import Tensor

from unidiff_cli.core.schedule import TRAINING_STEPS
from unidiff_cli.nets.uvit import UViT, UViTConfig
from unidiff_cli.train import draws
from unidiff_cli.train.config import TrainerConfig, read_toml
from unidiff_cli.train.loss import LatentPairs, Objective, ObjectiveConfig, sampled
from unidiff_cli.train.store import Store, StoreSource
from unidiff_cli.train.trainer import Trainer
from unidiff_cli.train.uvit import start_small

NET: dict[str, Any] = read_toml(HERE / "starter.toml")["uvit"]["net"]
CPU = torch.device("cpu")
BATCH = 64
ASKED = 256  # rows of UNSEEN
KEYS = ("image", "text", "last")
Found = dict[str, list[dict[str, float]]]
"""For each variant what was measured, a run a seed."""


def settings(minutes: float, seed: int) -> TrainerConfig:
    """How every variant is trained."""
    return TrainerConfig(
        steps=100_000,
        lr=7e-4,
        warmup=50,
        betas=(0.9, 0.95),
        weight_decay=0.01,
        ema_decay=0.98,
        dtype="bf16",
        save_every=100_000,
        max_minutes=minutes,
        seed=seed,
    )


@dataclass(frozen=True)
class Variant:
    """What is different from the starter's own choices."""

    net: dict[str, Any] = field(default_factory=dict)
    objective: dict[str, Any] = field(default_factory=dict)
    levels: Callable[[Tensor], Tensor] | None = None


def logit_normal(levels: Tensor) -> Tensor:
    """Uniform levels 1..1000 as logit-normal ones (arXiv 2403.03206): the middle more often."""
    uniform = (levels.double() - 0.5) / TRAINING_STEPS
    t = torch.special.ndtri(uniform.clamp(1e-6, 1 - 1e-6)).sigmoid()
    moved = (TRAINING_STEPS * t).ceil().long().clamp(1, TRAINING_STEPS)
    return torch.where(sampled(levels) & (levels <= TRAINING_STEPS), moved, levels)


VARIANTS = {
    "as it is: 320 wide, depth 8, patch 2": Variant(),
    "patch 1": Variant(net={"patch": 1}),
    "192 wide, depth 14": Variant(net={"dim": 192, "depth": 14, "heads": 3}),
    "384 wide, depth 4": Variant(net={"dim": 384, "depth": 4, "heads": 6}),
    "levels anywhere in the square": Variant(objective={"legs": 0.0}),
    "levels logit-normal": Variant(levels=logit_normal),
    "heads of equal weight": Variant(objective={"text": 1.0, "clip": 1.0}),
}
OBJECTIVE: dict[str, Any] = {
    "legs": 0.9,
    "often": {"t2i": 5, "i2t": 2, "joint": 2, "i": 1, "t": 0.5},
    "text": 0.4,
    "clip": 0.4,
}


class Moved(Objective):
    """The objective at levels that are moved after they were drawn."""

    def __init__(self, model: UViT, config: ObjectiveConfig, move: Callable[[Tensor], Tensor]):
        super().__init__(model, config)
        self.move = move

    def levels(self, pairs: LatentPairs, generator: torch.Generator) -> Tensor:
        """(B, 2)."""
        return self.move(super().levels(pairs, generator))


def measured(
    variant: Variant, store: Store, unseen: Store, config: TrainerConfig, folder: Path
) -> dict[str, float]:
    """What its averaged weights reach, and those of the last step."""
    row = store.rows(torch.tensor([0]))
    sizes = {
        "channels": row.image.shape[1],
        "size": row.image.shape[2],
        "text_tokens": row.text.shape[1],
        "text_dim": row.text.shape[2],
        "clip_dim": row.clip.shape[2],
        "data_types": 0,
    }
    torch.manual_seed(config.seed)
    net = UViT(UViTConfig(**{**sizes, **NET, **variant.net}))
    start_small(net)
    told = ObjectiveConfig(**{**OBJECTIVE, **variant.objective})
    objective = Moved(net, told, variant.levels) if variant.levels else Objective(net, told)
    source = StoreSource(store, BATCH, config.seed, CPU)
    trainer = Trainer(net, objective, source, config, folder)
    trainer.run()
    assert trainer.ema is not None
    last = velocity_errors(net.eval(), unseen)
    with trainer.ema.applied():
        errors = velocity_errors(net, unseen)
    return {"steps": trainer.step, **errors, "last": last["image"]}


@torch.no_grad()
def velocity_errors(net: UViT, unseen: Store, level: int | None = None) -> dict[str, float]:
    """The mean square errors of pictures on t2i and of captions on i2t, at a level or at any."""
    sums = {"image": 0.0, "text": 0.0}
    generator = draws.generator("compare")
    low, high = (1, TRAINING_STEPS) if level is None else (level, level)
    rows = torch.randperm(len(unseen), generator=generator)[:ASKED]
    for some in torch.split(rows, 32):
        pairs = unseen.rows(some)
        t = torch.randint(low, high + 1, (len(some),), generator=generator)
        clean = torch.zeros_like(t)
        for name, levels in {"image": (t, clean), "text": (clean, t)}.items():
            found = Objective(net, ObjectiveConfig()).at(pairs, torch.stack(levels, 1), generator)
            sums[name] += float(found[name]) * len(some)
    return {name: total / len(rows) for name, total in sums.items()}


def main() -> None:
    """Train what is missing, print all."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("store", "unseen", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    arguments = parser.parse_args()
    kept = arguments.out / "found.json"
    found: Found = json.loads(kept.read_text()) if kept.exists() else {}
    store, unseen = Store.open(arguments.store), Store.open(arguments.unseen)
    for seed, (number, name) in product(range(arguments.seeds), enumerate(VARIANTS)):
        runs = found.setdefault(name, [])
        if name in arguments.only and len(runs) == seed:
            config = settings(arguments.minutes, seed)
            folder = arguments.out / f"{number}-{seed}"
            runs.append(measured(VARIANTS[name], store, unseen, config, folder))
            kept.write_text(json.dumps(found, indent=1) + "\n")
    print(table(found))


def table(found: Found) -> str:
    """A line for each variant that was trained: means, and after +- their deviation over seeds."""
    lines = ["| | steps | pictures | captions | pictures, last weights |"]
    lines.append("| --- | ---: | ---: | ---: | ---: |")
    for name, runs in found.items():
        if runs:
            errors = " | ".join(_spread([run[key] for run in runs]) for key in KEYS)
            lines.append(f"| {name} | {fmean(run['steps'] for run in runs):.0f} | {errors} |")
    return "\n".join(lines)


def _spread(values: list[float]) -> str:
    return f"{fmean(values):.3f}" + (f" +- {stdev(values):.3f}" if len(values) > 1 else "")


if __name__ == "__main__":
    main()
