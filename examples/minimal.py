"""UniDiffuser from top to bottom: a prompt in, a picture out (arXiv 2303.06555).

    python examples/minimal.py "a red fox" fox.png 3   as: unidiff t2i "a red fox" --seed 3

One network predicts the noise in a picture and in a sentence together, at any two noise levels.
Draw the levels as a square, and a task is a path on it:

     t_text
       1 +------ i -------+      Each level is 0 for clean, 1 for pure noise. t2i walks the bottom:
         |              / |      the text is given, its level is 0; the picture's level falls with
        i2t    joint      t      the solver's clock from 1 to 0. With the text at level 1 nothing
         |   /            |      of it is left: that is the top, a picture of anything. Guidance
       0 +----- t2i ------+      pushes the bottom away from the top.
         0                1  t_image
"""

import json
import re
import struct
import sys
import zlib
from itertools import count, pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

import unidiff_cli
from unidiff_cli.core.latents import Latent
from unidiff_cli.core.noise import Noise
from unidiff_cli.core.pair import Pair
from unidiff_cli.core.schedule import TRAINING_STEPS, stable_diffusion
from unidiff_cli.core.solver import SOLVERS, TIMES
from unidiff_cli.nets.autoencoder import autoencoder
from unidiff_cli.nets.products import multiplies_bf16
from unidiff_cli.nets.uvit import UViT, UViTConfig

MODEL = Path(unidiff_cli.__file__).parent / "starter"
CONFIG = json.loads((MODEL / "config.json").read_text())
DTYPE = torch.bfloat16 if multiplies_bf16() else torch.float32


class Weights(dict[str, Tensor]):
    """A file of tensors, and the layers that are made of them."""

    def __init__(self, name: str) -> None:
        file = load_file(MODEL / f"{name}.safetensors")
        super().__init__({key: tensor.to(DTYPE) for key, tensor in file.items()})

    def linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self[f"{name}.weight"], self[f"{name}.bias"])

    def norm(self, x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], self[f"{name}.weight"], self[f"{name}.bias"])


# 1. The text latent: the prompt's tokens, CLIP's text tower, a linear map to few numbers a token.
def tokens(prompt: str) -> Tensor:
    """(L,) numbers: start, the words by byte pairs, end, and the end again as padding. ASCII."""
    model = json.loads((MODEL / "clip_tokenizer.json").read_text())["model"]
    ranks = {tuple(pair): rank for rank, pair in enumerate(model["merges"])}
    start, end = (CONFIG["clip_text"][f"{name}_token_id"] for name in ("bos", "eos"))
    ids, length = [start], CONFIG["uvit"]["text_tokens"]
    for word in re.findall(r" ?[a-z]+| ?\d+| ?[^\sa-z\d]+", f" {prompt.lower()}"):
        parts = list(word.replace(" ", "Ġ"))  # how byte-level vocabularies write a space
        while pairs := [pair for pair in pairwise(parts) if pair in ranks]:
            best = list(pairwise(parts)).index(min(pairs, key=ranks.__getitem__))
            parts[best : best + 2] = [parts[best] + parts[best + 1]]
        ids += [model["vocab"][part] for part in parts]
    return torch.tensor((ids[: length - 1] + [end] * length)[:length])


def read(prompt: str) -> Tensor:
    """(1, L, D): the latent of a prompt."""
    clip, sizes = Weights("clip_text"), CONFIG["clip_text"]
    x = clip["embeddings.token_embedding.weight"][tokens(prompt)][None]
    x = x + clip["embeddings.position_embedding.weight"]
    heads = (*x.shape[:2], sizes["num_attention_heads"], -1)
    for n in range(sizes["num_hidden_layers"]):
        layer = f"encoder.layers.{n}."
        y = clip.norm(x, f"{layer}layer_norm1")
        q, k, v = (
            clip.linear(y, f"{layer}self_attn.{name}_proj").view(heads).transpose(1, 2)
            for name in "qkv"
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
        x = x + clip.linear(y, f"{layer}self_attn.out_proj")
        y = clip.linear(clip.norm(x, f"{layer}layer_norm2"), f"{layer}mlp.fc1")
        x = x + clip.linear(F.gelu(y), f"{layer}mlp.fc2")
    return Weights("captioner").linear(clip.norm(x, "final_layer_norm"), "encode_prefix").float()


# 2. The picture's latent: sampled along the bottom of the square, pushed away from the top.
def sample(text: Tensor, seed: int) -> Tensor:
    """(1, C, h, w): from noise to the latent of a picture of what the text says."""
    settings = CONFIG["sampling"] | CONFIG["sampling"]["modes"]["t2i"]
    net = UViT(sizes := UViTConfig(**CONFIG["uvit"]))
    net.load_state_dict(Weights("uvit"), assign=True)
    looks, meaning = (sizes.channels, sizes.size, sizes.size), (sizes.clip_tokens, sizes.clip_dim)
    noise = Noise([seed], Pair((looks, meaning), ((sizes.text_tokens, sizes.text_dim),)))
    schedule, evaluations = stable_diffusion(), count()

    def clean(z: Latent, t: float) -> Latent:
        """The picture that z, at level t, is predicted to come from."""
        alpha, sigma = schedule.alpha(t), schedule.sigma(t)
        (nothing,) = noise.latent("text", 0, "absent", next(evaluations)).parts  # its level: 1
        image, clip = (torch.cat([part, part]) for part in z.parts)
        t_image, t_text = torch.full((2,), TRAINING_STEPS * t), torch.tensor([0.0, TRAINING_STEPS])
        out = net(image, clip, torch.cat([text, nothing]), t_image, t_text)
        halves = zip(out.image.float().split(1), out.clip.float().split(1), strict=True)
        with_text, without = map(Latent, halves)
        if sizes.prediction == "velocity":  # alpha noise - sigma signal
            with_text, without = (alpha * v + sigma * z for v in (with_text, without))
        guided = with_text + settings["guidance"] * (with_text - without)
        return (1 / alpha) * (z - sigma * guided)

    times = TIMES[settings["times"]](settings["steps"], schedule)
    start = noise.latent("image", 0, "start")
    return SOLVERS[settings["solver"]](clean, start, times, schedule).parts[0]


# 3. The picture: an autoencoder's decoder, and eight bits a colour.
def paint(latent: Tensor) -> Tensor:
    """(H, W, 3) bytes of the picture that a latent stands for."""
    vae = autoencoder(CONFIG["vae"]).eval()
    vae.load_state_dict(Weights("vae"), assign=True)
    if DTYPE is torch.bfloat16:  # which a CPU convolves best with the channels last
        vae.to(memory_format=torch.channels_last)
    x = vae.decode((latent / CONFIG["vae_scale"]).to(DTYPE)).sample[0].float()
    return (x / 2 + 0.5).clamp(0, 1).mul(255).round().to(torch.uint8).permute(1, 2, 0)


def png(pixels: Tensor) -> bytes:
    """The bytes of a PNG file."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + bytes(row.flatten().tolist()) for row in pixels)
    head = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


if __name__ == "__main__":
    prompt, file, seed = sys.argv[1:] or ("a red fox", "fox.png", "3")
    with torch.inference_mode():
        Path(file).write_bytes(png(paint(sample(read(prompt), int(seed)))))
