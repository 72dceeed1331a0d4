"""What each process of the program does first."""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from unidiff_cli.files.streams import make_patient

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1
"""glibc's numbers for `mallopt`."""
KEPT, SPARED = 64 << 20, 1 << 20
"""Bytes from which a block goes back to the system when it is freed."""
TOP = 1 << 30
"""Bytes that may lie free at the end of the heap."""
LARGE_PAGES = "THP_MEM_ALLOC_ENABLE"
"""Set before its first tensor is made, PyTorch asks for pages of 2 MiB."""
ENDINGS = ("SIGTERM", "SIGHUP")
"""Signals that end a program unless it does something about them; Windows has no SIGHUP."""


def begin() -> None:
    """Start sooner, wait for the standard streams, keep what the libraries warn of to developers.

    The libraries make 600,000 objects that stay to the end. Looking through them again and again
    for garbage, while they are imported and at the exit, would take a second.
    """
    make_patient()
    gc.set_threshold(50_000, 10, 10)
    atexit.register(gc.freeze)
    if not os.environ.get("UNIDIFF_DEBUG"):
        warnings.simplefilter("ignore")
    keep_pages()


@contextmanager
def ending_in_order() -> Iterator[list[int]]:
    """Inside, a signal that would end the program is a Ctrl-C: what is finished is kept.

    The list gets the signal's number. One that somebody ignores or handles already is left alone.
    """
    came: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        if not came:  # a closed terminal sends several, and the first is being obeyed
            came.append(number)
            raise KeyboardInterrupt

    # Only the main thread may set handlers. Processes that it starts do not inherit them.
    main = threading.current_thread() is threading.main_thread()
    found = [getattr(signal, name) for name in ENDINGS if main and hasattr(signal, name)]
    ours = [each for each in found if signal.getsignal(each) is signal.SIG_DFL]
    for each in ours:
        signal.signal(each, stop)
    try:
        yield came
    finally:
        for each in ours:
            signal.signal(each, signal.SIG_DFL)


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
