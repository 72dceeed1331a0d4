"""How fast a model is on this machine, and how near to what the machine can do."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from unidiff_cli.core.latents import Latents
from unidiff_cli.core.noise import Noise
from unidiff_cli.engine.pipeline import UniDiffuser
from unidiff_cli.engine.rescue import no_room
from unidiff_cli.engine.samples import evaluations
from unidiff_cli.nets.int8 import Int8Linear
from unidiff_cli.nets.products import linear, multiplies_int8
from unidiff_cli.nets.uvit import UViT, UViTConfig
from unidiff_cli.request import Request
from unidiff_cli.speed.dtype import beside
from unidiff_cli.speed.memory import is_out_of_memory, release

PROMPT = "a red fox"
GAIN = 1.05
"""A larger batch is recommended where it makes that many times the pictures."""


@dataclass(frozen=True)
class Seconds:
    """What repetitions of one thing took."""

    median: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """Seconds, in five digits."""
        return {name: float(f"{value:.5g}") for name, value in vars(self).items()}


def clocked(work: Callable[[], Any], device: torch.device, repeats: int) -> Seconds:
    """What `work` takes once it is warm."""
    taken = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        elif device.type == "mps":
            torch.mps.synchronize()
        taken.append(time.perf_counter() - start)
    warm = taken[1:]
    return Seconds(statistics.median(warm), min(warm), max(warm))


def operations(config: UViTConfig, height: int, width: int) -> float:
    """Floating-point operations of the network for one point: a product and a sum are two.

    Height and width are those of the latent. Counted are the products of the blocks: linear maps,
    long skips and attention, 99.9% of the published network.
    """
    tokens = 2 + bool(config.data_types) + config.text_tokens + config.clip_tokens
    tokens += (height // config.patch) * (width // config.patch)
    square = config.dim**2
    linear_maps = 2 * tokens * (4 + 2 * config.mlp_ratio) * square
    attention = 4 * tokens**2 * config.dim
    skips = 2 * tokens * 2 * square * (config.depth // 2)
    return float((linear_maps + attention) * (config.depth + 1) + skips)


@dataclass(frozen=True)
class Bench:
    """A loaded model, and what is asked of it."""

    model: UniDiffuser
    repeats: int = 3

    def __call__(self, batches: Sequence[int]) -> dict[str, Any]:
        """All that is measured, as `unidiff bench --json` prints it."""
        say = self.model.progress.stage
        request = self.model.resolve(Request(mode="t2i", prompt=PROMPT, seed=0))
        steps = evaluations(request)
        say("measuring the ceiling")
        ceiling = self.ceiling(request)
        rows, captions, too_many = [], [], []
        for batch in batches:
            say(f"measuring {batch} at once")
            try:
                pictures = self.pictures(request, batch, steps, ceiling)
                captions.append(self.captions(request, batch))
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                too_many.append(batch)
            else:
                rows.append(pictures)
            release(self.model.device)
        if not rows:
            raise no_room(self.model.device)
        best, fewer_bits = recommended(rows), self.in_8_bits(request)
        dtype = self.model.made_with["dtype"]
        return {
            **self.model.made_with,
            "size": list(request.size or ()),
            "solver": request.solver,
            "evaluations": steps,
            "guidance": request.guidance,
            "ceiling_gflops": round(ceiling / 1e9, 1),
            "pictures": rows,
            "captions": captions,
            "int8": fewer_bits,
            "out_of_memory": too_many,
            "peak_memory_gib": round(peak(self.model.device) / 2**30, 2),
            "options": f"--dtype {dtype} --batch-size {best}",
        }

    def ceiling(self, request: Request) -> float:
        """Operations a second of a matrix product of the network's largest shape."""
        config = self.net.config
        width, height = request.size or (0, 0)
        patch = self.model.parts.factor * config.patch
        rows = 2 * (width // patch) * (height // patch)
        plain = torch.nn.Linear(
            config.dim, config.mlp_ratio * config.dim, device=self.model.device
        ).to(beside(self.model.dtype))
        x = torch.randn(rows, config.dim).to(self.model.device, plain.weight.dtype)
        layer = Int8Linear(plain) if self.model.dtype is torch.int8 else plain
        # One product is too short a time to be told from that of asking a GPU whether it is done.
        products = 1 if self.model.device.type == "cpu" else 20

        def multiply() -> None:
            for _ in range(products):
                linear(x, layer)

        with torch.inference_mode():
            seconds = clocked(multiply, self.model.device, 3 * self.repeats)
        return products * 2 * rows * plain.weight.numel() / seconds.low

    def pictures(self, request: Request, batch: int, steps: int, ceiling: float) -> dict[str, Any]:
        """A guided evaluation, and pictures a minute: prompt, evaluations and decoding summed."""
        model, device = self.model, self.model.device
        width, height = request.size or (0, 0)
        noise = model.parts.noise(range(batch), width, height)
        images, texts = model.parts.codecs(model.dtype)
        known = noise.latents(0, "start")
        prompts = [PROMPT] * batch
        reading = clocked(lambda: texts.encode(prompts), device, 1)
        known = known.put("text", texts.encode(prompts))
        evaluation = self.evaluation(model, request, known, noise)
        decoding = clocked(lambda: images.decode(known.image), device, 1)
        whole = reading.median + steps * evaluation.median + decoding.median
        points = batch * (2 if request.guidance else 1)
        side = model.parts.factor
        done = points * operations(self.net.config, height // side, width // side)
        return {
            "batch": batch,
            "evaluation": evaluation.to_json(),
            "decoding": decoding.to_json(),
            "pictures_a_minute": round(60 * batch / whole, 3),
            "share_of_ceiling": round(done / evaluation.median / ceiling, 3),
        }

    def evaluation(
        self, model: UniDiffuser, request: Request, known: Latents, noise: Noise
    ) -> Seconds:
        """One evaluation of the network, guided as the request has it."""
        sampler = model.sampler(request, noise, model.dtype)
        (leg,) = request.walk.legs
        start = noise.latents(0, "start")
        return clocked(
            lambda: sampler.guided(leg, start, known, 0.5, 0, 0), model.device, self.repeats
        )

    def in_8_bits(self, request: Request) -> dict[str, float] | None:
        """An evaluation of one sample in int8, where that is possible here and was not chosen."""
        model = self.model
        if (
            model.device.type != "cpu"
            or model.parts.frugal
            or model.dtype is torch.int8
            or not multiplies_int8()
        ):
            return None
        model.progress.stage("measuring int8")
        noise = model.parts.noise([0], *(request.size or (0, 0)))
        known = noise.latents(0, "start")
        other = replace(model, dtype=torch.int8)
        whole, fewer = (
            self.evaluation(each, request, known, noise).median for each in (model, other)
        )
        return {"evaluation": float(f"{fewer:.5g}"), "times_as_fast": round(whole / fewer, 2)}

    def captions(self, request: Request, batch: int) -> dict[str, Any]:
        """Captions a second by the beam search, sampling not counted."""
        width, height = request.size or (0, 0)
        known = self.model.parts.noise(range(batch), width, height).latents(0, "start")
        texts = self.model.parts.codecs(self.model.dtype)[1]
        seconds = clocked(
            lambda: texts.decode(known.text, "beam", range(batch)), self.model.device, self.repeats
        )
        return {
            "batch": batch,
            "decoding": seconds.to_json(),
            "captions_a_second": round(batch / seconds.median, 3),
        }

    @property
    def net(self) -> UViT:
        """The network that is measured."""
        net: UViT = self.model.parts.module("uvit", self.model.dtype)
        return net


def recommended(rows: Sequence[dict[str, Any]]) -> int:
    """The smallest batch beyond which more samples at once gain nothing to speak of."""
    best = rows[0]
    for row in sorted(rows, key=lambda row: int(row["batch"])):
        if row["pictures_a_minute"] > GAIN * best["pictures_a_minute"]:
            best = row
    return int(best["batch"])


def peak(device: torch.device) -> int:
    """This process's peak memory in bytes: on CUDA the GPU's, else the machine's (0 on Windows)."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return 0
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(used) * (1 if sys.platform == "darwin" else 1024)
