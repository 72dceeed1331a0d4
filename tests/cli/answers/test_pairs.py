"""`unidiff joint --format` fills a folder with pairs."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from unittest import mock

import pytest
from filelock import FileLock

from tests.cli.conftest import Cli
from unidiff_cli.files.pairs import LOCK, Pairs


def test_it_writes_pairs_and_says_where(cli: Cli) -> None:
    made = cli("joint", "-n", "3", "--seed", "5", "-o", "out", "--format", "jsonl")
    assert made.exit_code == 0
    assert made.stdout == "out/pairs.jsonl\n"
    assert Pairs(Path("out"), "jsonl").seeds() == {5, 6, 7}


def test_the_same_command_continues_with_the_same_seed(cli: Cli) -> None:
    first = cli("joint", "-n", "2", "-o", "out", "--format", "imagefolder")
    again = cli("joint", "-n", "4", "-o", "out", "--format", "imagefolder")
    assert first.exit_code == again.exit_code == 0
    assert "2 of 4 pairs are there already" in again.stderr
    assert len(Pairs(Path("out"), "imagefolder").seeds()) == 4


def test_json_tells_of_every_new_pair(cli: Cli) -> None:
    arguments = ["joint", "-n", "2", "--seed", "5", "-o", "out", "--format", "jsonl", "--json"]
    records = [json.loads(each) for each in cli(*arguments).stdout.splitlines()]
    assert [record["seed"] for record in records] == [5, 6]
    assert all(Path(record["outputs"][0]["image"]).exists() for record in records)
    assert cli(*arguments).stdout == ""


def test_a_second_process_is_refused(cli: Cli) -> None:
    arguments = ["joint", "--seed", "5", "-o", "out", "--format", "webdataset"]
    assert cli(*arguments).exit_code == 0
    with FileLock(f"out/{LOCK}"):
        again = cli(*arguments, "-n", "2")
    assert again.exit_code == 8
    assert "Another process is filling out with pairs." in again.stderr
    assert cli(*arguments, "-n", "2").exit_code == 0
    assert Pairs(Path("out"), "webdataset").seeds() == {5, 6}


def test_a_full_disk_is_told_as_such(cli: Cli) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    arguments = ["joint", "--seed", "5", "-o", "out", "--format", "webdataset"]
    with mock.patch("tarfile.TarFile.addfile", full):
        made = cli(*arguments)
    assert made.exit_code == 8
    assert "pairs-000000.tar cannot be written: No space left on device." in made.stderr
    assert cli(*arguments).exit_code == 0
    assert Pairs(Path("out"), "webdataset").seeds() == {5}


def test_other_settings_end_it(cli: Cli) -> None:
    cli("joint", "--seed", "5", "-o", "out", "--format", "jsonl")
    for option, value in (("guidance", "1"), ("dtype", "bf16")):
        other = [f"--{option}", value]
        made = cli("joint", "--seed", "5", "-o", "out", "--format", "jsonl", *other)
        assert made.exit_code == 8
        assert option in made.stderr


@pytest.mark.parametrize("wrong", [[], ["-o", "-"], ["-o", "out", "--grid"]])
def test_it_needs_a_folder_of_its_own(cli: Cli, wrong: list[str]) -> None:
    assert cli("joint", "--format", "jsonl", *wrong).exit_code == 2


def test_only_modes_that_make_both_have_it(cli: Cli) -> None:
    assert cli("t2i", "a fox", "--format", "jsonl").exit_code == 2
