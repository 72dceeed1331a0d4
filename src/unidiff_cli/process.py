"""What each process of the program does first."""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import sys
import warnings

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1
"""glibc's numbers for `mallopt`."""
KEPT, SPARED = 64 << 20, 1 << 20
"""Bytes from which a block goes back to the system when it is freed."""
TOP = 1 << 30
"""Bytes that may lie free at the end of the heap."""
LARGE_PAGES = "THP_MEM_ALLOC_ENABLE"
"""Set before its first tensor is made, PyTorch asks for pages of 2 MiB."""


def begin() -> None:
    """Start sooner, and keep what the libraries warn of to developers.

    The libraries make 600,000 objects that stay to the end. Looking through them again and again
    for garbage, while they are imported and at the exit, would take a second.
    """
    gc.set_threshold(50_000, 10, 10)
    atexit.register(gc.freeze)
    if not os.environ.get("UNIDIFF_DEBUG"):
        warnings.simplefilter("ignore")
    keep_pages()


def keep_pages() -> None:
    """Let tensors that are freed leave their memory to the next ones; Linux with glibc only.

    glibc hands every block above 32 MiB back to the system at once, which then has to clear pages
    for the next: an eighth of an evaluation in float32 at the published size.
    """
    os.environ.setdefault(LARGE_PAGES, "1")
    _hand_back(above=KEPT, top=TOP)


def spare_pages() -> None:
    """Let every tensor go back to the system when it is freed: slower, and less is held."""
    os.environ[LARGE_PAGES] = "0"
    _hand_back(above=SPARED, top=SPARED)


def _hand_back(above: int, top: int) -> None:
    """Tell glibc what goes back; other libraries have no `mallopt`, old ones refuse in silence."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, above)
        mallopt(TRIM_THRESHOLD, top)
