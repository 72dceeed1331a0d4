"""A model that keeps the pipeline's contract and computes nothing.

As a program it is the command line with this model: python tests/cli/fake.py t2i "a fox"
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

from PIL import Image

from unidiff_cli import errors
from unidiff_cli.errors import UnidiffError, UsageError
from unidiff_cli.files.pictures import open_picture
from unidiff_cli.progress import Progress, Silence
from unidiff_cli.request import Output, Request, Result

LOADED: list[dict[str, Any]] = []
"""What was asked of `load`, call by call."""
SEEN: list[Request] = []
"""The samples that were asked for."""


@dataclass
class FakeModel:
    """Pictures whose colours, and captions whose words, tell their seed."""

    progress: Progress = field(default_factory=Silence)
    made_with: dict[str, str] = field(
        default_factory=lambda: {
            "model": "fake",
            "revision": "none",
            "device": "cpu",
            "dtype": "fp32",
        }
    )

    @classmethod
    def load(
        cls,
        model: str | None = None,
        *,
        device: str = "auto",
        dtype: str = "auto",
        memory: str = "auto",
        progress: Progress | None = None,
    ) -> FakeModel:
        LOADED.append({"model": model, "device": device, "dtype": dtype})
        if model == "missing":
            raise errors.ModelUnavailable(
                "model.unknown", "There is no model missing.", "unidiff models list"
            )
        fake = cls(progress or Silence())
        if model in (None, "starter"):
            fake.made_with["model"] = "starter"
        if dtype != "auto":
            fake.made_with["dtype"] = dtype
        fake.progress.stage("loading")
        return fake

    def use_threads(self, threads: int | None) -> None:
        """Nothing."""

    def strange_words(self, prompt: str) -> list[str]:
        return []

    def unread(self, prompt: str) -> str:
        return ""

    def resolve(self, request: Request, like: str | None = None) -> Request:
        if request.v1_data is not None:
            raise UsageError("usage.not-for-model", "fake does not tell kinds of data apart.")
        request = request.seeded()
        return replace(
            request,
            steps=request.steps or 2,
            solver=request.solver or "ddim",
            guidance=7.0 if request.guidance is None else request.guidance,
            size=request.size or (32, 32),
        )

    def stream(
        self,
        requests: Sequence[Request],
        *,
        batch_size: int | None = None,
        take: Callable[[Request], bool] | None = None,
    ) -> Iterator[Result]:
        samples = [
            replace(request, count=1, seed=(request.seed or 0) + k)
            for request in map(self.resolve, requests)
            for k in range(request.count)
        ]
        self.progress.begin(len(samples), len(samples) * 2)
        for sample in samples:
            if take is not None and not take(sample):
                continue
            SEEN.append(sample)
            time.sleep(float(os.environ.get("FAKE_SECONDS", "0")))
            self.progress.evaluated(1)
            result = Result(request=sample, seconds=0.5, made_with=self.made_with)
            try:
                yield replace(result, outputs=(answer(sample),))
            except UnidiffError as error:
                yield replace(result, error=error)
            self.progress.finished(1)


def answer(request: Request) -> Output:
    """The sample of a request; a prompt that names a class of errors raises it."""
    seed, prompt = request.seed or 0, request.prompt or ""
    kind = getattr(errors, prompt, None)
    if kind is not None:
        raise kind(f"{kind.area}.asked-for", "It was asked for.")
    if prompt == "crash":
        raise RuntimeError("a wire came loose")
    if request.image is not None:
        open_picture(request.image)
    picture = Image.new("RGB", request.size or (32, 32), (seed % 256, seed // 256 % 256, 99))
    yields = request.walk.yields
    return Output(
        seed=seed,
        image=picture if "image" in yields else None,
        text=f"words of\nseed {seed}" if "text" in yields else None,
    )


def modules() -> dict[str, ModuleType]:
    """The modules that stand for those which look for a model, and load it."""
    stands = {
        "unidiff_cli.engine.pipeline": {"UniDiffuser": FakeModel},
        "unidiff_cli.storage.ahead": {"read_ahead": lambda _: None},
        "unidiff_cli.speed.lean": {"import_libraries": lambda: None},
    }
    found = {name: ModuleType(name) for name in stands}
    for name, module in found.items():
        vars(module).update(stands[name])
    return found


if __name__ == "__main__":
    sys.modules.update(modules())
    sys.argv[0] = "unidiff"
    from unidiff_cli.cli.app import main

    main()
