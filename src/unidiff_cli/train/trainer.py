"""The trainer: steps, averages, checkpoints and the log. It knows no model and no data.

A step is a function of the weights, the optimizer's state, the seed and the step's number: there
is no running random state, so a run that was interrupted goes on as if it had not been.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from unidiff_cli.errors import DegenerateResult
from unidiff_cli.train import checkpoint, distributed, draws
from unidiff_cli.train.config import TrainerConfig
from unidiff_cli.train.ema import Ema
from unidiff_cli.train.log import Log, plot
from unidiff_cli.train.report import Progress, Report, Silent
from unidiff_cli.train.step import Loss, Sample, Source, WithLoss
from unidiff_cli.train.stop import StopSignal


class TrainingDiverged(DegenerateResult):
    """The loss or its gradient is no longer finite."""


class Trainer:
    """Trains `model`'s parameters that require gradients, from where `folder` left off.

    Of W processes, the one of rank r asks the source for index `(step * accumulate + part) * W
    + r`, and the loss's generator depends on the seed and that index alone.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        source: Source,
        config: TrainerConfig,
        folder: Path,
        *,
        on_sample: Sample | None = None,
        report: Report | None = None,
    ) -> None:
        self.model, self.source, self.config, self.folder = model, source, config, folder
        self.sample = on_sample
        self.rank, self.ranks = distributed.world()
        self.report = report if report and self.rank == 0 else Silent()
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.device = self.parameters[0].device
        self.objective: nn.Module = WithLoss(model, loss)
        if self.ranks > 1:
            self.objective = DistributedDataParallel(self.objective, gradient_as_bucket_view=True)
        self.optimizer = torch.optim.AdamW(
            self.parameters,
            lr=config.lr,
            betas=config.betas,
            weight_decay=config.weight_decay,
            fused=self.device.type in ("cpu", "cuda") or None,
        )
        self.ema = Ema(model, config.ema_decay) if config.ema_decay else None
        self.step = 0
        self.seconds = 0.0  # trained, over all resumptions
        self.unlogged: dict[str, list[float]] = {}

    def run(self) -> None:
        """Train until the last step or `max_minutes`, resuming from the newest checkpoint.

        Raises `TrainingDiverged` when the loss is not finite (the last checkpoint is from before
        that). A signal to end is raised again, once the step that runs is made and saved; it is a
        `KeyboardInterrupt` where another process got it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._resume()
        log = Log(self.folder / "log.jsonl", self.step) if self.rank == 0 else None
        with torch.random.fork_rng(devices=self._devices()), StopSignal() as stop:
            asked = self._loop(log, stop)
            self._save(log)
            if asked or stop.asked:
                self.report.note(f"saved at step {self.step}; the same command goes on from there")
        stop.obey(asked)

    def _loop(self, log: Log | None, stop: StopSignal) -> bool:
        """Step until the end; True if that came by a signal."""
        config = self.config
        start, before, first = time.monotonic(), self.seconds, self.step
        while self.step < config.steps:
            losses = self._advance()
            elapsed = time.monotonic() - start
            self.seconds = before + elapsed
            for name, value in losses.items():
                self.unlogged.setdefault(name, []).append(value)
            logged = self._write(log) if self._due(config.log_every) else {}
            rate = (self.step - first) / max(elapsed, 1e-6)  # some clocks are coarse
            self.report.progress(self._progress(logged, rate, elapsed))
            late = bool(config.max_minutes) and elapsed >= 60 * config.max_minutes
            asked, late = distributed.highest([stop.asked, late], self.device)
            if asked:
                return True  # at once: to draw samples may take longer than whoever waits will
            if self._due(config.save_every):
                self._save(log)
            if self._due(config.sample_every):
                self._sample(log)
            if late:
                break
        return False

    def _advance(self) -> dict[str, float]:
        """Make one step; returns this process's losses, the gradient's length and the rate."""
        config = self.config
        self.model.train()
        rate = config.rate(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        losses = self._gradients()
        limit = config.grad_clip or math.inf
        norm = float(nn.utils.clip_grad_norm_(self.parameters, limit))
        finite = math.isfinite(norm) and math.isfinite(losses["loss"])
        if distributed.highest([not finite], self.device)[0]:
            self._diverged()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        if self.ema:
            self.ema.update(self.step)
        return {**losses, "grad_norm": norm}

    def _gradients(self) -> dict[str, float]:
        """Gradients of the mean loss of this step's batches; returns the mean losses."""
        config, sums = self.config, dict[str, Tensor]()
        for part in range(config.accumulate):
            index = (self.step * config.accumulate + part) * self.ranks + self.rank
            generator = draws.generator(config.seed, "loss", index, device=self.device)
            torch.manual_seed(draws.key(config.seed, "global", index))  # dropout has no generator
            batch = self.source(index)
            with self._unsynchronised(part), self._autocast():
                losses = self.objective(batch, generator)
                (losses["loss"] / config.accumulate).backward()
            for name, value in losses.items():
                value = value.detach().float() / config.accumulate
                sums[name] = sums[name] + value if name in sums else value
        values = torch.stack(list(sums.values())).tolist()
        return dict(zip(sums, values, strict=True))

    def _unsynchronised(self, part: int) -> Any:
        """Only the last part of a step has to exchange gradients between processes."""
        if (
            isinstance(self.objective, DistributedDataParallel)
            and part + 1 < self.config.accumulate
        ):
            return self.objective.no_sync()
        return nullcontext()

    def _autocast(self) -> torch.autocast:
        half = self.config.dtype == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=half)

    def _diverged(self) -> None:
        found = checkpoint.newest(self._checkpoints)
        where = f"{found} is from before that" if found else "no checkpoint was due before that"
        raise TrainingDiverged(
            "result.diverged",
            f"The loss is not finite at step {self.step}; {where}.",
            "Lower lr, lengthen warmup or lower grad_clip in [trainer], then start again.",
        )

    def _due(self, every: int) -> bool:
        return every > 0 and self.step % every == 0

    def _progress(self, logged: Mapping[str, float], rate: float, elapsed: float) -> Progress:
        left = (self.config.steps - self.step) / rate
        if self.config.max_minutes:
            left = min(left, max(0.0, 60 * self.config.max_minutes - elapsed))
        return Progress(
            step=self.step, steps=self.config.steps, losses=logged, rate=rate, seconds_left=left
        )

    def _write(self, log: Log | None) -> dict[str, float]:
        """Log the means of the losses since the last line; returns them."""
        means = [math.fsum(values) / len(values) for values in self.unlogged.values()]
        row = dict(zip(self.unlogged, distributed.mean(means, self.device), strict=True))
        self.unlogged = {}
        if log:
            lr = self.config.rate(self.step - 1)
            log.write({"step": self.step, **row, "lr": lr, "seconds": round(self.seconds, 1)})
        return row

    def _sample(self, log: Log | None) -> None:
        if self.sample and log:
            path = self.folder / "samples" / f"step-{self.step:08d}.png"
            path.parent.mkdir(exist_ok=True)
            self.model.eval()
            with self.ema.applied() if self.ema else nullcontext(), torch.no_grad():
                numbers = self.sample(path)
            if numbers:
                log.write({"step": self.step, **numbers})
            said = "".join(f"  {name} {value:.4g}" for name, value in numbers.items())
            shown = str(path) if path.exists() else ""
            self.report.note(f"step {self.step}: {shown}{said}")
        distributed.barrier()

    @property
    def _checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    def _devices(self) -> list[torch.device]:
        return [self.device] if self.device.type == "cuda" else []

    def _save(self, log: Log | None) -> None:
        if log:
            files = {"model": checkpoint.model_tensors(self.model)}
            files["optimizer"] = checkpoint.optimizer_tensors(self.model, self.optimizer)
            if self.ema:
                files["ema"] = self.ema.average
            state = {
                "seconds": self.seconds,
                "unlogged": self.unlogged,
                "config": asdict(self.config),
            }
            checkpoint.save(self._checkpoints, self.step, files, state, self.config.keep)
            plot(log.rows, self.folder / "loss.png")
        distributed.barrier()

    def _resume(self) -> None:
        if self.rank == 0:
            checkpoint.sweep(self._checkpoints)
        found = checkpoint.newest(self._checkpoints)
        if found is None:
            return
        state = checkpoint.read_state(found)
        checkpoint.restore_model(self.model, checkpoint.read(found, "model"))
        tensors = checkpoint.read(found, "optimizer")
        checkpoint.restore_optimizer(self.model, self.optimizer, tensors)
        if self.ema and (found / "ema.safetensors").exists():
            self.ema.load(checkpoint.read(found, "ema"))
        elif self.ema:  # it is new: the run had none until now
            self.ema = Ema(self.model, self.config.ema_decay)
        self.step, self.seconds = state["step"], state["seconds"]
        self.unlogged = state["unlogged"] if self.rank == 0 else {}
        self.report.note(f"resuming at step {self.step} ({found})")
        now = json.loads(json.dumps(asdict(self.config)))
        for name, value in now.items():
            if state["config"].get(name) != value:
                self.report.note(f"  {name} was {state['config'].get(name)}, is {value} now")
