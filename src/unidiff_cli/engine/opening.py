"""A model where and as it was asked for. Torch is imported when the first one is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unidiff_cli.process import spare_pages
from unidiff_cli.progress import Progress
from unidiff_cli.registry import Place

if TYPE_CHECKING:
    from unidiff_cli.engine.pipeline import UniDiffuser


def open_model(place: Place, progress: Progress | None = None) -> UniDiffuser:
    """The model; its parts are loaded when a request first needs them."""
    if place.memory != "auto":
        spare_pages()
    from unidiff_cli.engine.pipeline import UniDiffuser

    model = UniDiffuser.load(
        place.model,
        device=place.device,
        dtype=place.dtype,
        memory=place.memory,
        progress=progress,
    )
    model.use_threads(place.threads)
    return model
