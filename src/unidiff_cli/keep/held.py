"""The model that a helper holds."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from PIL import Image

from unidiff_cli.core.tuned import Tuned
from unidiff_cli.engine.pipeline import UniDiffuser
from unidiff_cli.engine.preview import with_preview
from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.keep.holding import Holding
from unidiff_cli.progress import Progress, Silence
from unidiff_cli.request import Request
from unidiff_cli.speed.memory import release
from unidiff_cli.storage.open import open_found


def load(holding: Holding) -> UniDiffuser:
    """The model; its parts are loaded when they are first needed."""
    model = UniDiffuser.of(
        open_found(holding.found), holding.device, holding.dtype, holding.memory, Silence()
    )
    gc.freeze()  # the libraries' objects stay to the end, and need not be looked through
    return model


def for_guest(
    model: UniDiffuser, progress: Progress, sketch: Callable[[Image.Image, int], None] | None
) -> UniDiffuser:
    """The same model and parts, telling one guest how far it is."""
    parts = replace(model.parts, progress=progress)
    own = replace(model, progress=progress, parts=parts)
    return own if sketch is None else with_preview(own, sketch)


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """So many threads inside, as one guest wants it."""
    usual = torch.get_num_threads()
    torch.set_num_threads(count or usual)
    try:
        yield
    finally:
        torch.set_num_threads(usual)


def about(model: UniDiffuser) -> dict[str, Any]:
    """What the asking half says of the model without having it."""
    try:
        tuned: Tuned | ModelUnavailable | None = model.tuned
    except ModelUnavailable as error:  # that is for those who ask for it
        tuned = error
    return {"made_with": model.made_with, "config": model.config, "tuned": tuned}


def warm(model: UniDiffuser) -> None:
    """Load every part and use it once."""
    grey = Image.new("RGB", (64, 64), "grey")
    for once in (
        Request(mode="t2i", prompt="", seed=0, steps=1),
        Request(mode="i2t", image=grey, seed=0, steps=1),
    ):
        list(model.stream([once]))  # whether something good comes of it is no matter


def rest(model: UniDiffuser) -> None:
    """Give back what only the work needed; the parts stay."""
    release(model.device)
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
