"""What can be trained, and a configuration file carried out.

A file has two tables: [trainer] (`config.TrainerConfig`) and [part], whose `kind` names a module
of this package. Such a module has two names: `Config`, the dataclass of its other keys, and
`build(config, trainer, device) -> Training`; and may have a third, `prepare(config, folder,
device, report) -> config`, which makes in the run's folder what the others need.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from torch import nn

from unidiff_cli.errors import OutOfMemory, OutputError, UsageError
from unidiff_cli.errors.system import cannot_write
from unidiff_cli.files.streams import is_pipe, settled
from unidiff_cli.speed.memory import is_out_of_memory
from unidiff_cli.train import checkpoint, config, distributed
from unidiff_cli.train.config import TrainerConfig
from unidiff_cli.train.report import Report
from unidiff_cli.train.step import Loss, Sample, Source
from unidiff_cli.train.trainer import Trainer

KINDS = ("uvit", "vae", "decoder", "clip", "captioner")


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A part that is ready to be trained."""

    model: nn.Module
    loss: Loss
    source: Source
    sample: Sample | None = None
    finish: Callable[[Path], None] | None = None
    """Writes what the part hands out into a folder; called with the averaged weights in place."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A configuration file, read and checked."""

    kind: str
    part: Any  # the Config of the kind's module
    trainer: TrainerConfig
    source: Path | None = None  # the file, kept beside the weights


def read(path: Path, part: Mapping[str, Any], trainer: Mapping[str, Any]) -> Plan:
    """The plan in a TOML file, with keys that are put over those of its tables."""
    anchor = Path() if is_pipe(path) else path.parent
    path = settled(path)
    tables = config.read_toml(path)
    for name in tables:
        if name not in ("part", "trainer"):
            raise UsageError(
                "usage.config-key",
                f"{path}: unknown table [{name}].",
                "Known are [part] and [trainer].",
            )
    own = _anchored(tables.get("part", {}), anchor)
    try:
        found = plan({**own, **part}, {**tables.get("trainer", {}), **trainer})
    except UsageError as error:
        raise error.told(f"{path}: {error.message}") from error
    return replace(found, source=path)


def plan(part: Mapping[str, Any], trainer: Mapping[str, Any]) -> Plan:
    """The plan that two tables make."""
    kind = part.get("kind")
    if kind not in KINDS:
        raise UsageError(
            "usage.config-value", f"[part] kind must be one of {', '.join(KINDS)}, not {kind!r}."
        )
    others = {key: value for key, value in part.items() if key != "kind"}
    own = config.table(_module(kind).Config, others, "part")
    return Plan(kind, own, config.table(TrainerConfig, trainer, "trainer"))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(
            f"{folder} cannot be the run's folder", error, "Choose another with -o."
        ) from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """The run's folder is this process's alone; an OutputError where another trains in it."""
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout:
        raise OutputError(
            "output.busy",
            f"Another process is training in {folder}.",
            "Wait for it, or choose another with -o.",
        ) from None


def train(plan: Plan, folder: Path, device: torch.device, report: Report) -> None:
    """Train what the plan says in `folder`, resuming there, and write the finished part."""
    module = _module(plan.kind)
    with distributed.processes(device) as own, ExitStack() as held:
        first = distributed.world()[0] == 0
        if first:
            _make(folder)
            held.enter_context(_locked(folder))
            kept = folder / "config.toml"
            if plan.source and plan.source.resolve() != kept.resolve():
                shutil.copyfile(plan.source, kept)
        part = plan.part
        if hasattr(module, "prepare"):
            part = distributed.first_alone(lambda: module.prepare(part, folder, own, report))
        training = module.build(part, plan.trainer, own)
        trainer = Trainer(
            training.model,
            training.loss,
            training.source,
            plan.trainer,
            folder,
            on_sample=training.sample,
            report=report,
        )
        try:
            trainer.run()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise OutOfMemory(
                "memory.training",
                "A training step does not fit into the memory.",
                "Try a smaller batch with accumulate, recompute = true, or --lora 8.",
            ) from error
        if first and training.finish:
            checkpoint.restore_model(training.model, checkpoint.weights(folder / "checkpoints"))
            training.model.eval()
            training.finish(folder)
            report.note(f"step {trainer.step} of {plan.trainer.steps}: written to {folder}")
        distributed.barrier()


def _module(kind: str) -> Any:
    return import_module(f"unidiff_cli.train.{kind}")


def _anchored(table: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Paths in a file are relative to the file: texts that begin with ./ or ../ are taken so."""
    return {
        key: str(folder / value)
        if isinstance(value, str) and value.startswith(("./", "../"))
        else value
        for key, value in table.items()
    }
