"""UniDiffuser as an object: load a model once, run any number of requests."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from typing import Any, Self

import torch

from unidiff_cli import __version__
from unidiff_cli.codecs.image import ImageCodec
from unidiff_cli.codecs.text import TextCodec
from unidiff_cli.core.latents import Latent, Latents
from unidiff_cli.core.noise import Noise, Shapes
from unidiff_cli.core.pair import Pair
from unidiff_cli.core.sampler import Sampler, as_solver
from unidiff_cli.core.schedule import stable_diffusion
from unidiff_cli.core.solver import SOLVERS, uniform_times
from unidiff_cli.errors import DegenerateResult, OutOfMemory, UnidiffError, UsageError
from unidiff_cli.pictures import open_picture
from unidiff_cli.predictor import UViTPredictor
from unidiff_cli.progress import Progress, Silence
from unidiff_cli.request import Output, Request, Result
from unidiff_cli.speed.dtype import NAMES, choose_device, choose_dtype, safer_dtype
from unidiff_cli.speed.memory import is_out_of_memory, release
from unidiff_cli.storage.checkpoint import Checkpoint, Part, TokenizerName
from unidiff_cli.storage.open import open_checkpoint

V1_DATA = {"web": 0, "internal": 1}
TEXT_BATCH_ON_CPU = 8
BATCH_ON_ACCELERATOR = 8


@dataclass(frozen=True)
class UniDiffuser:
    """A model on a device. Its parts are loaded when a mode first needs them."""

    checkpoint: Checkpoint
    device: torch.device
    dtype: torch.dtype
    progress: Progress = field(default_factory=Silence)
    parts: dict[tuple[Part | TokenizerName, torch.dtype | None], Any] = field(default_factory=dict)

    @classmethod
    def load(
        cls,
        model: str | None = None,
        *,
        device: str = "auto",
        dtype: str = "auto",
        progress: Progress | None = None,
    ) -> Self:
        """The named model: a row of the registry, a folder or a Hub id; by default the best here."""
        place = choose_device(device)
        return cls(open_checkpoint(model), place, choose_dtype(dtype, place), progress or Silence())

    @property
    def made_with(self) -> dict[str, str]:
        """What a result depends on besides its request."""
        name = self.device.type
        if name == "cuda":
            name = torch.cuda.get_device_name(self.device)
        found = {"unidiff": __version__}
        for library in ("torch", "diffusers", "transformers"):
            with suppress(PackageNotFoundError):
                found[library] = version(library)
        return {
            "model": self.checkpoint.name,
            "revision": self.checkpoint.revision,
            "device": name,
            "dtype": NAMES[self.dtype],
            "threads": str(torch.get_num_threads()),
            **found,
        }

    def resolve(self, request: Request) -> Request:
        """The request with every open choice made from the model's defaults."""
        config, request = self.checkpoint.config, request.seeded()
        if request.v1_data is not None and not config.data_types:
            raise UsageError(
                f"{self.checkpoint.name} does not tell kinds of training data apart.",
                "Leave out --v1-data: it belongs to unidiffuser-v1.",
            )
        choices: dict[str, Any] = {
            "steps": config.sampling.steps,
            "solver": config.sampling.solver,
            "guidance": config.sampling.guidance,
            "size": (config.size, config.size),
            "v1_data": "internal" if config.data_types else None,
        }
        open_choices = {
            name: value for name, value in choices.items() if getattr(request, name) is None
        }
        return replace(request, **open_choices)

    def run(self, request: Request) -> Result:
        """All samples of one request; raises the first error among them."""
        results = list(self.stream([request]))
        for result in results:
            if result.error is not None:
                raise result.error
        asked = replace(results[0].request, count=request.count)
        outputs = tuple(output for result in results for output in result.outputs)
        return replace(
            results[0], request=asked, outputs=outputs, seconds=sum(r.seconds for r in results)
        )

    def stream(
        self, requests: Sequence[Request], *, batch_size: int | None = None
    ) -> Iterator[Result]:
        """One result per sample, in order, each as soon as its batch is done.

        A sample that fails has a result with its error; the others go on.
        """
        samples = [one for request in requests for one in split(self.resolve(request))]
        self.progress.begin(len(samples), sum(evaluations(one) for one in samples))
        for _, alike in groupby(samples, key=shape):
            rest = list(alike)
            size = batch_size or self._batch_size(rest[0])
            while rest:
                batch, rest = rest[:size], rest[size:]
                yield from self._batch(batch)
                self.progress.finished(len(batch))

    def _batch_size(self, request: Request) -> int:
        if self.device.type != "cpu":
            return BATCH_ON_ACCELERATOR
        # On a CPU only captions gain from a batch; pictures come sooner one by one.
        return TEXT_BATCH_ON_CPU if request.walk.yields == ("text",) else 1

    def _batch(self, batch: list[Request]) -> list[Result]:
        """A result for each request, however many of them fail."""
        opened = [self._open(request) for request in batch]
        good = [request for request in opened if isinstance(request, Request)]
        started = time.perf_counter()
        done = iter(self._halving(good, self.dtype))
        seconds = (time.perf_counter() - started) / max(1, len(good))
        results = []
        for asked, request in zip(batch, opened, strict=True):
            answer = next(done) if isinstance(request, Request) else request
            outputs, error = ((), answer) if isinstance(answer, UnidiffError) else ((answer,), None)
            results.append(
                Result(
                    request=asked,
                    outputs=outputs,
                    error=error,
                    seconds=seconds,
                    made_with=self.made_with,
                )
            )
        return results

    def _open(self, request: Request) -> Request | UnidiffError:
        """The request with its picture read, or what is wrong with the picture."""
        if request.image is None:
            return request
        try:
            return replace(request, image=open_picture(request.image))
        except UnidiffError as error:
            return error

    def _halving(self, batch: list[Request], dtype: torch.dtype) -> list[Output | UnidiffError]:
        """The samples of a batch that fits, or of its halves where it does not."""
        if not batch:
            return []
        try:
            return self._checked(batch, dtype)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        release(self.device)
        if len(batch) == 1:
            return [
                OutOfMemory(
                    f"The memory of {self.device.type} does not hold one sample of this size.",
                    "Try a smaller --size, --dtype bf16, or --device cpu.",
                )
            ]
        half = len(batch) // 2
        return self._halving(batch[:half], dtype) + self._halving(batch[half:], dtype)

    def _checked(self, batch: list[Request], dtype: torch.dtype) -> list[Output | UnidiffError]:
        """The samples; degenerate ones are made again in a safer number format."""
        outputs = self._sample(batch, dtype)
        broken = [k for k, output in enumerate(outputs) if isinstance(output, UnidiffError)]
        safer = safer_dtype(dtype)
        if broken and safer is not None:
            self.progress.stage(f"numbers overflowed in {NAMES[dtype]}: again in {NAMES[safer]}")
            again = self._halving([batch[k] for k in broken], safer)
            for k, output in zip(broken, again, strict=True):
                outputs[k] = output
        return outputs

    def _sample(self, batch: list[Request], dtype: torch.dtype) -> list[Output | UnidiffError]:
        """Encode what is given, walk the mode, decode what it yields."""
        first = batch[0]
        part = partial(self._part, dtype=dtype)
        images, texts = self._codecs(part)
        noise = Noise([seed_of(one) for one in batch], self._shapes(first), self.device)
        known = noise.latents(0, "start")
        if first.prompt is not None:
            self.progress.stage("reading the prompt")
            known = known.put("text", texts.encode([str(one.prompt) for one in batch]))
        if first.image is not None:
            self.progress.stage("reading the picture")
            width, height = first.size or (0, 0)
            pictures = [open_picture(one.image) for one in batch if one.image is not None]
            known = known.put("image", images.encode(pictures, width, height, noise))
        net = part("uvit")
        self.progress.stage("sampling")
        empty = texts.encode([""] * len(batch)) if first.unconditional == "empty" else None
        known = self._sampler(first, net, noise, empty).walk(first.walk, known)
        self.progress.stage("decoding")
        return self._decode(batch, known, images, texts)

    def _decode(
        self, batch: list[Request], known: Latents, images: ImageCodec, texts: TextCodec
    ) -> list[Output | UnidiffError]:
        outputs: list[Output | UnidiffError] = []
        mode, seeds = batch[0].walk, [seed_of(one) for one in batch]
        finite = torch.stack([known[m].finite for m in mode.yields]).all(0).tolist()
        clean = known.map(lambda latent: latent.map(torch.nan_to_num))
        pictures: list[Any] = [None] * len(batch)
        captions: list[str | None] = [None] * len(batch)
        if "image" in mode.yields:
            pictures = list(images.decode(clean.image))
        if "text" in mode.yields:
            captions = list(texts.decode(clean.text, batch[0].caption, seeds))
        for seed, fine, image, caption in zip(seeds, finite, pictures, captions, strict=True):
            flat = image is not None and all(low == high for low, high in image.getextrema())
            if fine and not flat:
                outputs.append(Output(seed=seed, image=image, text=caption))
            else:
                what = "a picture of a single colour" if fine else "numbers that are not finite"
                outputs.append(
                    DegenerateResult(
                        f"Sample {seed} came out as {what}.",
                        "Try another --seed, a lower --guidance, or --dtype fp32.",
                    )
                )
        return outputs

    def _sampler(self, request: Request, net: Any, noise: Noise, empty: Latent | None) -> Sampler:
        data_type = None if request.v1_data is None else V1_DATA[request.v1_data]
        return Sampler(
            predict=UViTPredictor(
                net, data_type, self.device.type == "cpu", self.progress.evaluated
            ),
            noise=noise,
            schedule=stable_diffusion(),
            solver=as_solver(SOLVERS[request.solver or ""]),
            times=uniform_times(request.steps or 0),
            guidance=request.guidance or 0.0,
            absent=request.absent,
            empty=empty,
            final_denoise=request.final_denoise,
        )

    def _shapes(self, request: Request) -> Shapes:
        config = self.checkpoint.config
        factor = 2 ** (len(config.vae["block_out_channels"]) - 1)
        width, height = request.size or (config.size, config.size)
        vae = (int(config.uvit["channels"]), height // factor, width // factor)
        return Pair(
            (vae, (1, int(config.uvit["clip_dim"]))), ((config.text_tokens, config.text_dim),)
        )

    def _codecs(self, part: Any) -> tuple[ImageCodec, TextCodec]:
        config = self.checkpoint.config
        images = ImageCodec(
            partial(part, "vae"),
            partial(part, "clip_image"),
            config.vae_scale,
            int(config.clip_image["image_size"]),
        )
        texts = TextCodec(
            partial(part, "clip_text"),
            partial(part, "encode_prefix"),
            partial(part, "captioner"),
            partial(self._tokenizer, "clip"),
            partial(self._tokenizer, "caption"),
            config.text_tokens,
        )
        return images, texts

    def _part(self, part: Part, dtype: torch.dtype) -> Any:
        if (part, dtype) not in self.parts:
            self.progress.stage(f"loading {part}")
            self.parts[part, dtype] = self.checkpoint.module(part, self.device, dtype)
        return self.parts[part, dtype]

    def _tokenizer(self, name: TokenizerName) -> Any:
        if (name, None) not in self.parts:
            self.parts[name, None] = self.checkpoint.tokenizer(name)
        return self.parts[name, None]


def split(request: Request) -> Iterator[Request]:
    """The samples of a request, as requests of one: sample k has seed + k."""
    for k in range(request.count):
        yield replace(request, count=1, seed=seed_of(request) + k)


def shape(request: Request) -> tuple[Any, ...]:
    """What samples must share to go through the network together."""
    settings = request.settings()
    del settings["seed"]
    return request.mode, repr(sorted(settings.items()))


def evaluations(request: Request) -> int:
    """How often the network is asked for one sample."""
    steps = (request.steps or 0) + request.final_denoise
    return len(request.walk.legs) * steps


def seed_of(request: Request) -> int:
    """The seed of a request that has one."""
    assert request.seed is not None
    return request.seed
