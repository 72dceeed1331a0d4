"""Speed at the published size on random weights, beside diffusers and beside the machine's limits.

    python benchmarks/speed.py FOLDER [--only ROW ...] [--rounds 3] [--page docs/performance.md]

measures what FOLDER/speed.json lacks, or the named rows anew, keeps them there as soon as each is
done, and writes the tables into the page between its markers. Competitors take turns within a
round; a ratio is that of one round, given as median (lowest..highest). Needs diffusers with its
UniDiffuserPipeline, 16 GB of memory, 4 GB of disk for the row `memory`, and a quiet machine.
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
from speed_networks import Work, our_guided, ours, their_guided
from speed_tables import write_page
from torch import nn

from unidiff_cli.nets.products import features, multiplies_bf16
from unidiff_cli.process import keep_pages

DEFAULT = torch.bfloat16 if multiplies_bf16() else torch.float32
NAMES = {torch.float32: "fp32", torch.bfloat16: "bf16"}


def turns(contenders: Mapping[str, Work], rounds: int, warm: bool = True) -> dict[str, list[float]]:
    """Seconds of each contender, round by round."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + warm):
        for name, work in contenders.items():
            start = time.perf_counter()
            work()
            if number >= warm:
                taken[name].append(time.perf_counter() - start)
    return taken


def evaluation(rounds: int, folder: Path) -> dict[str, Any]:
    """A guided evaluation at 512 px."""
    contenders = {
        "ours fp32": our_guided(torch.float32),
        "ours bf16": our_guided(torch.bfloat16),
        "diffusers fp32": their_guided(torch.float32),
        "diffusers bf16": their_guided(torch.bfloat16),
    }
    return {"default": NAMES[DEFAULT], "seconds": turns(contenders, rounds, warm=False)}


def ceiling(rounds: int, folder: Path) -> dict[str, Any]:
    """Operations a second of one matrix product with packed weights, and bytes copied."""
    found: dict[str, Any] = {}
    for dtype, name in NAMES.items():
        x, weight = torch.randn(2210, 1536, dtype=dtype), torch.randn(6144, 1536, dtype=dtype)
        pack = torch.ops.mkldnn._reorder_linear_weight(weight, len(x))
        work = {
            "packed": lambda x=x, w=pack: torch.ops.mkldnn._linear_pointwise(
                x, w, None, "none", [], ""
            ),
            "plain": lambda x=x, w=weight: nn.functional.linear(x, w),
        }
        best = min(min(each) for each in turns(work, 5 * rounds).values())
        found[name] = 2 * 2210 * 1536 * 6144 / best
    source = torch.ones(2**28)
    target = torch.empty_like(source)
    copied = turns({"copy": lambda: target.copy_(source)}, rounds)["copy"]
    return {"operations": found, "copied": 2 * source.nbytes / min(copied)}


def scaling(rounds: int, folder: Path) -> dict[str, Any]:
    """A guided evaluation by the side of the picture, in the default dtype."""
    net = ours(DEFAULT)
    work = {str(8 * side): our_guided(DEFAULT, net, side) for side in (32, 48, 64, 80)}
    return {"dtype": NAMES[DEFAULT], "seconds": turns(work, rounds)}


def captions(rounds: int, folder: Path) -> dict[str, Any]:
    """The beam search behind one text latent, 67 tokens."""
    from diffusers import UniDiffuserTextDecoder

    from unidiff_cli.codecs.captions import decode_captions
    from unidiff_cli.nets.captioner import Captioner
    from unidiff_cli.registry import published
    from unidiff_cli.storage.tiny import caption_bytes

    gpt2 = published("unidiffuser-v1", data_types=2).gpt2
    net = Captioner(gpt2, 768, 64).to(DEFAULT).eval().requires_grad_(False)
    other = UniDiffuserTextDecoder(77, 768, 64, vocab_size=gpt2["vocab_size"]).eval()
    latent, tokenizer = torch.randn(1, 77, 64), caption_bytes()
    end = gpt2["vocab_size"] - 1
    contenders: dict[str, Work] = {
        "ours": lambda: decode_captions(net, latent, tokenizer),
        "diffusers": lambda: other.generate_captions(latent, end, "cpu"),
    }
    return {"seconds": turns(contenders, rounds, warm=False)}


def program(name: str, *arguments: str) -> Work:
    """A console script of this environment, from start to end."""
    command = [str(Path(sys.executable).parent / name), *arguments]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    return lambda: subprocess.run(command, capture_output=True, env=environment, check=False)


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
    script = Path(__file__).with_name("full_size_memory.py")
    model = folder / "v1-bf16"
    runs = {}
    for kept in ("auto", "low", "min"):
        options = ("--dtype", "bf16", "--steps", "1", "--memory", kept)
        done = subprocess.run(
            [sys.executable, str(script), str(model), *options],
            capture_output=True,
            text=True,
            check=True,
        )
        runs[kept] = json.loads(done.stdout.splitlines()[-1])
    from unidiff_cli.storage.open import open_checkpoint

    checkpoint, cpu = open_checkpoint(str(model)), torch.device("cpu")
    work: dict[str, Work] = {
        "load": lambda: checkpoint.module("uvit", cpu, torch.bfloat16),
        "read": (model / "uvit.safetensors").read_bytes,
    }
    needed = ("uvit", "clip_text", "encode_prefix", "vae")
    tensors = [t for part in needed for t in checkpoint.tensors(part).values()]
    weights = sum(2 * torch.Size(tensor.shape).numel() for tensor in tensors)
    return {"runs": runs, "weights_gib": weights / 2**30, "seconds": turns(work, rounds)}


def picture(rounds: int, folder: Path) -> dict[str, Any]:
    """The evaluations that make a picture, at equal error, on the bundled model."""
    from equal_error import measure

    from unidiff_cli import UniDiffuser

    return measure(UniDiffuser.load("starter", device="cpu", dtype="fp32"))


ROWS: dict[str, Callable[[int, Path], dict[str, Any]]] = {
    each.__name__: each for each in (ceiling, evaluation, picture, scaling, captions, start, memory)
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
    keep_pages()  # as the program does; diffusers gains by it too
    arguments.folder.mkdir(parents=True, exist_ok=True)
    kept = arguments.folder / "speed.json"
    found = json.loads(kept.read_text()) if kept.exists() else {}
    for name in arguments.only or [name for name in ROWS if name not in found]:
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
