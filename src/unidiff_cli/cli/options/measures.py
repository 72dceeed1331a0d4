"""What several of `unidiff eval`'s commands are told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CLIP = "openai/clip-vit-large-patch14"
Systems = Annotated[
    list[Path],
    typer.Argument(metavar="SYSTEM", help="What systems made: folders, or .jsonl files."),
]
Features = Annotated[
    str,
    typer.Option(
        metavar="NETWORK", help="What looks at the pictures: `inception` (as FID was published "
        "with), its weights' file, or a CLIP: a folder, or a Hub id in the cache.",
    ),
]  # fmt: skip
ClipName = Annotated[
    str,
    typer.Option(
        "--clip", metavar="NAME", help="The CLIP that scores: a folder, or a Hub id in the cache."
    ),
]
