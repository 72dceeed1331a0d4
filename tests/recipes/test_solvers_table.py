"""benchmarks/solvers.py: errors are those of the latents, and shrink with evaluations."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import torch

from unidiff_cli.core.latents import Latent


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))


def test_an_error_is_a_share_of_the_true_latents_averaged_over_samples() -> None:
    from solvers import error

    true = Latent((torch.ones(2, 3), torch.ones(2, 1)))
    found = Latent((torch.tensor([[1.0, 1, 1], [2, 2, 2]]), torch.tensor([[1.0], [2]])))
    assert error(found, true) == pytest.approx(0.5)


def test_the_best_of_a_column_is_bold() -> None:
    from solvers import table

    text = table([("ddim", "uniform", [0.2, 0.01]), ("unipc", "log-snr", [0.1, 0.02])], [5, 10])
    assert text.splitlines()[2:] == [
        "| `ddim` | `uniform` | 20.00 | **1.00** |",
        "| `unipc` | `log-snr` | **10.00** | 2.00 |",
    ]


def test_more_evaluations_are_nearer_to_the_reference(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from solvers import main

    monkeypatch.setattr(
        sys, "argv", ["solvers.py", "tiny", "--evaluations", "2,24", "--reference", "60"]
    )
    main()
    rows = re.findall(r"\| `(.+?)` \| (.+?) \| (.+?) \| (.+?) \|", capsys.readouterr().out)
    assert len(rows) == 10
    for _, _, few, many in rows:
        assert float(many.strip("*")) < float(few.strip("*"))
