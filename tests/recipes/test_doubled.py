"""A decoder of twice the width."""

from __future__ import annotations

import torch
from tests.nets.test_autoencoder import SIZES


def test_it_decodes_as_before_and_its_copies_differ() -> None:
    from doubled import doubled

    from unidiff_cli.nets.autoencoder import autoencoder

    torch.manual_seed(0)
    narrow = autoencoder(SIZES).eval()
    own = {"block_out_channels": [16, 32], "layers_per_block": 1}
    wide = autoencoder({**SIZES, "decoder": own}).eval()
    wide.load_state_dict(doubled(narrow.state_dict()))
    latents = torch.randn(2, 3, 4, 4)
    with torch.no_grad():
        torch.testing.assert_close(wide.decode(latents).sample, narrow.decode(latents).sample)
    weight = wide.decoder.mid_block.resnets[0].conv1.weight
    assert not torch.allclose(weight[:, 0], weight[:, 1])


def test_a_blend_lies_between() -> None:
    from doubled import blended

    first, second = {"x": torch.tensor([0.0, 1.0])}, {"x": torch.tensor([1.0, -1.0])}
    assert blended(first, second, 0.25)["x"].tolist() == [0.25, 0.5]
