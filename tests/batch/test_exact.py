"""With real networks: a job's answer depends on nothing but the job and the run's seed."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.batch.shell import pixels, records, write
from unidiff_cli.cli.app import app

COUNT = 14


def batch(jobs: list[dict[str, Any]], folder: str, *options: str) -> None:
    done = CliRunner().invoke(
        app, ["batch", write(jobs), "-o", folder, "-m", "tiny", *options], prog_name="unidiff"
    )
    assert done.exit_code == 0, done.stderr


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exact")


@pytest.fixture
def jobs(house: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Two jobs of each mode, and their answers in `whole`, made one by one."""
    monkeypatch.chdir(house)
    if not Path("photo.png").exists():
        Image.effect_noise((50, 40), 80).save("photo.png")
    kinds: list[dict[str, Any]] = [
        {"mode": "t2i", "prompt": "a red fox in the snow"},
        {"mode": "i2t", "image": "photo.png"},
        {"mode": "joint", "count": 2},
        {"mode": "i"},
        {"mode": "t", "caption": "nucleus"},
        {"mode": "i2t2i", "image": "photo.png"},
        {"mode": "t2i2t", "prompt": "an owl"},
    ]
    jobs = [{"custom_id": f"job-{k}", "steps": 2, **kinds[k % 7]} for k in range(COUNT)]
    if not Path("whole").exists():
        batch(jobs, "whole", "--batch-size", "1")
    assert len(records("whole")) == COUNT
    return jobs


def check(folder: str) -> None:
    """The answers in the folder are those of `whole`, to the last bit of each picture."""
    found = {record["custom_id"]: record for record in records(folder)}
    assert found == {record["custom_id"]: record for record in records("whole")}
    assert pixels(folder) == pixels("whole")


@pytest.mark.parametrize("size", [2, 3, 16])
def test_batch_size(jobs: list[dict[str, Any]], size: int) -> None:
    batch(jobs, f"size-{size}", "--batch-size", str(size))
    check(f"size-{size}")


def test_order(jobs: list[dict[str, Any]]) -> None:
    shuffled = random.Random(0).sample(jobs, COUNT)
    batch(shuffled, "order", "--as-finished", "--batch-size", "4")
    check("order")


def test_shards(jobs: list[dict[str, Any]]) -> None:
    for shard in ("1/2", "2/2"):
        batch(jobs, "shards", "--shard", shard)
    batch(jobs, "shards")
    parts = [record for k in (1, 2) for record in records("shards", f"results-{k}-of-2.jsonl")]
    assert sorted(map(str, parts)) == sorted(map(str, records("whole")))
    assert pixels("shards") == pixels("whole")


def test_workers(jobs: list[dict[str, Any]]) -> None:
    # The folder says how many threads a process has; of its own accord each worker would take half.
    Path("workers/pictures").mkdir(parents=True)
    Path("workers/manifest.json").write_bytes(Path("whole/manifest.json").read_bytes())
    batch(jobs, "workers", "--workers", "2")
    check("workers")


def test_memory_changes_no_picture_and_is_recorded(jobs: list[dict[str, Any]]) -> None:
    batch(jobs[:2], "low", "--memory", "low")
    assert {record["made_with"]["memory"] for record in records("low")} == {"low"}
    for name, picture in pixels("low").items():
        assert picture == pixels("whole")[name]


def test_another_run_seed_is_another_run(jobs: list[dict[str, Any]]) -> None:
    batch(jobs[3:4], "seed", "--seed", "1")
    assert pixels("seed")["job-3.png"] != pixels("whole")["job-3.png"]
