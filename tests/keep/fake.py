"""A model that computes nothing, for helpers that are processes: they start in a moment.

As a program it is the command line, whose helpers have this model too: python tests/keep/fake.py
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from PIL import Image

from unidiff_cli import errors
from unidiff_cli.engine.fit import Fit
from unidiff_cli.engine.model import Answer, Model
from unidiff_cli.model_config import ModelConfig
from unidiff_cli.progress import Progress, Silence
from unidiff_cli.registry import tiny_config
from unidiff_cli.request import Output, Request
from unidiff_cli.walks.asked import Stage

PROGRAM = f"""
import json, sys
sys.path[:] = json.loads(sys.argv[2])
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.keep import fake
sys.modules.update(fake.modules())
from unidiff_cli.keep.__main__ import main
main()
"""


@dataclass(frozen=True)
class FakeModel(Model):
    """Pictures whose colours, and captions whose words, tell their seed."""

    progress: Progress = field(default_factory=Silence)

    @classmethod
    def load(cls, model: str | None = None, **options: Any) -> FakeModel:
        """As the real one; it tells on stderr that it was loaded here."""
        if os.environ.get("FAKE_TELL"):
            sys.stderr.write("loaded here\n")
        return cls(options.get("progress") or Silence())

    @property
    def config(self) -> ModelConfig:
        return tiny_config()

    @property
    def made_with(self) -> dict[str, str]:
        return dict.fromkeys(("model", "revision", "device", "dtype", "threads"), "fake")

    @property
    def tuned(self) -> None:
        return None

    def use_threads(self, threads: int | None) -> None:
        """Nothing."""

    def usual_batch(self, request: Request) -> int:
        return 1

    def strange_words(self, prompt: str) -> list[str]:
        return []

    def unread(self, prompt: str) -> str:
        return ""

    def answers(self, batch: list[Request]) -> list[Answer]:
        self.progress.stage("sampling")
        for _ in range(batch[0].steps or 0):
            time.sleep(float(os.environ.get("FAKE_SECONDS", "0")))
            self.progress.evaluated(len(batch))
        return [(self._answer(request), "fake") for request in batch]

    def _answer(self, request: Request) -> Output | errors.UnidiffError:
        kind = getattr(errors, request.prompt or "", None)
        if kind is not None:
            return kind(f"{kind.area}.asked-for", "It was asked for.")  # type: ignore[no-any-return]
        seed, yields = request.seed or 0, request.walk.yields
        picture = Image.new("RGB", request.size or (32, 32), (seed % 256, seed // 256 % 256, 99))
        picture.putpixel((0, 0), (1, 2, 3))
        image = picture if "image" in yields else None
        return Output(seed=seed, image=image, text=f"words {seed}" if "text" in yields else None)

    def fits(
        self, texts: Sequence[str], seed: int, picture: Image.Image, keep: int, draws: int
    ) -> list[Fit]:
        return [Fit(text, float(len(text)), None, draws) for text in texts]

    def walk(self, asked: Any) -> Iterator[Stage]:
        for number in range(asked.stages):
            yield Stage(text=f"stage {number}", given=number == 0)


def modules() -> dict[str, ModuleType]:
    """The modules that stand for those which import torch."""

    def for_guest(model: FakeModel, progress: Progress, sketch: object) -> FakeModel:
        return replace(model, progress=progress)

    def threads(count: int | None) -> AbstractContextManager[None]:
        return nullcontext()

    stands: dict[str, dict[str, Any]] = {
        "unidiff_cli.engine.pipeline": {"UniDiffuser": FakeModel},
        "unidiff_cli.speed.lean": {"import_libraries": lambda: None},
        "unidiff_cli.keep.held": {
            "load": lambda holding: FakeModel(),
            "for_guest": for_guest,
            "threads": threads,
            "rest": lambda model: None,
            "warm": lambda model: None,
            "about": lambda model: {
                "made_with": model.made_with,
                "config": model.config,
                "tuned": None,
            },
        },
    }
    found = {name: ModuleType(name) for name in stands}
    for name, module in found.items():
        vars(module).update(stands[name])
    return found


if __name__ == "__main__":
    sys.modules.update(modules())
    sys.argv[0] = "unidiff"
    from unidiff_cli.cli.app import main
    from unidiff_cli.keep import start

    start.PROGRAM = PROGRAM
    main()
