"""`--preview`: the picture as it forms, on the terminal or in a file."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from unidiff_cli.cli.console import Console, check_terminal
from unidiff_cli.errors import UsageError
from unidiff_cli.output import check_suffix, encode, make_folder, replace_file

if TYPE_CHECKING:
    from PIL import Image

    from unidiff_cli.core.latents import Latent
    from unidiff_cli.core.sampler import Sampler
    from unidiff_cli.pipeline import UniDiffuser


def check_preview(where: str, output: str | None, console: Console) -> None:
    """A UsageError when nothing can be drawn there, or only where the result goes."""
    if where == "-":
        check_terminal(sys.stderr, "--preview -", "standard error")
        if console.quiet or console.progress != "auto":
            raise UsageError(
                "--preview - draws above the progress bar, which is off.",
                "Leave out --quiet and --progress, or name a file: --preview now.png",
            )
        return
    if output is not None and os.path.abspath(where) == os.path.abspath(output):
        raise UsageError(
            f"{where} cannot hold both the preview and the result.", "Try --preview now.png"
        )
    check_suffix(where, "--preview")
    make_folder(Path(where).parent)


def with_preview(model: UniDiffuser, where: str, console: Console) -> UniDiffuser:
    """The model, showing every prediction of a clean picture."""
    from unidiff_cli.preview import Colours, watched

    found: list[Colours] = []

    def tell(latent: Latent) -> None:
        if not found:
            vae = model.parts.module("vae", model.dtype)
            config = model.parts.config
            found.append(Colours.fit(vae, config.vae_scale, int(config.uvit["channels"])))
        _show(found[0].picture(latent), model.parts.factor, where, console)

    def watch(sampler: Sampler) -> Sampler:
        return watched(sampler, tell)

    return replace(model, watch=watch)


def _show(picture: Image.Image, factor: int, where: str, console: Console) -> None:
    """Draw above the bar, or replace the file by the picture in its full size."""
    if where == "-":
        console.sketch(picture)
        return
    from PIL import Image

    size = (picture.width * factor, picture.height * factor)
    large = picture.resize(size, Image.Resampling.BICUBIC)
    replace_file(Path(where), encode(large, Path(where).suffix, []))
