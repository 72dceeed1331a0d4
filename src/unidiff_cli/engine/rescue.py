"""What is done when a batch does not fit into memory, or comes out broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch

from unidiff_cli.errors import OutOfMemory, UnidiffError
from unidiff_cli.progress import Progress
from unidiff_cli.speed.dtype import NAMES, safer_dtype
from unidiff_cli.speed.memory import is_out_of_memory, release

Order = TypeVar("Order")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Rescue(Generic[Order, Answer]):
    """Work on batches that survives a full memory and numbers that overflow."""

    work: Callable[[list[Order], torch.dtype], list[Answer | UnidiffError]]
    """A batch and a number format in, an answer or a DegenerateResult for each order out."""
    device: torch.device
    progress: Progress

    def __call__(
        self, batch: list[Order], dtype: torch.dtype
    ) -> list[tuple[Answer | UnidiffError, torch.dtype]]:
        """For each order the answer, from a batch that fits or from its halves, and its format."""
        if not batch:
            return []
        try:
            return self._checked(batch, dtype)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        # Outside the except clause, where the traceback no longer holds the failed batch.
        release(self.device)
        if len(batch) == 1:
            return [(no_room(self.device), dtype)]
        half = len(batch) // 2
        self.progress.stage(f"out of memory: again with a batch of {half}")
        return self(batch[:half], dtype) + self(batch[half:], dtype)

    def _checked(
        self, batch: list[Order], dtype: torch.dtype
    ) -> list[tuple[Answer | UnidiffError, torch.dtype]]:
        """The answers; broken ones are made once more in a safer number format."""
        answers = [(answer, dtype) for answer in self.work(batch, dtype)]
        broken = [k for k, (answer, _) in enumerate(answers) if isinstance(answer, UnidiffError)]
        safer = safer_dtype(dtype)
        if broken and safer is not None:
            self.progress.stage(f"numbers overflowed in {NAMES[dtype]}: again in {NAMES[safer]}")
            again = self([batch[k] for k in broken], safer)
            for k, answer in zip(broken, again, strict=True):
                answers[k] = answer
        return answers


def no_room(device: torch.device) -> OutOfMemory:
    """What is said when even one sample is too much."""
    elsewhere = "" if device.type == "cpu" else ", or --device cpu"
    return OutOfMemory(
        "memory.full",
        f"One sample does not fit into the {device.type}'s memory.",
        f"Try --memory low or min, --dtype bf16, a smaller size{elsewhere}.",
    )
