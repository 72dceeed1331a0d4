"""Every example runs, on the model of random weights, and leaves what it says."""

from __future__ import annotations

import ast
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
    "minimal.py": (["a red fox", "fox.png", "3"], ["fox.png"]),
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


def test_the_method_fits_on_a_page_and_asks_nobody_else() -> None:
    text = (EXAMPLES / "minimal.py").read_text()
    assert len(text.splitlines()) <= 150
    tree, outside = ast.parse(text), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            outside |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            outside.add(node.module or "")
    ours = {name for name in outside if name.startswith("unidiff_cli.")}
    assert all(name.split(".")[1] in ("core", "nets") for name in ours)
    theirs = {name.split(".")[0] for name in outside} - sys.stdlib_module_names
    assert theirs == {"torch", "safetensors", "unidiff_cli"}


@pytest.mark.parametrize("prompt", ["a red fox", "2 blue owls, and a tree"])
def test_the_method_on_a_page_draws_the_same_pixels(
    prompt: str, address: Path, tmp_path: Path
) -> None:
    for program, path, arguments in (
        (str(EXAMPLES / "minimal.py"), tmp_path / "minimal", [prompt, "page.png", "3"]),
        ("unidiff", tmp_path / "unidiff", ["t2i", prompt, "--seed", "3", "-o", "ours.png", "-q"]),
    ):
        warm.client(path, address, program)
        subprocess.run(
            [path, *arguments], env={**os.environ, "UNIDIFF_MODEL": "starter"}, check=True
        )
    with Image.open("page.png") as page, Image.open("ours.png") as ours:
        assert page.size == ours.size == (128, 128)
        assert page.convert("RGB").tobytes() == ours.convert("RGB").tobytes()
