"""The same jobs by Ray Data actors, one of which is killed on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.batch.shell import pixels, records, write
from tests.cli.conftest import environment
from unidiff_cli.cli.app import app

pytest.importorskip("ray.data", reason="needs unidiff-cli[ray]", exc_type=ImportError)

UNIDIFF = [sys.executable, "-m", "unidiff_cli", "batch"]


def start(folder: str, *options: str) -> subprocess.Popen[bytes]:
    quiet = {"OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    return subprocess.Popen(
        [*UNIDIFF, "jobs.jsonl", "-o", folder, "-m", "tiny", *options],
        env=environment() | quiet,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[bytes], code: int) -> str:
    _, err = process.communicate(timeout=400)
    assert process.returncode == code, err.decode()
    return err.decode()


def parent(process: int) -> int:
    """The process that started it; 0 where it is gone."""
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError):
        return 0


def actors(of: int) -> list[int]:
    """The processes of Ray's actors below a process."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            name = path.read_bytes()
        except OSError:
            continue
        above = process = int(path.parent.name)
        while above not in (0, 1, of):
            above = parent(above)
        if above == of and name.startswith(b"ray::MapWorker"):
            found.append(process)
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc")
def test_two_actors_one_of_them_killed_do_what_one_process_does() -> None:
    jobs: list[dict[str, Any] | str] = [
        {"custom_id": f"job-{k}", "mode": "t2i", "prompt": f"fox {k}", "steps": 20}
        for k in range(16)
    ]
    jobs[7:7] = [{"mode": "joint", "count": 2, "steps": 3}, {"mode": "nonsense"}]
    write(jobs)
    plain = CliRunner().invoke(app, ["batch", "jobs.jsonl", "-o", "plain", "-m", "tiny"])
    assert plain.exit_code == 6
    process = start("out", "--ray", "local", "--workers", "2")
    file = Path("out/results.jsonl")
    while not file.exists() or b'"ok"' not in file.read_bytes():
        assert process.poll() is None, finish(process, 6)
        time.sleep(0.05)
    victims = actors(process.pid)
    assert len(victims) == 2
    os.kill(victims[0], signal.SIGKILL)
    assert len(file.read_bytes().splitlines()) < 16
    err = finish(process, 6)
    assert "17 done, 1 failed" in err
    assert records("out") == records("plain")
    assert pixels("out") == pixels("plain")
    assert "line-9: Line 9: There is no mode 'nonsense'." in err
