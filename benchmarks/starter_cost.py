"""Seconds from Enter to answer, and peak memory, of every mode with the bundled model.

    python benchmarks/starter_cost.py [--runs 3]

Each run is a process of its own, as a user starts it; the median of the seconds and the largest
resident memory are printed as Markdown. Linux and macOS.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

PICTURE = "fox.png"
COMMANDS = {
    "t2i": ("t2i", "a red fox", "-o", PICTURE, "--force"),
    "i2t": ("i2t", PICTURE),
    "joint": ("joint", "-o", "pair.png", "--force"),
    "i": ("i", "-o", "any.png", "--force"),
    "t": ("t",),
    "i2t2i": ("i2t2i", PICTURE, "-o", "again.png", "--force"),
    "t2i2t": ("t2i2t", "a red fox"),
}


def measured(words: tuple[str, ...]) -> tuple[float, float]:
    """Seconds and peak MiB of one run; what it prints is thrown away."""
    start = time.perf_counter()
    child = os.fork()
    if child == 0:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        os.execv(sys.executable, (sys.executable, "-m", "unidiff_cli", *words, "--seed", "1"))
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"unidiff {' '.join(words)} failed")
    bytes_each = 1 if sys.platform == "darwin" else 1024
    return time.perf_counter() - start, usage.ru_maxrss * bytes_each / 2**20


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    print("| mode | seconds | peak memory |\n| --- | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(Path(folder))
        for mode, words in COMMANDS.items():
            seconds, peaks = zip(*(measured(words) for _ in range(arguments.runs)), strict=True)
            print(f"| `{mode}` | {statistics.median(seconds):.1f} | {max(peaks):.0f} MiB |")


if __name__ == "__main__":
    main()
