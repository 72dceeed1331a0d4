"""Two trainings of an encoder, brought to the same axes."""

from __future__ import annotations

import torch


def test_turned_axes_are_turned_back() -> None:
    from align import rotation

    generator = torch.Generator().manual_seed(0)
    former = torch.randn(100, 8, generator=generator)
    turned = former @ torch.linalg.qr(torch.randn(8, 8, generator=generator)).Q
    torch.testing.assert_close(turned @ rotation(turned, former).T, former)


def test_a_turn_keeps_distances() -> None:
    from align import rotation

    new, former = torch.randn(2, 50, 6, generator=torch.Generator().manual_seed(1))
    turn = rotation(new, former)
    torch.testing.assert_close(turn @ turn.T, torch.eye(6))
    before, after = ((found - former).norm() for found in (new, new @ turn.T))
    assert after < before
