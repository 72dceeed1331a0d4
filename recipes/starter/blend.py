"""Blend two trainings of one U-ViT: python recipes/starter/blend.py A B OUT [--share 0.35]

The weights of OUT are A's and B's, `share` of the latter. Of two models that lie on one path of
training, what either has learned and the other has not is mostly in the blend (arXiv 2109.01903).
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

UVIT = "uvit.safetensors"


def blend(first: Path, second: Path, out: Path, share: float) -> None:
    """Write the second model with the blended U-ViT into `out`, a new folder."""
    a, b = (load_file(folder / UVIT) for folder in (first, second))
    if {name: x.shape for name, x in a.items()} != {name: x.shape for name, x in b.items()}:
        raise SystemExit(f"{first} and {second} are not of one size.")
    shutil.copytree(second, out)
    mixed = {name: torch.lerp(a[name].float(), x.float(), share) for name, x in b.items()}
    save_file({name: x.to(b[name].dtype) for name, x in mixed.items()}, out / UVIT)


def main() -> None:
    """Blend."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("first", "second", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--share", type=float, default=0.35)
    arguments = parser.parse_args()
    blend(arguments.first, arguments.second, arguments.out, arguments.share)


if __name__ == "__main__":
    main()
