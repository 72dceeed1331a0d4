"""Intervals: what a bootstrap finds, without drawing."""

from __future__ import annotations

import random

import numpy as np
import pytest

from unidiff_cli.evaluate.intervals import Figure, mean, share
from unidiff_cli.evaluate.ngrams import bleu

Words = tuple[str, ...]


def test_the_error_of_a_mean_is_the_textbooks() -> None:
    figure = mean([20.0, 30.0, 25.0])
    assert (figure.value, figure.error) == (25, pytest.approx(5 / 3**0.5))
    assert figure.interval == pytest.approx([25 - 1.96 * 5 / 3**0.5, 25 + 1.96 * 5 / 3**0.5])
    assert mean([20.0]).interval is None
    assert sum(figure.pulls) == pytest.approx(0)


def test_a_share_is_of_those_that_are_asked() -> None:
    figure = share([True, True, False, False], [True, True, True, False])
    assert figure.value == pytest.approx(2 / 3)
    assert figure.interval == pytest.approx([0.2077, 0.9385], abs=1e-4)  # Wilson's of 2 in 3
    assert share([True] * 9).interval == pytest.approx([0.7009, 1], abs=1e-4)
    none = share([True] * 9) - share([True] * 9)
    assert (none.value, none.interval) == (0, [0, 0])


@pytest.mark.parametrize("short", [False, True], ids=["long enough", "too short"])
def test_the_error_of_bleu_is_a_bootstraps(short: bool) -> None:
    """A hundred captions drawn anew 120 times from the same hundred."""
    drawing = random.Random(0)

    def phrase(low: int, high: int) -> Words:
        return tuple(drawing.choices("abcde", k=drawing.randint(low, high)))

    said = [phrase(3, 6) if short else phrase(6, 9) for _ in range(100)]
    wanted = [[phrase(5, 9), phrase(5, 9)] for _ in said]
    whole = bleu(said, wanted)
    draws: list[list[Figure]] = []
    for _ in range(120):
        some = drawing.choices(range(100), k=100)
        draws.append(bleu([said[k] for k in some], [wanted[k] for k in some]))
    for n in (0, 1, 3):
        spread = np.std([each[n].value for each in draws])
        assert whole[n].error == pytest.approx(spread, rel=0.25)
        assert sum(whole[n].pulls) == pytest.approx(0, abs=1e-9)
