"""The distances are those of the formulas, and say how far they can be trusted."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.evaluate.conftest import Pictures
from unidiff_cli.errors import InputError, UsageError
from unidiff_cli.evaluate.distances import Seen, frechet, kernel, look
from unidiff_cli.evaluate.networks import open_network
from unidiff_cli.progress import Silence


def gaussian(n: int, mean: Tensor, deviations: Tensor, seed: int) -> Tensor:
    """(n, D) whose mean and covariance are exactly these."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, len(mean), generator=generator, dtype=torch.float64)
    q, _ = torch.linalg.qr(x - x.mean(0))
    return q * (n - 1) ** 0.5 * deviations + mean


def test_frechet_is_the_closed_form() -> None:
    """|m - m'|^2 + sum (s - s')^2, where the covariances are diagonal."""
    mean, other = torch.tensor([[0.0, 1, 2], [0.5, -1, 2]]).double()
    s, t = torch.tensor([[1.0, 2, 0.5], [3.0, 1, 0.5]]).double()
    # One rotation for both keeps the distance, and fills the covariances.
    turn, _ = torch.linalg.qr(
        torch.randn(3, 3, generator=torch.Generator().manual_seed(1)).double()
    )
    real = gaussian(2100, mean, s, seed=2) @ turn
    made = gaussian(2500, other, t, seed=3) @ turn
    found = frechet(Seen(real), Seen(made))
    wanted = float(((mean - other) ** 2).sum() + ((s - t) ** 2).sum())
    assert found.value == pytest.approx(wanted, rel=1e-6)
    assert found.notes == ()


def test_frechet_of_few_is_unreliable_and_of_fewer_refused() -> None:
    x = torch.randn(40, 8, generator=torch.Generator().manual_seed(0))
    found = frechet(Seen(x), Seen(x[:9]))
    assert "FID of 9 pictures is unreliable" in found.notes[0]
    with pytest.raises(UsageError, match="8 pictures are too few for FID with features of 8") as no:
        frechet(Seen(x), Seen(x[:8]))
    assert "eval kid" in no.value.hint


def mmd(x: Tensor, y: Tensor) -> float:
    """The unbiased estimate, term by term."""

    def k(a: Tensor, b: Tensor) -> float:
        return (float(a @ b) / len(a) + 1) ** 3

    m, n = len(x), len(y)
    within_x = sum(k(x[i], x[j]) for i in range(m) for j in range(m) if i != j)
    within_y = sum(k(y[i], y[j]) for i in range(n) for j in range(n) if i != j)
    across = sum(k(a, b) for a in x for b in y)
    return within_x / (m * (m - 1)) + within_y / (n * (n - 1)) - 2 * across / (m * n)


def test_kernel_is_the_formula() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 12, 5, generator=generator).double()
    found = kernel(Seen(x), Seen(y + 0.5))
    assert found.value == pytest.approx(mmd(x, y + 0.5), rel=1e-9)
    assert found.deviation is None
    assert "KID is of subsets of 12, not 1000" in found.notes[0]
    assert "12 pictures say little" in found.notes


def test_kernel_of_subsets_depends_on_its_seed_only() -> None:
    x, y = torch.randn(2, 300, 5, generator=torch.Generator().manual_seed(0))
    before = torch.get_rng_state()
    first, same, other = (
        kernel(Seen(x), Seen(y), subsets=5, subset=50, seed=seed) for seed in (1, 1, 2)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert first == same
    assert first.value != other.value
    assert first.deviation
    assert first.notes == ()


def test_kernel_needs_two() -> None:
    with pytest.raises(UsageError, match="two pictures"):
        kernel(Seen(torch.ones(5, 3)), Seen(torch.ones(1, 3)))


def test_what_cannot_be_read_is_left_out(random_clip: str, pictures: Pictures) -> None:
    network = open_network(random_clip, torch.device("cpu"))
    good = sorted(pictures("good", 20).iterdir())
    Path("bad.png").write_text("words")
    seen = look(network, [*good[:3], Path("bad.png"), *good[3:]], Silence())
    assert seen.features.shape == (20, network.width)
    assert [error.message for error in seen.bad] == ["bad.png is not a picture that can be read."]
    one = network.features([Image.open(good[7])])
    torch.testing.assert_close(seen.features[7:8], one)
    with pytest.raises(InputError, match=r"bad\.png"):
        look(network, [Path("bad.png")], Silence())
