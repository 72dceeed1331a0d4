"""File-backed memory: it can be released, and is read from the file again when touched."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from torch import nn

LARGE = 256 << 20
"""Bytes of weights from which it is worth the look: to find what is mapped takes milliseconds."""
SMAPS = Path("/proc/self/smaps")
HEAD = re.compile(r"([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ (\d+)")
DONTNEED = 4
"""`madvise`'s number: the pages go, and are read from the file (or its cache) when touched."""


def rest(module: nn.Module, least: int = LARGE) -> None:
    """Release a module's file-backed weights, if its weights have `least` bytes or more.

    Weights that were converted or written to exist in memory alone, and stay. Linux only.
    """
    weights = list(module.parameters())
    if sum(weight.nbytes for weight in weights) < least:
        return
    places = [weight.data_ptr() for weight in weights]
    with suppress(OSError):  # another system
        for start, end in files():
            if any(start <= place < end for place in places):
                madvise = ctypes.CDLL(None).madvise
                madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), DONTNEED)


def files() -> Iterator[tuple[int, int]]:
    """(start, end) of each mapped file region in which no page is this process's own."""
    start = end = inode = own = 0
    for line in SMAPS.read_text(encoding="utf-8", errors="replace").splitlines():
        if head := HEAD.match(line):
            start, end, inode, own = int(head[1], 16), int(head[2], 16), int(head[3]), 0
        elif line.startswith(("Anonymous:", "Swap:")):
            own += int(line.split()[1])
        elif line.startswith("VmFlags:") and inode and not own:
            yield start, end
