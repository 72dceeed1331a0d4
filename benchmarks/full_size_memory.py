"""Peak memory and time of t2i at the published size, on random weights.

    python benchmarks/full_size_memory.py FOLDER [--dtype bf16] [--steps 1] [--size 512x512]
        [--memory min]

fabricates unidiffuser-v1 in FOLDER, in our layout and the given number format, then runs
`unidiff t2i --steps ... -o ...` in a process of its own and prints that process's peak resident
memory (mapped weights included) and its seconds. Linux and macOS.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import torch

from unidiff_cli.registry import published
from unidiff_cli.storage.layout import PARTS
from unidiff_cli.storage.save import DTYPES, save_ours
from unidiff_cli.storage.tiny import RandomSource

CONFIG = published("unidiffuser-v1", data_types=2)


def fabricate(folder: Path, dtype: torch.dtype) -> None:
    """Random weights of the published sizes, unless they are there already."""
    if (folder / "config.json").exists():
        return
    source = RandomSource(CONFIG)
    parts = {part: source.tensors(part) for part in PARTS}
    tokenizers = {name: source.tokenizer(name) for name in ("clip", "caption")}
    save_ours(folder, CONFIG, parts, tokenizers, dtype)


def main() -> None:
    """Fabricate, run, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dtype", choices=DTYPES, default="bf16")
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--size", default="512x512")
    parser.add_argument("--memory", choices=("auto", "low", "min"), default="auto")
    arguments = parser.parse_args()
    fabricate(arguments.folder, DTYPES[arguments.dtype])
    command = [
        *(sys.executable, "-m", "unidiff_cli", "t2i", "a red fox", "--seed", "1"),
        *("--model", str(arguments.folder), "--dtype", arguments.dtype, "--device", "cpu"),
        *("--steps", str(arguments.steps), "--size", arguments.size),
        *("--memory", arguments.memory),
        *("-o", str(arguments.folder / "made.png"), "--force", "--quiet"),
    ]
    start = time.perf_counter()
    done = subprocess.run(command, check=False)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    gib = peak * (1 if sys.platform == "darwin" else 1024) / 2**30
    print(
        json.dumps(
            {
                "dtype": arguments.dtype,
                "steps": arguments.steps,
                "size": arguments.size,
                "memory": arguments.memory,
                "exit": done.returncode,
                "peak_gib": round(gib, 2),
                "seconds": round(seconds, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
