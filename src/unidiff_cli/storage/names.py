"""How key names become ours. Every renaming of tensors in this package is a row of these tables.

Ours are: for the U-ViT the names of the published file; for the VAE those of diffusers'
AutoencoderKL; for CLIP those of transformers without the leading text_model. and vision_model.
(which some of its versions have and others have not); for the captioner encode_prefix.*,
decode_prefix.* and gpt.transformer.*, whose output matrix is its input matrix.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.storage.stored import Stored, Tensors

Renaming = tuple[str, str]


@dataclass(frozen=True)
class Names:
    """The way from one layout's names of a part to ours: all renamings, one after the other.

    A name that ends in "#0", "#1", ... is a slice of rows of the name before the "#".
    """

    rename: tuple[Renaming, ...] = ()
    only: str = ""
    """Keys that belong to the part; the file's other keys belong to another one."""
    ignore: str = r"(?!)"
    """Keys that carry nothing: masks, counters, copies."""
    tied: str = r"(?!)"
    """Keys whose tensor must be equal to the part's `twin`."""
    twin: str = ""
    flatten: str = r"(?!)"
    """Our names whose tensors are kept as 1 x 1 convolutions."""

    @cached_property
    def _rules(self) -> list[tuple[re.Pattern[str], str]]:
        return [(re.compile(pattern), new) for pattern, new in self.rename]

    def ours(self, key: str) -> str | None:
        """Our name of a key; None for one that carries nothing or belongs elsewhere."""
        if not re.search(self.only, key) or re.search(self.ignore, key):
            return None
        for pattern, new in self._rules:
            key = pattern.sub(new, key)
        return key

    def translate(self, tensors: Tensors) -> dict[str, Stored]:
        """The tensors of a file under our names; slices are joined, ties are checked."""
        named: dict[str, Stored] = {}
        ties: list[Stored] = []
        for key, stored in tensors.items():
            if re.search(self.tied, key):
                ties.append(stored)
            elif (name := self.ours(key)) is not None:
                if name in named:
                    raise ModelUnavailable(
                        "model.damaged",
                        f"The tensors {named[name].origin} and {stored.origin} are both {name}.",
                    )
                named[name] = _flat(stored) if re.search(self.flatten, name) else stored
        out = _joined(named)
        for stored in ties:
            _check_tie(stored, out.get(self.twin))
        return out


def _flat(stored: Stored) -> Stored:
    """A 1 x 1 convolution as a matrix; anything else as it is."""
    if stored.shape[2:] != (1, 1):
        return stored
    return Stored(stored.origin, stored.shape[:2], lambda: stored.load()[..., 0, 0])


def _joined(named: Mapping[str, Stored]) -> dict[str, Stored]:
    out: dict[str, Stored] = {}
    slices: dict[str, list[tuple[int, Stored]]] = {}
    for name, stored in named.items():
        base, _, index = name.partition("#")
        if index:
            slices.setdefault(base, []).append((int(index), stored))
        else:
            out[name] = stored
    for base, parts in slices.items():
        out[base] = _rows([stored for _, stored in sorted(parts, key=lambda part: part[0])])
    return out


def _rows(parts: list[Stored]) -> Stored:
    height = sum(part.shape[0] for part in parts)
    origin = " + ".join(part.origin for part in parts)

    def load() -> Tensor:
        return torch.cat([part.load() for part in parts])

    return Stored(origin, (height, *parts[0].shape[1:]), load)


def _check_tie(stored: Stored, twin: Stored | None) -> None:
    if twin is not None and not (
        stored.shape == twin.shape and torch.equal(stored.load(), twin.load())
    ):
        raise ModelUnavailable(
            "model.damaged",
            f"The tensors {stored.origin} and {twin.origin} should be equal, and are not.",
            "This is another kind of model, or the file is damaged.",
        )


MASKS = r"\.h\.\d+\.attn\.(bias|masked_bias)$"
WORDS = "gpt.transformer.wte.weight"

# What the installed libraries call the tensors of a module that they have built.
MODULES: Mapping[str, Names] = {
    "uvit": Names(),
    "vae": Names(),
    "clip_text": Names(rename=((r"^text_model\.", ""),), ignore=r"\.position_ids$"),
    "clip_image": Names(rename=((r"^vision_model\.", ""),), ignore=r"\.position_ids$"),
    "captioner": Names(ignore=rf"^gpt\.lm_head\.weight$|{MASKS}"),
    "encode_prefix": Names(),
}

# Before diffusers 0.16 the VAE's attention had names of its own.
_OLD_VAE: tuple[Renaming, ...] = (
    (r"(attentions\.\d+)\.query\.", r"\1.to_q."),
    (r"(attentions\.\d+)\.key\.", r"\1.to_k."),
    (r"(attentions\.\d+)\.value\.", r"\1.to_v."),
    (r"(attentions\.\d+)\.proj_attn\.", r"\1.to_out.0."),
)
_VAE_MATRICES = r"attentions\.\d+\.to_(q|k|v|out\.0)\.weight$"

DIFFUSERS: Mapping[str, Names] = {
    "uvit": Names(
        rename=(
            (r"^transformer\.transformer_", ""),
            (r"^(out_blocks\.\d+)\.block\.", r"\1."),
            (r"^(out_blocks\.\d+)\.skip\.norm\.", r"\1.norm1_."),
            (r"^(out_blocks\.\d+)\.skip\.skip_linear\.", r"\1.skip_linear."),
            (r"\.norm1\.", ".norm2."),
            (r"\.norm1_\.", ".norm1."),
            (r"\.attn1\.to_q\.weight$", ".attn.qkv.weight#0"),
            (r"\.attn1\.to_k\.weight$", ".attn.qkv.weight#1"),
            (r"\.attn1\.to_v\.weight$", ".attn.qkv.weight#2"),
            (r"\.attn1\.to_out\.0\.", ".attn.proj."),
            (r"\.ff\.net\.0\.proj\.", ".mlp.fc1."),
            (r"\.ff\.net\.2\.", ".mlp.fc2."),
            (r"^transformer\.norm_out\.", "norm."),
            (r"^vae_img_in\.proj\.", "patch_embed.proj."),
            (r"^vae_img_out\.", "decoder_pred."),
            (r"^text_in\.", "text_embed."),
            (r"^clip_img_in\.", "clip_img_embed."),
            (r"^data_type_pos_embed_token$", "pos_embed_token"),
            (r"^data_type_token_embedding\.", "token_embedding."),
        ),
        # A copy of vae_img_in that no computation reads.
        ignore=r"^transformer\.pos_embed\.proj\.",
    ),
    "vae": Names(rename=_OLD_VAE, flatten=_VAE_MATRICES),
    "clip_text": MODULES["clip_text"],
    "clip_image": MODULES["clip_image"],
    "captioner": Names(
        rename=((r"^transformer\.", "gpt."),),
        ignore=MASKS,
        tied=r"^transformer\.lm_head\.weight$",
        twin=WORDS,
    ),
}

ORIGINAL: Mapping[str, Names] = {
    "uvit": Names(),
    "vae": Names(
        rename=(
            (r"\.norm_out\.", ".conv_norm_out."),
            (r"^encoder\.down\.(\d+)\.block\.", r"encoder.down_blocks.\1.resnets."),
            (r"^encoder\.down\.(\d+)\.downsample\.", r"encoder.down_blocks.\1.downsamplers.0."),
            # The decoder's levels are numbered from the picture; ours from the latent.
            *((rf"^decoder\.up\.{i}\.", f"decoder.up_blocks.{3 - i}.") for i in range(4)),
            (r"^(decoder\.up_blocks\.\d)\.block\.", r"\1.resnets."),
            (r"^(decoder\.up_blocks\.\d)\.upsample\.", r"\1.upsamplers.0."),
            (r"\.nin_shortcut\.", ".conv_shortcut."),
            (r"\.mid\.block_1\.", ".mid_block.resnets.0."),
            (r"\.mid\.block_2\.", ".mid_block.resnets.1."),
            (r"\.mid\.attn_1\.norm\.", ".mid_block.attentions.0.group_norm."),
            (r"\.mid\.attn_1\.([qkv])\.", r".mid_block.attentions.0.to_\1."),
            (r"\.mid\.attn_1\.proj_out\.", ".mid_block.attentions.0.to_out.0."),
        ),
        flatten=_VAE_MATRICES,
    ),
    "captioner": Names(
        rename=((r"^module\.", ""),),
        # CLIP's text tower rides in the same file.
        ignore=rf"^(module\.)?clip|{MASKS}",
        tied=r"^(module\.)?gpt\.lm_head\.weight$",
        twin=WORDS,
    ),
    "clip_text": Names(
        rename=((r"^(module\.)?clip.*?text_model\.", ""),),
        only=r"^(module\.)?clip.*?text_model\.",
        ignore=r"\.position_ids$",
    ),
}

# A folder of transformers' own, such as openai/clip-vit-large-patch14: both towers in one file.
CLIP: Mapping[str, Names] = {
    "clip_text": Names(
        rename=((r"^text_model\.", ""),),
        only=r"^(text_model\.|embeddings\.|encoder\.|final_layer_norm\.)",
        ignore=r"\.position_ids$",
    ),
    "clip_image": Names(
        rename=((r"^vision_model\.", ""),),
        only=r"^(vision_model\.|visual_projection\.)",
        ignore=r"\.position_ids$",
    ),
}
