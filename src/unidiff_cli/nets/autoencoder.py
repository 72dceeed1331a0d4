"""The autoencoder of pictures: diffusers' AutoencoderKL, whose decoder may be larger.

What an encoder leaves out no decoder brings back, but a decoder may be the better for more room:
it also has to make clean pictures of latents that a sampler drew. AutoencoderKL has one width for
both, so a decoder of its own is put in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diffusers import AutoencoderKL
from diffusers.models.autoencoders.vae import Decoder

SHARED = ("out_channels", "up_block_types", "norm_num_groups", "mid_block_add_attention")
"""What the decoder has of the whole."""


def autoencoder(sizes: Mapping[str, Any]) -> AutoencoderKL:
    """The autoencoder of these sizes: arguments of AutoencoderKL; where there is a `decoder`, its
    `block_out_channels` and `layers_per_block` are the decoder's own."""
    others = {name: value for name, value in sizes.items() if name != "decoder"}
    whole = AutoencoderKL(**others)
    if own := sizes.get("decoder"):
        config = whole.config
        shared = {name: config[name] for name in SHARED}
        whole.decoder = Decoder(in_channels=config["latent_channels"], **{**shared, **own})
    return whole
