"""Every example runs, on the model of random weights, and leaves what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"

CASES: dict[str, tuple[list[str], list[str]]] = {
    "round-trip.sh": ([], ["round-trip.png"]),
    "caption-folder.sh": (["photos"], ["photos/one.txt", "photos/two.txt", "captions.html"]),
    "best-of.sh": ([], ["tries.png", "liked.png"]),
    "pairs.sh": ([], ["pairs/metadata.jsonl", "pairs.html"]),
    "walks.sh": ([], ["chain.png", "between.png", "between.gif", "sweep.png"]),
    "describe.py": (["photos/one.png", "photos/two.png"], []),
    "variations.py": (["photos/one.png"], ["variations.png"]),
    "watch.py": (["a red apple"], ["watch.png"]),
}


def test_every_example_is_tested_and_in_the_table() -> None:
    files = {path.name for path in EXAMPLES.iterdir() if path.suffix in (".sh", ".py")}
    assert files == set(CASES)
    table = (EXAMPLES / "README.md").read_text()
    assert all(f"| `{name}` |" in table for name in files)


@pytest.mark.parametrize("name", CASES)
def test_it_runs(name: str, tmp_path: Path) -> None:
    arguments, left = CASES[name]
    Path("photos").mkdir()
    for photo, colour in (("one", "tomato"), ("two", "teal")):
        Image.new("RGB", (60, 40), colour).save(f"photos/{photo}.png")
    program = tmp_path / "bin" / "unidiff"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m unidiff_cli "$@"\n')
    program.chmod(0o755)
    python = program.with_name("python3")
    python.symlink_to(sys.executable)
    env = {
        **os.environ,
        "UNIDIFF_MODEL": "tiny",
        "UNIDIFF_DEVICE": "cpu",
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
    }
    run = sys.executable if name.endswith(".py") else "sh"
    done = subprocess.run(
        [run, str(EXAMPLES / name), *arguments],
        env=env, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for path in left:
        assert Path(path).stat().st_size > 0
    if not left:
        assert len(done.stdout.splitlines()) == len(arguments)
