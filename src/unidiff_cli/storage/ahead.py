"""The network's file, read from the disk while the libraries are being imported. No torch here."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from threading import Thread

from unidiff_cli.storage.find import find
from unidiff_cli.storage.layout import files_in, layout_of

BIG = 256 << 20
"""Bytes from which a file is worth it: the disk takes longer than a thread to begin."""
PIECE = 1 << 20
"""Bytes asked for at a time: the kernel truncates longer requests."""


def read_ahead(name: str | None) -> Thread | None:
    """Begin to read the largest file of a model, its U-ViT's; the thread, if it is worth one.

    ModelUnavailable where there is no such model. Only the kernel is asked, so nothing is copied.
    """
    folder = find(name).folder
    if folder is None:
        return None
    layout_of(folder)
    if not hasattr(os, "posix_fadvise"):
        return None
    paths = [folder / file for file in files_in(folder)]
    size, path = max((path.stat().st_size, path) for path in paths)
    if not BIG <= size <= memory() // 2:
        return None
    thread = Thread(target=ask, args=(path, size), daemon=True)
    thread.start()
    return thread


def memory() -> int:
    """Bytes of this machine's memory."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def ask(path: Path, size: int) -> None:
    """Ask the kernel for a file, piece by piece."""
    with suppress(OSError), path.open("rb") as file:
        for start in range(0, size, PIECE):
            os.posix_fadvise(file.fileno(), start, PIECE, os.POSIX_FADV_WILLNEED)
