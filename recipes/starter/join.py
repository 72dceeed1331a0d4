"""Put several stores of latents into one: python recipes/starter/join.py STORE... OUT

The rows of each follow those of the one before it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from unidiff_cli.train import store

ROWS = 384  # that are copied at a time


def join(sources: Sequence[Path], folder: Path) -> int:
    """Write the rows of the stores into `folder`; how many there are."""
    stores = [store.Store.open(source) for source in sources]
    batches = ((each, part) for each in stores for part in torch.arange(len(each)).split(ROWS))
    about = dict(store.about(sources[0]) or {})
    return store.write(folder, (each.rows(part) for each, part in batches), about)


def main() -> None:
    """Write the joined store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stores", type=Path, nargs="+")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    print(join(arguments.stores, arguments.out), "rows")


if __name__ == "__main__":
    main()
