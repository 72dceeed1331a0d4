"""The command line with a model that computes nothing, also in the processes that it starts.

    python tests/batch/program.py batch jobs.jsonl -o answers/

The prompt "die" kills the process that works on it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

from tests.cli import fake
from tests.cli.fake import FakeModel
from unidiff_cli.request import Request, Result


class Model(FakeModel):
    """The fake model, as a batch asks for it."""

    device = SimpleNamespace(type="cpu")

    @classmethod
    def load(cls, model: str | None = None, **options: Any) -> FakeModel:
        loaded = super().load(model, **options)
        loaded.made_with |= {"dtype": "fp32", "threads": "1"}
        return loaded

    def usual_batch(self, request: Request) -> int:
        return 4

    def stream(
        self, requests: Sequence[Request], *, batch_size: int | None = None
    ) -> Iterator[Result]:
        if any(request.prompt == "die" for request in requests):
            os.kill(os.getpid(), signal.SIGKILL)
        yield from super().stream(requests, batch_size=batch_size)


def shape(request: Request) -> Any:
    """What the jobs of a batch have in common."""
    return request.mode, request.steps


def install() -> None:
    """Stand in for the pipeline, and for what a batch wants of PyTorch."""
    modules, torch = fake.modules(), ModuleType("torch")
    vars(modules["unidiff_cli.engine.pipeline"]).update(UniDiffuser=Model, shape=shape)
    vars(torch).update(set_num_threads=lambda number: None)
    sys.modules |= {**modules, "torch": torch}


# Started processes import this file too, under another name.
if __name__ in ("__main__", "__mp_main__"):
    install()
if __name__ == "__main__":
    sys.argv[0] = "unidiff"
    from unidiff_cli.cli.app import main

    main()
