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
