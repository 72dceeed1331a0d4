"""What each process of the program does first."""

from __future__ import annotations

import atexit
import gc
import os
import warnings


def begin() -> None:
    """Start sooner, and keep what the libraries warn of to developers.

    The libraries make 600,000 objects that stay to the end. Looking through them again and again
    for garbage, while they are imported and at the exit, would take a second.
    """
    gc.set_threshold(50_000, 10, 10)
    atexit.register(gc.freeze)
    if not os.environ.get("UNIDIFF_DEBUG"):
        warnings.simplefilter("ignore")
