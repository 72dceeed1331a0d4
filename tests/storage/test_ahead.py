"""The network's file is asked for while the libraries are imported; nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from unidiff_cli.storage import ahead

pytestmark = pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="a system without it")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    pieces: list[tuple[int, int]] = []
    monkeypatch.setattr(
        os, "posix_fadvise", lambda _, start, size, __: pieces.append((start, size))
    )
    return pieces


def model(folder: Path, size: int) -> str:
    """A folder with a network of so many bytes, none of them written."""
    sizes = {"config.json": 2, "uvit.safetensors": size, "vae.safetensors": size // 2}
    for name, length in sizes.items():
        with (folder / name).open("wb") as file:
            file.truncate(length)
    return str(folder)


def test_the_largest_file_is_asked_for_piece_by_piece(
    tmp_path: Path, asked: list[tuple[int, int]]
) -> None:
    size = ahead.BIG + 5
    thread = ahead.read_ahead(model(tmp_path, size))
    assert thread is not None
    thread.join()
    starts = [start for start, _ in asked]
    assert starts == list(range(0, size, ahead.PIECE))
    assert {piece for _, piece in asked} == {ahead.PIECE}


@pytest.mark.parametrize("name", ["small", "tiny", "starter"])
def test_nothing_is_asked_for_where_it_gains_nothing(
    name: str, tmp_path: Path, asked: list[tuple[int, int]]
) -> None:
    if name == "small":
        name = model(tmp_path, ahead.BIG - 1)
    assert ahead.read_ahead(name) is None
    assert not asked


def test_a_file_that_would_fill_the_memory_is_left_alone(
    tmp_path: Path, asked: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "memory", lambda: 2 * ahead.BIG - 1)
    assert ahead.read_ahead(model(tmp_path, ahead.BIG)) is None
    assert not asked


def test_a_model_that_is_not_there_is_told_before_the_libraries_are_loaded(tmp_path: Path) -> None:
    for name in ("nope", "nowhere/at-all", str(tmp_path)):
        script = f"""
import sys
from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.storage.ahead import read_ahead
try:
    read_ahead({name!r})
except ModelUnavailable:
    print("torch" in sys.modules)
"""
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        assert done.stdout == "False\n"


def test_a_file_that_vanishes_is_for_others_to_tell(tmp_path: Path) -> None:
    ahead.ask(tmp_path / "gone", ahead.BIG)
