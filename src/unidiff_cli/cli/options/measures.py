"""What several of `unidiff eval`'s commands are told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

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
Resizing = Literal["clean", "legacy", "legacy-pytorch"]
Resize = Annotated[
    Resizing | None,
    typer.Option(
        metavar="HOW",
        help="How pictures become InceptionV3's 299 px: clean (as clean-fid; the default), "
        "legacy (TensorFlow 1, as most published FIDs) or legacy-pytorch (as pytorch-fid).",
    ),
]
Paired = Annotated[
    bool,
    typer.Option(
        "--paired",
        help="Also compare two systems on the items that both have, known by id or by the "
        "picture's name: the first less the second.",
    ),
]
ClipName = Annotated[
    str,
    typer.Option(
        "--clip", metavar="NAME", help="The CLIP that scores: a folder, or a Hub id in the cache."
    ),
]
