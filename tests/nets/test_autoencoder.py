"""The autoencoder whose decoder may be larger than its encoder."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from unidiff_cli.nets.autoencoder import autoencoder

SIZES: dict[str, Any] = {
    "down_block_types": ["DownEncoderBlock2D"] * 2,
    "up_block_types": ["UpDecoderBlock2D"] * 2,
    "block_out_channels": [8, 16],
    "norm_num_groups": 4,
    "latent_channels": 3,
    "mid_block_add_attention": False,
}
OWN = {"block_out_channels": [16, 24], "layers_per_block": 2}


def shapes(part: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in part.state_dict().items()}


def test_the_decoder_alone_is_larger() -> None:
    usual, larger = autoencoder(SIZES), autoencoder({**SIZES, "decoder": OWN})
    assert shapes(larger.encoder) == shapes(usual.encoder)
    assert larger.decoder.conv_in.weight.shape == (24, 3, 3, 3)
    assert [len(block.resnets) for block in larger.decoder.up_blocks] == [3, 3]
    assert "decoder.mid_block.attentions.0.to_q.weight" not in shapes(larger)
    pictures = torch.rand(1, 3, 8, 8)
    with torch.no_grad():
        assert larger.decode(larger.encode(pictures).latent_dist.mode()).sample.shape == (
            1,
            3,
            8,
            8,
        )


def test_without_one_it_is_diffusers_own() -> None:
    from diffusers import AutoencoderKL

    assert shapes(autoencoder(SIZES)) == shapes(AutoencoderKL(**SIZES))


def test_an_unknown_size_of_the_decoder_is_refused() -> None:
    with pytest.raises(TypeError, match="width"):
        autoencoder({**SIZES, "decoder": {"width": 3}})
