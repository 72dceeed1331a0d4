"""`unidiff bench` on real networks of no size: what it counts and says, not how fast it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from unidiff_cli.cli.app import app
from unidiff_cli.cli.commands.bench import in_8_bits
from unidiff_cli.engine.bench import Bench, operations, recommended
from unidiff_cli.nets.products import multiplies_int8
from unidiff_cli.nets.uvit import UViTConfig


def bench(*arguments: str) -> Result:
    command = ["bench", "--model", "tiny", "--repeats", "1", "-q", *arguments]
    return CliRunner().invoke(app, command, prog_name="unidiff")


def test_the_record() -> None:
    done = bench("--batch-sizes", "1,3,1", "--json", "--device", "cpu")
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["model"], report["device"], report["dtype"]) == ("tiny", "cpu", "fp32")
    assert [row["batch"] for row in report["pictures"]] == [1, 3]
    assert [row["batch"] for row in report["captions"]] == [1, 3]
    for row in report["pictures"]:
        taken = row["evaluation"]
        assert 0 < taken["low"] <= taken["median"] <= taken["high"]
        assert row["share_of_ceiling"] > 0
        whole = report["evaluations"] * taken["median"] + row["decoding"]["median"]
        assert row["pictures_a_minute"] <= 60 * row["batch"] / whole * 1.01
    assert report["peak_memory_gib"] > 0


def test_the_table() -> None:
    done = bench("--batch-sizes", "2")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("tiny on cpu, fp32")
    assert "PICTURES/MINUTE" in done.stdout
    assert "suits this machine: --dtype fp32 --batch-size 2" in done.stdout


def test_what_does_not_fit_is_told_and_the_rest_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    measure = Bench.pictures

    def full(self: Bench, request: Any, batch: int, *others: Any) -> Any:
        if batch > 1:
            raise RuntimeError("CUDA out of memory")
        return measure(self, request, batch, *others)

    monkeypatch.setattr(Bench, "pictures", full)
    done = bench("--batch-sizes", "1,2")
    assert done.exit_code == 0, done.stderr
    assert "2 at once do not fit into the memory" in done.stdout
    done = bench("--batch-sizes", "2")
    assert (done.exit_code, done.stdout) == (5, "")


@pytest.mark.parametrize("sizes", ["0", "x", "1,,2", "-1", "1.5"])
def test_batch_sizes_are_whole_numbers(sizes: str) -> None:
    done = bench("--batch-sizes", sizes)
    assert done.exit_code == 2
    assert "--batch-sizes" in done.stderr


def test_operations_of_the_published_network() -> None:
    assert operations(UViTConfig(), 64, 64) == pytest.approx(2.33e12, rel=0.01)


def test_a_larger_batch_must_gain() -> None:
    rows = [{"batch": n, "pictures_a_minute": rate} for n, rate in ((4, 2.02), (1, 1.0), (2, 2.0))]
    assert recommended(rows[1:2]) == 1
    assert recommended(sorted(rows, key=lambda row: row["batch"])) == 2


def test_int8_is_spoken_of_where_it_gains() -> None:
    assert in_8_bits({"evaluation": 1.234, "times_as_fast": 1.5})[-1] == (
        "--dtype int8: 1.23 seconds an evaluation, 1.5 times as fast, less exact (docs/fast.md)"
    )
    assert in_8_bits({"evaluation": 1.234, "times_as_fast": 1.05}) == in_8_bits(None) == []


@pytest.mark.skipif(not multiplies_int8(), reason="this CPU does not multiply 8 bits")
def test_int8_is_measured_where_it_is_possible() -> None:
    said = json.loads(bench("--batch-sizes", "1", "--json", "--device", "cpu").stdout)
    assert said["int8"]["times_as_fast"] > 0
    chosen = json.loads(bench("--batch-sizes", "1", "--json", "--dtype", "int8").stdout)
    assert (chosen["dtype"], chosen["int8"]) == ("int8", None)
