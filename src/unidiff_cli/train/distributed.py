"""The processes that train together; a run without `torchrun` is one process of one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
from torch import distributed as dist

from unidiff_cli.errors import UsageError

T = TypeVar("T")
PATIENCE = timedelta(days=1)  # the first process may encode a large data set on its own


def world() -> tuple[int, int]:
    """This process's rank, and how many there are."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


@contextmanager
def processes(device: torch.device) -> Iterator[torch.device]:
    """Join the other processes that `torchrun` started; yields the device that is this one's."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield device
        return
    if device.type == "mps":
        raise UsageError(
            "usage.platform",
            "torchrun works on CUDA and CPU.",
            "Start one process, without torchrun.",
        )
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=PATIENCE)
    try:
        yield device
    finally:
        dist.destroy_process_group()


def highest(flags: list[bool], device: torch.device) -> list[bool]:
    """Each flag as it is when any of the processes raised it; all of them get the same answer."""
    if world()[1] == 1:
        return flags
    raised = torch.tensor(flags, dtype=torch.int32, device=device)
    dist.all_reduce(raised, op=dist.ReduceOp.MAX)
    return [bool(flag) for flag in raised.tolist()]


def mean(values: list[float], device: torch.device) -> list[float]:
    """The mean of each value over the processes."""
    ranks = world()[1]
    if ranks == 1:
        return values
    shared = torch.tensor(values, dtype=torch.float64, device=device)
    dist.all_reduce(shared)
    return [float(value) / ranks for value in shared.tolist()]


def first_alone(work: Callable[[], T]) -> T:
    """What `work` returns, once the first process has done it and the others find it done."""
    rank, _ = world()
    if rank:
        barrier()
    result = work()
    if not rank:
        barrier()
    return result


def barrier() -> None:
    """Wait for the other processes."""
    if world()[1] > 1:
        dist.barrier()
