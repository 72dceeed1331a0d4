"""`unidiff tune`: a model walks its legs finely, and learns from that to walk them in few steps."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from unidiff_cli.core.latents import Latent, Latents
from unidiff_cli.core.modes import Leg, Role
from unidiff_cli.core.sampler import Sampler, as_solver
from unidiff_cli.core.schedule import Schedule
from unidiff_cli.core.solver import Clean, dpmpp_2m, log_snr_times, unipc
from unidiff_cli.core.tuned import LEGS, NETWORK, Steps, Tuned
from unidiff_cli.engine.pipeline import UniDiffuser
from unidiff_cli.errors import UsageError
from unidiff_cli.request import Request
from unidiff_cli.speed.tuning import (
    Predict,
    Trajectories,
    best_places,
    felt_at,
    learned,
    nudged,
    products,
)
from unidiff_cli.storage.tuned_file import read_tuned, write_tuned

FINE = 48
"""Steps of a trajectory (UniPC, even in log-SNR): on the bundled model 0.4% from 1000 steps."""
BATCH = 8
"""Samples that are walked, and kept, at a time."""
FEW = 4
"""So many say how errors are felt."""
SOME = 8
"""So many say where a time is better: most of the work, as steps are walked anew for each."""
HELD_OUT = 4
"""One in so many samples is not learned from."""
GIVEN_BY = {"t2i": "t", "i2t": "i"}
"""The leg that makes what another is given: the model's own sentences and pictures."""
COARSE = 4
"""Fine steps in one, where an error is followed to the end, and where what is given is made."""


@dataclass(frozen=True)
class Tuner:
    """A model in float32, and where what it learns is written."""

    model: UniDiffuser
    target: Path
    samples: int
    seed: int
    tell: Callable[[str], None]

    @property
    def work(self) -> Path:
        """Trajectories, kept until all is learned."""
        network = self.model.parts.checkpoint.network
        return self.target.with_name(f".{self.target.name}.{network}.work")

    @property
    def about(self) -> dict[str, Any]:
        """What the solver depends on."""
        request, checkpoint = self._request("t2i"), self.model.parts.checkpoint
        return {
            "model": checkpoint.config.name,
            NETWORK: checkpoint.network,
            "samples": self.samples,
            "seed": self.seed,
            "guidance": request.guidance,
            "size": list(request.size or ()),
        }

    def __call__(self, modes: Sequence[str], counts: Sequence[int], begun: Tuned | None) -> Tuned:
        """What was `begun`, and steps of each mode for each count; written after each."""
        done = begun or Tuned({}, self.about)
        for mode in modes:
            missing = [count for count in counts if count not in done.legs.get(mode, {})]
            if missing:
                for steps in self._learn(mode, missing):
                    done = done.with_steps(mode, steps)
                    write_tuned(done, self.target)
        shutil.rmtree(self.work, ignore_errors=True)
        return done

    def _learn(self, mode: str, counts: Sequence[int]) -> Iterator[Steps]:
        walks, known = self._trajectories(mode)
        learn = self.samples - max(1, self.samples // HELD_OUT)
        self.model.progress.stage(f"{mode}: placing the steps")
        felt = self._felt(mode, walks, known)
        places = best_places(products(walks.rows(slice(learn))), felt, counts)
        some = slice(min(SOME, learn))
        guess = self._predict(mode, range(some.stop), known.rows(some))
        predict = self._predict(mode, range(self.samples), known)
        for count in counts:
            self.model.progress.stage(f"{mode}: learning {count} steps")
            times = [walks.times[place] for place in places[count]]
            with torch.inference_mode():
                times = nudged(guess, walks.rows(some), times)
                steps, errors = learned(predict, walks, learn, times)
            self.tell(
                f"{mode}, {count} steps: off by {errors[:learn].mean():.2%}, "
                f"held out {steps.error:.2%}"
            )
            yield steps

    def _felt(self, mode: str, walks: Trajectories, known: Latents) -> list[float]:
        """How much of an error at each point is left at the end, from the first few samples."""
        path = self.work / f"{mode}-{self.seed}-felt.json"
        if not path.exists():
            few = slice(min(FEW, self.samples))
            predict = self._predict(mode, range(len(known.rows(few))), known.rows(few))

            def finish(x: Tensor, place: int) -> Tensor:
                times = [*walks.times[place:-1:COARSE], walks.times[-1]]
                return dpmpp_2m(predict, x, times, walks.schedule)

            with torch.inference_mode():
                felt = felt_at(walks.rows(few), range(FINE // 8, FINE, FINE // 8), finish)
            path.write_text(json.dumps(felt))
        found: list[float] = json.loads(path.read_text())
        return found

    def _trajectories(self, mode: str) -> tuple[Trajectories, Latents]:
        """The walks of a leg, and what it is given; those that are on the disk are read."""
        found = []
        self.work.mkdir(parents=True, exist_ok=True)
        for first in range(0, self.samples, BATCH):
            numbers = range(first, min(self.samples, first + BATCH))
            path = self.work / f"{mode}-{self.seed}-{first}-{numbers.stop}.safetensors"
            if not path.exists():
                self.model.progress.stage(f"{mode}: walking, sample {first} of {self.samples}")
                partial = path.with_suffix(".part")
                save_file(self._walked(mode, numbers), partial)
                partial.replace(path)
            found.append(load_file(path))
        whole = {name: torch.cat([each[name] for each in found]) for name in found[0]}
        image = Latent((whole["known.0"], whole["known.1"]))
        known = Latents(image, Latent((whole["known.2"],)))
        schedule = self._sampler(mode, [0]).schedule
        times = log_snr_times(FINE, schedule)
        return Trajectories(times, whole["points"], whole["clean"], schedule), known

    @torch.inference_mode()
    def _walked(self, mode: str, numbers: Sequence[int]) -> dict[str, Tensor]:
        """The points and predictions of some samples, and what they were given."""
        leg, sampler = LEGS[mode], self._sampler(mode, numbers)
        known = sampler.noise.latents(0, "start")
        if mode in GIVEN_BY:
            giver = self._sampler(GIVEN_BY[mode], numbers)
            giver = replace(giver, times=giver.times[::COARSE])
            known = giver.sample(LEGS[GIVEN_BY[mode]], known)
        points, clean = [], []

        def watched(
            predict: Clean[Latents], x: Latents, times: Sequence[float], schedule: Schedule
        ) -> Latents:
            def seen(z: Latents, t: float) -> Latents:
                guess = predict(z, t)
                points.append(flat(leg, z))
                clean.append(flat(leg, guess))
                return guess

            end = unipc(seen, x, times, schedule)
            points.append(flat(leg, end))
            return end

        replace(sampler, solver=as_solver(watched)).sample(leg, known, 1)
        parts = [*known.image.parts, *known.text.parts]
        return {
            "points": torch.stack(points, 1).contiguous(),
            "clean": torch.stack(clean, 1).contiguous(),
            **{f"known.{n}": part.contiguous() for n, part in enumerate(parts)},
        }

    def _predict(self, mode: str, numbers: Sequence[int], known: Latents) -> Predict:
        """What the network, guided, predicts of some samples; the noise of its own is fixed."""
        leg, sampler = LEGS[mode], self._sampler(mode, numbers)
        start = sampler.noise.latents(1, "start")
        return lambda x, t: flat(leg, sampler.clean(leg, filled(leg, x, start), known, t, 1, 0))

    def _sampler(self, mode: str, numbers: Sequence[int]) -> Sampler:
        request = self._request(mode)
        width, height = request.size or (0, 0)
        noise = self.model.parts.noise([self.seed + n for n in numbers], width, height)
        return self.model.sampler(request, noise, self.model.dtype)

    def _request(self, mode: str) -> Request:
        given: Mapping[str, Any] = {"t2i": {"prompt": ""}, "i2t": {"image": "-"}}.get(mode, {})
        fine: Mapping[str, Any] = {"solver": "unipc", "times": "log-snr", "steps": FINE}
        return self.model.resolve(Request(mode=mode, seed=0, absent="fixed", **fine, **given))


def begun(tuner: Tuner) -> Tuned | None:
    """What was learned before in the same way; a UsageError where it was learned otherwise."""
    found = read_tuned(tuner.target)
    if found is None or found.about == tuner.about:
        return found
    other = [name for name, value in tuner.about.items() if found.about.get(name) != value]
    raise UsageError(
        "usage.other-settings",
        f"{tuner.target} was learned with another {' and '.join(other)}.",
        "Replace it with --force, or name another file with -o.",
    )


def flat(leg: Leg, z: Latents) -> Tensor:
    """(S, P): all numbers that a leg samples."""
    parts = [part for m in leg.which(Role.SAMPLED) for part in z[m].parts]
    return torch.cat([part.flatten(1) for part in parts], 1)


def filled(leg: Leg, x: Tensor, like: Latents) -> Latents:
    """`like` with the numbers (S, P) in place of what a leg samples."""
    for m in leg.which(Role.SAMPLED):
        parts = []
        for part in like[m].parts:
            size = part[0].numel()
            numbers, x = x[:, :size], x[:, size:]
            parts.append(numbers.view_as(part))
        like = like.put(m, Latent(tuple(parts)))
    return like
