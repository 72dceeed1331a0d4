"""The comparison of short trainings."""

from __future__ import annotations

import torch

from unidiff_cli.train.loss import ABSENT, START


def test_logit_normal_levels_are_in_the_middle_more_often() -> None:
    from compare import logit_normal

    moved = logit_normal(torch.arange(1, 1001))
    # sigmoid of the normal quantiles of 0.0005 and 0.9995
    assert (int(moved.min()), int(moved.max())) == (36, 965)
    middle = (moved > 250) & (moved <= 750)
    # P(|N(0, 1)| < log 3) = 0.728
    assert abs(float(middle.float().mean()) - 0.728) < 0.002
    assert torch.equal(moved, moved.sort().values)


def test_what_is_given_or_absent_stays_so() -> None:
    from compare import logit_normal

    fixed = torch.tensor([0, ABSENT, START])
    assert torch.equal(logit_normal(fixed), fixed)


def test_a_variant_is_told_with_its_spread_over_seeds() -> None:
    from compare import table

    runs = [{"steps": 10, "image": image, "text": 0.5, "last": 0.25} for image in (0.1, 0.3)]
    row = table({"wide": runs, "deep": []}).splitlines()[2:]
    assert row == ["| wide | 10 | 0.200 +- 0.141 | 0.500 +- 0.000 | 0.250 +- 0.000 |"]
    assert table({"wide": runs[:1]}).endswith("| wide | 10 | 0.100 | 0.500 | 0.250 |")
