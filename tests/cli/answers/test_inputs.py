"""Prompts on standard input."""

from __future__ import annotations

import pytest

from tests.cli import fake
from tests.cli.conftest import Cli


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\v", "\f"], ids=ascii)
def test_only_the_end_of_a_line_ends_a_prompt(cli: Cli, mark: str) -> None:
    assert cli("t2i2t", input=f"a fox{mark}in snow\r\n\nan owl").exit_code == 0
    assert [sample.prompt for sample in fake.SEEN] == [f"a fox{mark}in snow", "an owl"]
