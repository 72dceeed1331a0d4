"""Speed at the published size on random weights, beside diffusers and beside the machine's limits.

    python benchmarks/speed.py FOLDER [--only ROW ...] [--rounds 3] [--page docs/performance.md]

measures what FOLDER/speed.json lacks, or the named rows anew, keeps them there as soon as each is
done, and writes the tables into the page between its markers. The row `gpu` is measured where
PyTorch finds a CUDA GPU, the others on the CPU. Contenders run in processes of their own and take
turns within a round; a ratio is that of one round, given as median (lowest..highest). Needs
diffusers with its UniDiffuserPipeline, 16 GB of memory, 4 GB of disk for the rows `memory` and
`gpu`, and a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from contender import PROGRAMS, contenders, timed
from speed_networks import our_guided, ours, points
from speed_tables import write_page
from torch import nn

from unidiff_cli.nets.products import features, multiplies_bf16
from unidiff_cli.process import keep_pages
from unidiff_cli.speed.dtype import DTYPES, NAMES, choose_dtype

DEFAULT = torch.bfloat16 if multiplies_bf16() else torch.float32
BATCHES = (1, 8)
"""Samples at once on a GPU."""
Timed = Callable[[], float]


def turns(contenders: Mapping[str, Timed], rounds: int, warm: int = 1) -> dict[str, list[float]]:
    """Seconds of each contender, round by round, after some rounds that do not count."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + warm):
        for name, work in contenders.items():
            seconds = work()
            if number >= warm:
                taken[name].append(seconds)
    return taken


def evaluation(rounds: int, folder: Path) -> dict[str, Any]:
    """A guided evaluation at 512 px: the programs' defaults, and both in each number format."""
    default = NAMES[DEFAULT]
    groups = {
        "defaults": {"ours": default, "diffusers": "fp32"},
        "bf16": dict.fromkeys(PROGRAMS, "bf16"),
        "fp32": dict.fromkeys(PROGRAMS, "fp32"),
    }
    seconds = {}
    for name, dtypes in groups.items():
        with contenders(dtypes, work="evaluation") as started:
            seconds[name] = turns(started, rounds)
    return {"default": default, "seconds": seconds}


def gpu(rounds: int, folder: Path) -> dict[str, Any]:
    """A guided evaluation at 512 px in half precision by batch, beside a matrix product's rate."""
    device = torch.device("cuda")
    format = choose_dtype("auto", device)
    dtype = NAMES[format]
    dtypes = {"ours": dtype, "diffusers": dtype}
    seconds = {}
    for samples in BATCHES:
        with contenders(dtypes, work="evaluation", device="cuda", samples=samples) as started:
            seconds[str(samples)] = turns(started, 10 * rounds, warm=5)
    rows = 2 * max(BATCHES) * 1105
    x, weight = (torch.randn(n, 1536, device=device, dtype=format) for n in (rows, 6144))
    product = turns({"": timed(lambda: nn.functional.linear(x, weight))}, 20 * rounds, warm=5)
    return {
        "gpu": torch.cuda.get_device_name(device),
        "dtype": dtype,
        "seconds": seconds,
        "operations": 2 * rows * weight.numel() / min(product[""]),
        "peaks": peaks(folder, dtype, "cuda"),
    }


def ceiling(rounds: int, folder: Path) -> dict[str, Any]:
    """Operations a second of one matrix product with packed weights, and bytes copied."""
    found: dict[str, Any] = {}
    for name in ("fp32", "bf16"):
        dtype = DTYPES[name]
        x, weight = torch.randn(2210, 1536, dtype=dtype), torch.randn(6144, 1536, dtype=dtype)
        pack = torch.ops.mkldnn._reorder_linear_weight(weight, len(x))
        work = {
            "packed": timed(
                lambda x=x, w=pack: torch.ops.mkldnn._linear_pointwise(x, w, None, "none", [], "")
            ),
            "plain": timed(lambda x=x, w=weight: nn.functional.linear(x, w)),
        }
        best = min(min(each) for each in turns(work, 5 * rounds).values())
        found[name] = 2 * 2210 * 1536 * 6144 / best
    source = torch.ones(2**28)
    target = torch.empty_like(source)
    copied = turns({"copy": timed(lambda: target.copy_(source))}, rounds)["copy"]
    return {"operations": found, "copied": 2 * source.nbytes / min(copied)}


def scaling(rounds: int, folder: Path) -> dict[str, Any]:
    """A guided evaluation by the side of the picture, in the default dtype."""
    net = ours(DEFAULT)
    work = {}
    for side in (32, 48, 64, 80):
        guided = our_guided(net, *points(torch.float32, side=side))
        work[str(8 * side)] = timed(torch.inference_mode()(guided))
    return {"dtype": NAMES[DEFAULT], "seconds": turns(work, rounds)}


def captions(rounds: int, folder: Path) -> dict[str, Any]:
    """The beam search behind one text latent, 67 tokens."""
    with contenders(dict.fromkeys(PROGRAMS, NAMES[DEFAULT]), work="caption") as started:
        return {"seconds": turns(started, rounds)}


def program(name: str, *arguments: str) -> Timed:
    """A console script of this environment, from start to end."""
    command = [str(Path(sys.executable).parent / name), *arguments]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    return timed(lambda: subprocess.run(command, capture_output=True, env=environment, check=False))


def start(rounds: int, folder: Path) -> dict[str, Any]:
    """Whole programs, from Enter to their end."""
    picture = ("--seed", "1", "-o", str(folder / "cold.png"), "--force", "--quiet")
    work = {
        "unidiff --help": program("unidiff", "--help"),
        "unidiff --version": program("unidiff", "--version"),
        "unidiff t2i --steps 0": program("unidiff", "t2i", "a fox", "--steps", "0"),
        "diffusers-cli --help": program("diffusers-cli", "--help"),
        "starter": program("unidiff", "t2i", "a red fox", "--model", "starter", *picture),
    }
    return {"seconds": turns(work, rounds)}


def memory(rounds: int, folder: Path) -> dict[str, Any]:
    """Peak of t2i at 512 px in half precision; loading the U-ViT; reading its file."""
    runs = peaks(folder, "bf16", "cpu")
    from unidiff_cli.storage.open import open_checkpoint

    model = folder / "v1-bf16"
    checkpoint, cpu = open_checkpoint(str(model)), torch.device("cpu")
    work = {
        "load": timed(lambda: checkpoint.module("uvit", cpu, torch.bfloat16)),
        "read": timed((model / "uvit.safetensors").read_bytes),
    }
    needed = ("uvit", "clip_text", "encode_prefix", "vae")
    tensors = [t for part in needed for t in checkpoint.tensors(part).values()]
    weights = sum(2 * torch.Size(tensor.shape).numel() for tensor in tensors)
    return {"runs": runs, "weights_gib": weights / 2**30, "seconds": turns(work, rounds)}


def peaks(folder: Path, dtype: str, device: str) -> dict[str, Any]:
    """What one t2i at 512 px needs by --memory, as full_size_memory.py tells it."""
    script, model = Path(__file__).with_name("full_size_memory.py"), folder / f"v1-{dtype}"
    told = {}
    for memory in ("auto", "low", "min"):
        options = ("--dtype", dtype, "--steps", "1", "--memory", memory, "--device", device)
        command = [sys.executable, str(script), str(model), *options]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        told[memory] = json.loads(done.stdout.splitlines()[-1])
    return told


def picture(rounds: int, folder: Path) -> dict[str, Any]:
    """The evaluations that make a picture, at equal error, on the bundled model."""
    from equal_error import measure

    from unidiff_cli import UniDiffuser

    return measure(UniDiffuser.load("starter", device="cpu", dtype="fp32"))


ROWS: dict[str, Callable[[int, Path], dict[str, Any]]] = {
    each.__name__: each
    for each in (ceiling, evaluation, picture, scaling, captions, start, memory, gpu)
}


def machine() -> dict[str, Any]:
    """What the numbers hold for."""
    from importlib.metadata import version

    names = ("torch", "diffusers", "transformers", "unidiff-cli")
    cpu = str(features().get("cpu_name") or platform.processor())
    can = [name for name in ("amx_bf16", "avx512_bf16") if features().get(name)]
    about = {"cpu": cpu, "can": can, "threads": torch.get_num_threads()}
    return {**about, **{name: version(name) for name in names}}


def main() -> None:
    """Measure what is missing, keep it, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="+", choices=ROWS, default=[])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--page", type=Path)
    arguments = parser.parse_args()
    keep_pages()  # as the program does
    arguments.folder.mkdir(parents=True, exist_ok=True)
    kept = arguments.folder / "speed.json"
    found = json.loads(kept.read_text()) if kept.exists() else {}
    here = [name for name in ROWS if name != "gpu" or torch.cuda.is_available()]
    for name in arguments.only or [name for name in here if name not in found]:
        began = time.perf_counter()
        row = ROWS[name](arguments.rounds, arguments.folder)
        found[name] = {**row, "machine": machine(), "took": round(time.perf_counter() - began)}
        kept.write_text(json.dumps(found, indent=1) + "\n")
        print(f"{name}: {found[name]['took']} s", file=sys.stderr)
    if arguments.page is not None:
        write_page(arguments.page, found)
    print(json.dumps({name: row["took"] for name, row in found.items()}))


if __name__ == "__main__":
    main()
