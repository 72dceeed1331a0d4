"""Jobs, and the program that does them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from tests.batch import program
from tests.cli.conftest import environment

PROGRAM = [sys.executable, str(Path(program.__file__)), "batch"]


def start(*arguments: str, seconds: float = 0.0, **streams: Any) -> subprocess.Popen[bytes]:
    """`unidiff batch` with the fake model, a sample of which takes so long."""
    return subprocess.Popen(
        [*PROGRAM, *arguments],
        env=environment() | {"FAKE_SECONDS": str(seconds)},
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        | streams,
    )


def batch(*arguments: str, input: bytes | None = None, code: int = 0) -> tuple[str, str]:
    """Run it to its end: stdout and stderr."""
    streams = {} if input is None else {"stdin": subprocess.PIPE}
    process = start(*arguments, **streams)
    out, err = process.communicate(input, timeout=120)
    assert process.returncode == code, err.decode()
    return out.decode(), err.decode()


def write(jobs: Iterable[dict[str, Any] | str], name: str = "jobs.jsonl") -> str:
    """A file of jobs; what is text already is written as it is."""
    lines = [job if isinstance(job, str) else json.dumps(job) for job in jobs]
    Path(name).write_text("".join(f"{line}\n" for line in lines))
    return name


def records(folder: str | Path, name: str = "results.jsonl") -> list[dict[str, Any]]:
    """The lines of a results file, what differs from run to run left out."""
    found = []
    for line in Path(folder, name).read_bytes().splitlines():
        values = json.loads(line)
        values.pop("seconds")
        found.append(values)
    return found


def pixels(folder: str | Path) -> dict[str, bytes]:
    """The pictures in a folder of answers."""
    found = {}
    for path in sorted(Path(folder, "pictures").glob("*.png")):
        with Image.open(path) as picture:
            found[path.name] = picture.tobytes()
    return found


def mixed(count: int) -> list[dict[str, Any] | str]:
    """Jobs of all kinds; each tenth is broken, in ten ways."""
    Image.new("RGB", (40, 30), "red").save("photo.png")
    Path("cut.png").write_bytes(Path("photo.png").read_bytes()[:60])
    broken: list[dict[str, Any] | str] = [
        {"mode": "t3i", "prompt": "a fox"},
        {"mode": "i2t", "image": "missing.png"},
        {"mode": "i2t", "image": "cut.png"},
        {"mode": "t2i", "prompt": "a fox", "stpes": 3},
        {"mode": "t2i"},
        {"mode": "t2i", "prompt": "crash"},
        {"mode": "t2i", "prompt": "a fox", "steps": "3"},
        {"mode": "t2i", "prompt": "DegenerateResult"},
        "{rubbish",
        {"mode": "i2t2i", "image": "."},
    ]
    good: list[dict[str, Any]] = [
        {"mode": "t2i", "prompt": "a fox"},
        {"mode": "i2t", "image": "photo.png"},
        {"mode": "joint", "count": 2},
        {"mode": "t", "steps": 3, "seed": 7},
        {"mode": "i", "size": [64, 32]},
    ]
    jobs: list[dict[str, Any] | str] = []
    for number in range(count):
        wrong = number % 10 == 9
        job = broken[number // 10 % 10] if wrong else good[number % 5]
        jobs.append(job if isinstance(job, str) else {"custom_id": f"job-{number}", **job})
    return jobs
