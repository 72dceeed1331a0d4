"""Memory that `unidiff models convert` takes, on a model of the published size.

    python benchmarks/convert_memory.py FOLDER [--dtype fp32] [--old-format]

fabricates unidiffuser-v1 in FOLDER with random numbers, in the layout that `pull` fetches (5.5 GB
on the disk), converts it in a process of its own, and prints that process's peak of anonymous
memory above what it has after its imports. Mapped files do not count: their pages are the
kernel's, which takes them back when anybody needs the room. Linux only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import warnings
from pathlib import Path

import torch
from torch import nn

from unidiff_cli.registry import published
from unidiff_cli.storage.layout import FOLDERS, PARTS, TOKENIZER_FOLDERS
from unidiff_cli.storage.parts import hollow
from unidiff_cli.storage.tiny import caption_bytes, clip_bytes

CONFIG = published("unidiffuser-v1", data_types=2)
CONVERT = """
import sys
from pathlib import Path
from unidiff_cli.registry import published
from unidiff_cli.storage.convert import convert
from unidiff_cli.storage.layout import PARTS
from unidiff_cli.storage.original import Extras
from unidiff_cli.storage.parts import hollow

for part in PARTS:  # imports what builds it
    hollow(part, published("unidiffuser-v1", data_types=2))
print("ready", flush=True)
sys.stdin.readline()
convert(sys.argv[1], Path(sys.argv[2]), dtype=sys.argv[3], extras=Extras())
"""


def theirs(part: str) -> tuple[nn.Module, dict[str, object]]:
    """A part without memory, as diffusers or transformers build it, and its config."""
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from diffusers.pipelines.deprecated.unidiffuser import modeling_text_decoder, modeling_uvit

        if part == "uvit":
            module = modeling_uvit.UniDiffuserModel(
                text_dim=64,
                clip_img_dim=512,
                num_text_tokens=77,
                num_attention_heads=24,
                attention_head_dim=64,
                in_channels=4,
                out_channels=4,
                num_layers=30,
                sample_size=64,
                patch_size=2,
                activation_fn="gelu",
                block_type="unidiffuser",
                pre_layer_norm=False,
                ff_final_dropout=True,
                use_patch_pos_embed=False,
                use_data_type_embedding=True,
            )
            return module, dict(module.config)
        if part == "captioner":
            module = modeling_text_decoder.UniDiffuserTextDecoder(
                prefix_length=77, prefix_inner_dim=768, prefix_hidden_dim=64, vocab_size=50258
            )
            return module, dict(module.config)
    sizes = {"vae": CONFIG.vae, "clip_text": CONFIG.clip_text, "clip_image": CONFIG.clip_image}
    return hollow(part, CONFIG), dict(sizes[part])  # type: ignore[arg-type]


def fabricate(folder: Path, old_format: bool) -> int:
    """The model in FOLDER; bytes of its largest tensor."""
    largest = 0
    for part in PARTS:
        module, config = theirs(part)
        target = folder / FOLDERS[part]
        target.mkdir(parents=True)
        public = {name: value for name, value in config.items() if not name.startswith("_")}
        (target / "config.json").write_text(json.dumps(public))
        state = {key: torch.rand(tensor.shape) for key, tensor in module.state_dict().items()}
        if part == "captioner":
            state["transformer.lm_head.weight"] = state["transformer.transformer.wte.weight"]
        largest = max(largest, *(4 * tensor.numel() for tensor in state.values()))
        path = target / "diffusion_pytorch_model.bin"
        torch.save(state, path, _use_new_zipfile_serialization=not old_format)
    for name, tokenizer in (("clip", clip_bytes()), ("caption", caption_bytes())):
        target = folder / TOKENIZER_FOLDERS[name]  # type: ignore[index]
        target.mkdir()
        tokenizer.save(str(target / "tokenizer.json"))
    return largest


def anonymous(pid: int) -> int:
    """Bytes of anonymous memory that a process holds now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def measure(source: Path, target: Path, dtype: str) -> tuple[int, int, float]:
    """(bytes after the imports, the peak, seconds) of one conversion."""
    command = [sys.executable, "-c", CONVERT, str(source), str(target), dtype]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()
    before = peak = anonymous(process.pid)
    started = time.monotonic()
    process.stdin.write("\n")
    process.stdin.close()
    while process.poll() is None:
        peak = max(peak, anonymous(process.pid))
        time.sleep(0.002)
    if process.returncode:
        raise SystemExit(process.returncode)
    return before, peak, time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dtype", default="fp32", choices=["fp32", "fp16", "bf16"])
    parser.add_argument("--old-format", action="store_true", help="torch's files of before 1.6")
    args = parser.parse_args()
    source = args.folder / "diffusers"
    largest = fabricate(source, args.old_format)
    before, peak, seconds = measure(source, args.folder / "ours", args.dtype)
    print(
        f"largest tensor {largest / 1e6:.0f} MB, imports {before / 1e6:.0f} MB, conversion "
        f"{(peak - before) / 1e6:.0f} MB above them ({(peak - before) / largest:.2f} of the "
        f"largest tensor), {seconds:.0f} s"
    )


if __name__ == "__main__":
    main()
