"""Peak memory and time of t2i at the published size, on random weights.

    python benchmarks/full_size_memory.py FOLDER [--dtype bf16] [--steps 1] [--size 512x512]
        [--memory min] [--device cuda]

fabricates unidiffuser-v1 in FOLDER, in our layout and the given number format, then runs
`unidiff t2i --steps ... -o ...` in a process of its own and prints that process's peak memory and
its seconds: on a CPU what is resident, mapped weights included, on CUDA what PyTorch took of the
GPU. Linux and macOS.
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
PROGRAM = """
import atexit, sys, torch
from unidiff_cli.cli.app import main
if "cuda" in sys.argv:
    atexit.register(lambda: print(torch.cuda.max_memory_reserved()))
main()
"""


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
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    arguments = parser.parse_args()
    fabricate(arguments.folder, DTYPES[arguments.dtype])
    command = [
        *(sys.executable, "-c", PROGRAM, "t2i", "a red fox", "--seed", "1"),
        *("--model", str(arguments.folder), "--dtype", arguments.dtype),
        *("--device", arguments.device),
        *("--steps", str(arguments.steps), "--size", arguments.size),
        *("--memory", arguments.memory),
        *("-o", str(arguments.folder / "made.png"), "--force", "--quiet"),
    ]
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    seconds = time.perf_counter() - start
    if arguments.device == "cuda":
        peak = int(done.stdout.split()[-1])
    else:
        resident = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        peak = resident * (1 if sys.platform == "darwin" else 1024)
    print(
        json.dumps(
            {
                "dtype": arguments.dtype,
                "steps": arguments.steps,
                "size": arguments.size,
                "memory": arguments.memory,
                "device": arguments.device,
                "exit": done.returncode,
                "peak_gib": round(peak / 2**30, 2),
                "seconds": round(seconds, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
