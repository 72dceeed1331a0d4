"""docs/outputs.md says what is so: its record, its events, its codes."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.conftest import ROOT, Cli
from unidiff_cli import errors
from unidiff_cli.files.record import Record

PAGE = (ROOT / "docs" / "outputs.md").read_text()
BLOCKS = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


def test_the_record_is_one() -> None:
    values = json.loads(BLOCKS[1])
    assert Record.from_json(values).to_json() == values


def test_the_events_are_those_that_are_printed(cli: Cli) -> None:
    shown = {each["event"]: each for each in map(json.loads, BLOCKS[0].splitlines())}
    done = cli("t2i", "fox", "InputError", "--progress", "json")
    for line in done.stderr.splitlines():
        real = json.loads(line)
        assert set(real) == set(shown[real["event"]])


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("t2i fox --stepz 3", "usage.unknown-option"),
        ("t2i fox --steps many", "usage.form"),
        ("t2i fox --solver many", "usage.choice"),
        ("t2i fox --steps 0", "usage.range"),
        ("t2i fox --steps", "usage.missing"),
        ("chain", "usage.missing"),
        ("keep nobody", "usage.command-line"),
        ("t2i fox --model missing", "model.unknown"),
        ("t2i crash", "internal.unexpected"),
        ("i2t nothing.png", "input.missing"),
        ("t2i OutOfMemory", "memory.asked-for"),
    ],
)
def test_an_error_that_ends_the_run_is_an_event(
    line: str, code: str, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNIDIFF_PROGRESS", "json")
    done = cli(*line.split())
    events = map(json.loads, done.stderr.splitlines())
    (said,) = (each for each in events if each["event"] == "error")
    assert said["code"] == code
    assert done.exit_code == errors.AREAS[code.partition(".")[0]].exit_code
    assert not said["message"].startswith("Value error")


@pytest.mark.parametrize("page", [PAGE, "help"], ids=["page", "help"])
def test_the_codes_are_those_of_the_errors(page: str, cli: Cli) -> None:
    codes = {0, errors.SOME_FAILED, errors.INTERRUPTED, errors.CLOSED_PIPE, 128 + 1, 128 + 15} | {
        each.exit_code
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.UnidiffError)
    }
    if page == "help":
        found = re.findall(r"(?:^|   )(\d+)  +[a-z]", cli("--help").stdout.split("codes:")[1], re.M)
    else:
        found = re.findall(r"^\| (\d+) \|", page, re.M)
    assert set(map(int, found)) == codes


def test_the_variables_are_those_of_the_options(cli: Cli) -> None:
    shown = set(re.findall(r"UNIDIFF_(?!DEBUG)[A-Z_]+", cli("t2i", "--help").stdout))
    assert shown == set(re.findall(r"UNIDIFF_(?!DEBUG)[A-Z_]+", PAGE))
