"""Pairs as training data, read back by the libraries that define the layouts."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, get_args

import pytest
from PIL import Image

from unidiff_cli import pairs as module
from unidiff_cli.errors import OutputError
from unidiff_cli.pairs import Format, Pairs
from unidiff_cli.train.data import Row, read

ABOUT = {"mode": "joint", "seed": 1, "guidance": 3.0}
WORDS = ["a red fox", "an owl, \"quoted\" & 'so'", "ein Fuchs im Schnee: 雪"]
FORMATS: tuple[Format, ...] = get_args(Format)


def png(colour: int) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (16, 16), (colour, 0, 99)).save(buffer, "PNG")
    return buffer.getvalue()


def fill(folder: Path, format: Format, seeds: range = range(1, 4), close: bool = True) -> Pairs:
    pairs = Pairs.open(folder, format, ABOUT)
    for seed in seeds:
        pairs.add(seed, png(seed), WORDS[seed % 3])
    if close:
        pairs.close()
    return pairs


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def with_webdataset(folder: Path) -> dict[str, int]:
    webdataset = pytest.importorskip("webdataset", reason="webdataset is not installed")
    tars = [str(path) for path in sorted(folder.glob("*.tar"))]
    rows = webdataset.WebDataset(tars, shardshuffle=False).decode("pil").to_tuple("png", "txt")
    return {text: picture.getpixel((0, 0))[0] for picture, text in rows}


def with_datasets(folder: Path) -> dict[str, int]:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    rows = datasets.load_dataset(
        "imagefolder", data_dir=str(folder), split="train", cache_dir=str(folder.parent / "cache")
    )
    return {row["text"]: row["image"].getpixel((0, 0))[0] for row in rows}


def with_json(folder: Path) -> dict[str, int]:
    found = {}
    for row in map(json.loads, (folder / "pairs.jsonl").read_text(encoding="utf-8").splitlines()):
        with Image.open(folder / row["image"]) as picture:
            colour: Any = picture.getpixel((0, 0))
        found[row["text"]] = colour[0]
    return found


READERS: dict[Format, Callable[[Path], dict[str, int]]] = {
    "webdataset": with_webdataset,
    "imagefolder": with_datasets,
    "jsonl": with_json,
}


@pytest.mark.filterwarnings("ignore")  # of the libraries that read
@pytest.mark.parametrize("format", FORMATS)
def test_the_library_that_defines_the_layout_reads_it(tmp_path: Path, format: Format) -> None:
    fill(tmp_path / "pairs", format)
    assert READERS[format](tmp_path / "pairs") == {WORDS[n % 3]: n for n in (1, 2, 3)}


@pytest.mark.parametrize("format", FORMATS)
def test_the_trainer_reads_it(tmp_path: Path, format: Format) -> None:
    fill(tmp_path / "pairs", format)
    rows = list(read(tmp_path / "pairs" / ("pairs.jsonl" if format == "jsonl" else "")))
    assert all(isinstance(row, Row) for row in rows)
    found = {row.text: row.open().getpixel((0, 0))[0] for row in rows if isinstance(row, Row)}
    assert found == {WORDS[n % 3]: n for n in (1, 2, 3)}


@pytest.mark.parametrize("format", FORMATS)
def test_it_goes_on_where_it_stopped(tmp_path: Path, format: Format) -> None:
    fill(tmp_path / "pairs", format, range(1, 3), close=False)
    pairs = Pairs.open(tmp_path / "pairs", format, ABOUT)
    assert pairs.seeds() == {1, 2}
    pairs.add(3, png(3), WORDS[0])
    pairs.close()
    assert pairs.seeds() == {1, 2, 3}
    fill(tmp_path / "whole", format)
    assert files(tmp_path / "pairs") == files(tmp_path / "whole")


@pytest.mark.parametrize("format", FORMATS)
def test_a_row_cut_off_is_no_pair(tmp_path: Path, format: Format) -> None:
    tmp_path /= "pairs"
    pairs = fill(tmp_path, format, close=False)
    data = pairs.rows.read_bytes()
    pairs.rows.write_bytes(data[:-5])
    assert Pairs.open(tmp_path, format, ABOUT).seeds() == {1, 2}
    pairs.rows.write_bytes(data[:10])
    assert Pairs.open(tmp_path, format, ABOUT).seeds() == set()


def test_tars_are_cut_at_a_thousand_and_equal_for_equal_pairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHARD", 2)
    for name in ("one", "two"):
        pairs = fill(tmp_path / name, "webdataset", range(1, 6))
        assert pairs.seeds() == set(range(1, 6))
    tars = files(tmp_path / "one")
    assert sorted(tars) == [
        "pairs-000000.tar",
        "pairs-000001.tar",
        "pairs-000002.tar",
        "settings.json",
    ]
    assert tars == files(tmp_path / "two")


def test_a_kill_after_the_tar_leaves_no_pair_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path /= "pairs"
    pairs = fill(tmp_path, "webdataset", close=False)
    waiting = pairs.rows.read_bytes()
    pairs.close()
    (tmp_path / "waiting").mkdir()
    pairs.rows.write_bytes(waiting)
    again = Pairs.open(tmp_path, "webdataset", ABOUT)
    again.close()
    assert len(list(tmp_path.glob("*.tar"))) == 1
    with tarfile.open(tmp_path / "pairs-000000.tar") as tar:
        assert len(tar.getnames()) == 9


def test_other_settings_are_refused_and_named(tmp_path: Path) -> None:
    tmp_path /= "pairs"
    fill(tmp_path, "jsonl")
    with pytest.raises(OutputError, match=r"guidance is 3\.0 there, 7\.0 here"):
        Pairs.open(tmp_path, "jsonl", ABOUT | {"guidance": 7.0})
    with pytest.raises(OutputError, match="format is 'jsonl' there"):
        Pairs.open(tmp_path, "imagefolder", ABOUT)


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="not empty"):
        Pairs.open(tmp_path, "jsonl", ABOUT)
