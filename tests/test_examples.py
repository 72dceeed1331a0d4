"""Every example runs, on the model of random weights, and leaves what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests import warm

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


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with warm.serving(tmp_path_factory.mktemp("warm")) as address:
        yield address


@pytest.mark.parametrize("name", CASES)
def test_it_runs(name: str, address: Path, tmp_path: Path) -> None:
    arguments, left = CASES[name]
    Path("photos").mkdir()
    for photo, colour in (("one", "tomato"), ("two", "teal")):
        Image.new("RGB", (60, 40), colour).save(f"photos/{photo}.png")
    folder = tmp_path / "bin"
    warm.client(folder / "unidiff", address, "unidiff")
    warm.client(folder / "example.py", address, str(EXAMPLES / name))
    (folder / "python3").symlink_to(sys.executable)
    env = {
        **os.environ,
        "UNIDIFF_MODEL": "tiny",
        "UNIDIFF_DEVICE": "cpu",
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
    }
    run = [folder / "example.py"] if name.endswith(".py") else ["sh", EXAMPLES / name]
    done = subprocess.run(
        [*run, *arguments],
        env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for path in left:
        assert Path(path).stat().st_size > 0
    if not left:
        assert len(done.stdout.splitlines()) == len(arguments)
