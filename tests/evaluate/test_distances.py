"""The distances are those of the formulas, and say how far they can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.evaluate.conftest import Pictures
from unidiff_cli.errors import InputError, UsageError
from unidiff_cli.evaluate.distances import Distance, Seen, frechet, kernel, look
from unidiff_cli.evaluate.networks import open_network
from unidiff_cli.progress import Silence

Metric = Callable[[Seen, Seen], Distance]


def gaussian(n: int, mean: Tensor, deviations: Tensor, seed: int) -> Tensor:
    """(n, D) whose mean and covariance are exactly these."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, len(mean), generator=generator, dtype=torch.float64)
    q, _ = torch.linalg.qr(x - x.mean(0))
    return q * (n - 1) ** 0.5 * deviations + mean


def seen(features: Tensor) -> Seen:
    """All of them."""
    return Seen(features, tuple(range(len(features))))


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
    found = frechet(seen(real), seen(made))
    wanted = float(((mean - other) ** 2).sum() + ((s - t) ** 2).sum())
    assert found.figure.value == pytest.approx(wanted, rel=1e-6)
    assert found.notes == ()


def test_frechet_of_few_is_unreliable_and_of_fewer_refused() -> None:
    x = torch.randn(40, 8, generator=torch.Generator().manual_seed(0))
    found = frechet(seen(x), seen(x[:9]))
    assert "FID of 9 pictures is unreliable" in found.notes[0]
    with pytest.raises(UsageError, match="8 pictures are too few for FID with features of 8") as no:
        frechet(seen(x), seen(x[:8]))
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
    found = kernel(seen(x), seen(y + 0.5))
    assert found.figure.value == pytest.approx(mmd(x, y + 0.5), rel=1e-9)
    assert found.deviation is None
    assert "KID is of subsets of 12, not 1000" in found.notes[0]
    assert "12 pictures say little" in found.notes


def test_kernel_of_subsets_depends_on_its_seed_only() -> None:
    x, y = torch.randn(2, 300, 5, generator=torch.Generator().manual_seed(0))
    before = torch.get_rng_state()
    first, same, other = (
        kernel(seen(x), seen(y), subsets=5, subset=50, seed=seed) for seed in (1, 1, 2)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert first.figure.value == same.figure.value
    assert first.figure.value != other.figure.value
    assert first.deviation
    assert first.notes == ()


@pytest.mark.parametrize("metric", [frechet, kernel])
def test_intervals_are_as_wide_as_samples_differ(metric: Metric) -> None:
    """The standard error that one set tells is what many sets differ by: within a quarter."""
    generator = torch.Generator().manual_seed(0)
    turn = torch.randn(6, 6, generator=generator)
    real = seen(torch.randn(300, 6, generator=generator))
    values, errors = [], []
    for _ in range(60):
        made = (torch.randn(300, 6, generator=generator) + 0.3) @ (torch.eye(6) + 0.2 * turn)
        figure = metric(real, seen(made)).figure
        values.append(figure.value)
        errors.append(figure.error)
    assert torch.tensor(errors).mean().item() == pytest.approx(
        torch.tensor(values).std().item(), rel=0.25
    )


def test_two_systems_on_the_same_items_differ_more_surely() -> None:
    generator = torch.Generator().manual_seed(0)
    real, ours = torch.randn(2, 400, 5, generator=generator)
    theirs = 1.1 * ours + 0.05 * torch.randn(400, 5, generator=generator)
    one, other = (frechet(seen(real), seen(each)).figure for each in (ours, theirs))
    apart = one - other
    assert apart.value == one.value - other.value
    assert (apart.error or 1) < 0.7 * (other.error or 0)


def test_kernel_needs_two() -> None:
    with pytest.raises(UsageError, match="two pictures"):
        kernel(seen(torch.ones(5, 3)), seen(torch.ones(1, 3)))


def test_what_cannot_be_read_is_left_out(random_clip: str, pictures: Pictures) -> None:
    network = open_network(random_clip, torch.device("cpu"))
    good = sorted(pictures("good", 20).iterdir())
    Path("bad.png").write_text("words")
    found = look(network, [*good[:3], Path("bad.png"), *good[3:]], Silence())
    assert found.features.shape == (20, network.width)
    assert found.kept == (0, 1, 2, *range(4, 21))
    assert [error.message for error in found.bad] == ["bad.png is not a picture that can be read."]
    one = network.features([Image.open(good[7])])
    torch.testing.assert_close(found.features[7:8], one)
    with pytest.raises(InputError, match=r"bad\.png"):
        look(network, [Path("bad.png")], Silence())
