"""What `unidiff train` and `python -m unidiff_cli.train` do: options into a plan, then run it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import torch

from unidiff_cli.errors import UsageError
from unidiff_cli.speed.dtype import choose_device
from unidiff_cli.train import parts
from unidiff_cli.train.report import Kind, reporting

FINE_TUNING = {
    "steps": 400,
    "lr": 3e-4,
    "warmup": 20,
    "ema_decay": 0.99,
    "log_every": 10,
    "save_every": 100,
    "sample_every": 100,
}
LEGS = {"legs": 0.5}  # of the objective: a few steps are best spent where sampling goes


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a command line can say; None leaves it to the configuration."""

    config: Path | None = None
    data: Path | None = None
    model: str | None = None
    lora: int | None = None
    output: Path | None = None
    steps: int | None = None
    minutes: float | None = None
    device: str = "auto"
    dtype: str | None = None
    seed: int | None = None
    progress: Kind = "auto"


def train(options: Options, stream: IO[str]) -> Path:
    """Train as the options say, reporting progress on `stream`; returns the run's folder."""
    plan = _plan(options)
    named = options.config or options.data or Path("run")
    folder = options.output or Path("runs", named.resolve().stem)
    device = choose_device(options.device)
    if device.type == "cuda":
        # Float32 by TF32, several times as fast: gradients are noisier than its rounding.
        torch.set_float32_matmul_precision("high")
    shown = options.progress if os.environ.get("RANK", "0") == "0" else "quiet"
    with reporting(shown, stream) as report:
        parts.train(plan, folder, device, report)
    return folder


def _plan(options: Options) -> parts.Plan:
    """The file's plan with the options over it; without a file, fine-tuning on --data."""
    trainer = {
        "steps": options.steps,
        "max_minutes": options.minutes,
        "dtype": options.dtype,
        "seed": options.seed,
    }
    trainer = {key: value for key, value in trainer.items() if value is not None}
    part = {"data": options.data, "model": options.model, "lora": options.lora}
    part = {key: value for key, value in part.items() if value is not None}
    if options.config:
        return parts.read(options.config, part, trainer)
    if not options.data:
        raise UsageError(
            "usage.missing",
            "There is nothing to train.",
            "Give a configuration (CONFIG.toml), or pictures with captions (--data FOLDER).",
        )
    return parts.plan({"kind": "uvit", "objective": LEGS, **part}, {**FINE_TUNING, **trainer})
