"""Keep some of a store's scenes: so many with one thing, with some of a kind, with two things.

    python recipes/starter/thin.py PAIRS STORE OUT [--alone N] [--some N] [--two N] [--seed 11]

STORE is what encode.py made of the folder of pairs; the same --pictures N says that it has only the
first so many. Which scenes are kept is drawn by the seed; without a number all of a sort are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unidiff_cli.train import store

SORTS = ("alone", "some", "two")
SCENES = 128  # that are copied at a time


def sort(scene: Mapping[str, Any]) -> str:
    """Which of SORTS a line of captions.jsonl tells of."""
    if scene["relation"]:
        return "two"
    return "some" if len(scene["things"]) > 1 else "alone"


def chosen(sorts: Sequence[str], most: Mapping[str, int | None], seed: int) -> NDArray[np.intp]:
    """The numbers of the scenes that are kept, in order."""
    rng, found = np.random.default_rng(seed), np.array(sorts)
    kept = [rng.permutation(np.flatnonzero(found == each))[: most[each]] for each in SORTS]
    return np.sort(np.concatenate(kept))


def thin(source: Path, folder: Path, scenes: NDArray[np.intp], of: int) -> int:
    """Copy the rows of these scenes, of the `of` that there are; how many rows that makes."""
    rows = store.Store.open(source)
    captions = len(rows) // of  # every scene has a row for each
    numbers = (scenes[:, None] * captions + np.arange(captions)).reshape(-1)
    about = dict(store.about(source) or {})
    batches = torch.from_numpy(numbers).split(SCENES * captions)
    return store.write(folder, map(rows.rows, batches), about)


def main() -> None:
    """Write the smaller store."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("pairs", "store", "out"):
        parser.add_argument(name, type=Path)
    for name in SORTS:
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--pictures", type=int)
    arguments = parser.parse_args()
    with (arguments.pairs / "captions.jsonl").open(encoding="utf-8") as lines:
        sorts = [sort(json.loads(line)) for line in islice(lines, arguments.pictures)]
    scenes = chosen(sorts, {each: getattr(arguments, each) for each in SORTS}, arguments.seed)
    rows = thin(arguments.store, arguments.out, scenes, len(sorts))
    kept = [sorts[scene] for scene in scenes]
    print(", ".join(f"{kept.count(each)} {each}" for each in SORTS), f"in {rows} rows")


if __name__ == "__main__":
    main()
