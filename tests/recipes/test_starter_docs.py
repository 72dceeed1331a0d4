"""scripts/write_starter_docs.py: tables between their marks, and nothing else touched."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "scripts"))


def test_only_what_is_between_the_marks_changes() -> None:
    from write_starter_docs import PAGE, put

    page = put(PAGE, "solvers", "| a |")
    assert "<!-- solvers -->\n| a |\n<!-- /solvers -->" in page
    again = put(page, "solvers", "| b |")
    assert again == page.replace("| a |", "| b |")
    with pytest.raises(AssertionError, match="no <!-- other -->"):
        put(PAGE, "other", "")


def test_figures_stand_in_their_columns_with_the_judge_s_beside() -> None:
    from write_starter_docs import examination

    report = {
        "t2i": {"trained": {"n": 40, "thing": {"share": 0.8, "n": 40, "real": 0.95}}},
        "i2t": {"drawing": {"n": 9, "count": {"share": 0.5, "n": 4}, "cider-d": 1.234}},
        "joint": {"n": 20, "named": {"share": 1.0, "n": 20}, "agree": {"share": 0.75, "n": 20}},
        "notes": ["the judge sees well"],
    }
    lines = examination(report).splitlines()
    assert lines[0].startswith("|  | thing | colour | both | ground | count |")
    assert lines[2] == "| t2i, trained | 80 (95) |  |  |  |  |  |  |  |  | 40 |"
    assert lines[3] == "| i2t, drawing |  |  |  |  | 50 |  |  |  | 1.23 | 9 |"
    assert "75% of the pairs agree" in lines[6]
    assert lines[-1] == "- the judge sees well"
