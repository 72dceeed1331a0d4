"""UniDiffuser as an object: load a model once, run any number of requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, Self

import torch
from PIL import Image

from unidiff_cli import __version__
from unidiff_cli.codecs.image import ImageCodec, where
from unidiff_cli.codecs.text import TextCodec
from unidiff_cli.core.latents import Latents
from unidiff_cli.core.modes import MODES, TOGETHER, Leg
from unidiff_cli.core.noise import Noise
from unidiff_cli.core.pair import Modality
from unidiff_cli.core.sampler import Sampler, as_solver
from unidiff_cli.core.schedule import stable_diffusion
from unidiff_cli.core.solver import SOLVERS, TIMES
from unidiff_cli.core.tuned import LEGS, Steps, Tuned, is_tuned, tuned
from unidiff_cli.engine.best import best_of
from unidiff_cli.engine.fit import Fit
from unidiff_cli.engine.model import Answer, Model, Stage
from unidiff_cli.engine.parts import Parts
from unidiff_cli.engine.predictor import UViTPredictor
from unidiff_cli.engine.rescue import Rescue
from unidiff_cli.engine.samples import seed_of
from unidiff_cli.engine.score import Scorer
from unidiff_cli.engine.turns import in_turn
from unidiff_cli.engine.words import Words
from unidiff_cli.errors import DegenerateResult, UnidiffError, UsageError
from unidiff_cli.files.pictures import open_picture
from unidiff_cli.model_config import ModelConfig
from unidiff_cli.nets.uvit import UViT
from unidiff_cli.progress import Progress, Silence
from unidiff_cli.request import Output, Request
from unidiff_cli.speed.cache import SkipCache, skip_cache
from unidiff_cli.speed.dtype import NAMES, choose_device, choose_dtype
from unidiff_cli.speed.memory import Memory, release
from unidiff_cli.storage.checkpoint import Checkpoint
from unidiff_cli.storage.open import open_checkpoint

V1_DATA = {"web": 0, "internal": 1}
TEXT_BATCH = 8
BATCH_ON_CUDA = 8


@dataclass(frozen=True)
class UniDiffuser(Model):
    """A model on a device. Its parts are loaded when a mode first needs them."""

    parts: Parts
    device: torch.device
    dtype: torch.dtype
    progress: Progress
    watch: Callable[[Sampler], Sampler] | None = None
    """What every sampler goes through before it is used: to look at a picture as it forms."""
    scorers: dict[tuple[tuple[str, ...], int], Scorer] = field(
        default_factory=dict, init=False, compare=False
    )
    """The one that was used last, by its texts and seed."""

    @classmethod
    def load(
        cls,
        model: str | None = None,
        *,
        device: str = "auto",
        dtype: str = "auto",
        memory: Memory = "auto",
        progress: Progress | None = None,
    ) -> Self:
        """The named model (a row of the registry, a folder, a Hub id), by default the best here.

        With `memory="low"` only the parts at work are held, and the network gets one point at a
        time (on a CPU, of one sample at a time): slower, and the same pictures but for rounding.
        Pictures above the model's own size go through the VAE in tiles. "min" also reads the
        network's blocks from the file one at a time. ModelUnavailable says how to get a model that
        is not here; a wrong device or dtype is a UsageError.
        """
        return cls.of(open_checkpoint(model), device, dtype, memory, progress or Silence())

    @classmethod
    def of(
        cls, checkpoint: Checkpoint, device: str, dtype: str, memory: Memory, listener: Progress
    ) -> Self:
        """The same of a model that was found already."""
        place = choose_device(device)
        parts = Parts(checkpoint, place, listener, memory)
        number_format = choose_dtype(dtype, place, int(parts.config.uvit["dim"]))
        if memory == "min" and number_format is torch.int8:
            raise UsageError(
                "usage.not-together",
                "--memory min computes with the network's blocks as its file has them.",
                "With int8 the whole network takes half of what bf16 takes: try --memory low.",
            )
        return cls(parts, place, number_format, listener)

    @property
    def config(self) -> ModelConfig:
        """The sizes of the parts, and the model's defaults."""
        return self.parts.config

    @property
    def tuned(self) -> Tuned | None:
        """The solver that lies beside the model."""
        return self.parts.checkpoint.tuned

    @property
    def made_with(self) -> dict[str, str]:
        """What a result depends on besides its request."""
        name = self.device.type
        if name == "cuda":
            name = torch.cuda.get_device_name(self.device)
        return {
            "model": self.parts.checkpoint.name,
            "revision": self.parts.checkpoint.revision,
            "device": name,
            "dtype": NAMES[self.dtype],
            "threads": str(torch.get_num_threads()),
            "memory": self.parts.memory,
            **_versions(),
        }

    def use_threads(self, threads: int | None) -> None:
        """Compute with so many threads from now on; None leaves it as it is."""
        if threads is not None:
            torch.set_num_threads(threads)

    def strange_words(self, prompt: str) -> list[str]:
        """The words of a prompt that the model never saw, where it knows which it saw."""
        words = self.parts.checkpoint.words
        spoken = dict.fromkeys(re.findall(r"[\w'-]+", prompt.lower()))
        return [] if words is None else [word for word in spoken if word not in words]

    def unread(self, prompt: str) -> str:
        """The end of a prompt that is longer than what the model reads; usually empty."""
        _, texts = self.parts.codecs(torch.float32)
        return texts.unread(prompt)

    def walk(self, asked: Callable[[Self], Iterator[Stage]]) -> Iterator[Stage]:
        """The stages of a walk."""
        return asked(self)

    def usual_batch(self, request: Request) -> int:
        """How many samples of this shape go together when nobody says how many."""
        if self.parts.frugal:
            return 1
        if self.device.type == "cuda":
            return BATCH_ON_CUDA
        # Elsewhere only captions gain from a batch: two points fill a small GPU, or a CPU.
        return TEXT_BATCH if request.walk.yields == ("text",) else 1

    def answers(self, batch: list[Request]) -> list[Answer]:
        """What each comes to, in smaller batches or safer numbers where that is needed."""
        if batch[0].best_of is not None:
            return [best_of(self, one, self.answers) for one in batch]
        answers = Rescue(self._sample, self.device, self.progress)(batch, self.dtype)
        if any(dtype != self.dtype for _, dtype in answers):
            self.parts.keep_only(self.dtype)
        return [(answer, NAMES[dtype]) for answer, dtype in answers]

    def fits(
        self, texts: Sequence[str], seed: int, picture: Image.Image, keep: int, draws: int
    ) -> list[Fit]:
        """The texts for an RGB picture, the best first."""
        key = tuple(texts), seed
        if key not in self.scorers:
            self.scorers.clear()
            self.scorers[key] = Scorer.of(self, texts, seed)
        return self.scorers[key](picture, keep, draws)

    def _sample(self, batch: list[Request], dtype: torch.dtype) -> list[Output | UnidiffError]:
        """Encode what is given, walk the mode, decode what it yields."""
        if dtype is not self.dtype:  # a rescue: both formats at once are more than some GPUs hold
            self.parts.keep_only(dtype)
        first = batch[0]
        if turns := MODES[first.mode].orders.get(first.order or TOGETHER):
            return in_turn(turns, batch, lambda some: self._sample(some, dtype))
        width, height = first.size or (0, 0)
        seeds = [seed_of(one) for one in batch]
        noise = self.parts.noise(seeds, width, height)
        images, texts = self.parts.codecs(dtype)
        known = noise.latents(0, "start")
        if first.prompt is not None:
            self.progress.stage("reading the prompt")
            known = known.put("text", texts.encode([str(one.prompt) for one in batch]))
        if first.image is not None:
            self.progress.stage("reading the picture")
            pictures = [open_picture(one.image) for one in batch if one.image is not None]
            known = known.put("image", images.encode(pictures, width, height, noise))
        words = Words.of(first, len(batch), texts)
        sampler = self.sampler(first, noise, dtype, words)
        masks = [open_picture(one.mask) for one in batch if one.mask is not None]
        if masks:
            mask = where(masks, self.parts.factor).map(lambda part: part.to(self.device))
            sampler = replace(sampler, mask=mask)
        self.progress.stage("sampling")
        known = sampler.walk(first.walk, known)
        del sampler  # it would hold the network while the decoders need the room
        release(self.device)
        self.progress.stage("decoding")
        return decode(first.walk.yields, seeds, known, images, texts, first.caption)

    def predictor(
        self, dtype: torch.dtype, data: str | None, cache: SkipCache | None = None
    ) -> UViTPredictor:
        """The network as samplers want it; `data` is the kind of data that v1 is to resemble."""
        return UViTPredictor(
            self.parts.module("uvit", dtype),
            data_type=None if data is None else V1_DATA[data],
            sample_by_sample=self.device.type == "cpu",
            point_by_point=self.parts.frugal,
            cache=cache,
            evaluated=self.progress.evaluated,
        )

    def sampler(
        self, request: Request, noise: Noise, dtype: torch.dtype, words: Words | None = None
    ) -> Sampler:
        """The sampler of a resolved request; `words` is what it says besides its prompt."""
        words = words or Words()
        net: UViT = self.parts.module("uvit", dtype)
        cache = skip_cache(net, request.fast, request.walk)
        schedule = stable_diffusion()
        sampler = Sampler(
            predict=self.predictor(dtype, request.v1_data, cache),
            noise=noise,
            schedule=schedule,
            solver=as_solver(SOLVERS.get(request.solver or "", tuned)),
            times=TIMES[request.times or "log-snr"](request.steps or 0, schedule),
            steps=self._steps(request),
            guidance=request.guidance or 0.0,
            interval=request.guidance_interval or (0.0, 1.0),
            absent=request.absent,
            negative=words.negative,
            others=words.others,
            repetitions=request.harmonise or 0,
            final_denoise=request.final_denoise,
        )
        return sampler if self.watch is None else self.watch(sampler)

    def _steps(self, request: Request) -> dict[Leg, Steps]:
        """The learned steps of every leg, where the solver is the model's own."""
        learned, count = self.tuned, request.steps or 0
        if learned is None or not is_tuned(request.solver):
            return {}
        return {leg: learned.of(leg)[count] for leg in LEGS.values() if count in learned.of(leg)}


def decode(
    yields: Sequence[Modality],
    seeds: Sequence[int],
    known: Latents,
    images: ImageCodec,
    texts: TextCodec,
    how: Literal["beam", "nucleus"] = "beam",
) -> list[Output | UnidiffError]:
    """Each sample's `yields`, decoded; a DegenerateResult in place of what is no result."""
    finite = torch.stack([known[m].finite for m in yields]).all(0).tolist()
    clean = known.map(lambda latent: latent.map(torch.nan_to_num))
    nothing: list[Any] = [None] * len(seeds)
    pictures = images.decode(clean.image) if "image" in yields else nothing
    captions = texts.decode(clean.text, how, seeds) if "text" in yields else nothing
    outputs: list[Output | UnidiffError] = []
    for seed, fine, image, text in zip(seeds, finite, pictures, captions, strict=True):
        fine = fine and (text is not None or "text" not in yields)
        flat = image is not None and all(low == high for low, high in image.getextrema())
        if fine and not flat:
            outputs.append(Output(seed=seed, image=image, text=text))
        else:
            what = "a picture of a single colour" if fine else "numbers that are not finite"
            hint = "Try another --seed, a lower --guidance, or --dtype fp32."
            outputs.append(
                DegenerateResult(
                    "result.degenerate", f"The sample of seed {seed} came out as {what}.", hint
                )
            )
    return outputs


@cache
def _versions() -> dict[str, str]:
    """Of the program and of the libraries that it computes with."""
    found = {"unidiff": __version__}
    for library in ("torch", "numpy", "diffusers", "transformers"):
        with suppress(PackageNotFoundError):
            found[library] = version(library)
    return found
