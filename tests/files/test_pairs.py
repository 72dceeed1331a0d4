"""Pairs as training data, read back by the libraries that define the layouts."""

from __future__ import annotations

import errno
import json
import os
import tarfile
from collections.abc import Callable
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path
from typing import Any, get_args
from unittest import mock

import pytest
from PIL import Image

from unidiff_cli.errors import OutputError
from unidiff_cli.files import pairs as module
from unidiff_cli.files.pairs import Format, Pairs
from unidiff_cli.train.data import Row, read

ABOUT = {"mode": "joint", "seed": 1, "guidance": 3.0}
WORDS = ["a red fox", "an owl, \"quoted\" & 'so'", "ein Fuchs im Schnee: 雪"]
FORMATS: tuple[Format, ...] = get_args(Format)


def png(colour: int) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (16, 16), (colour, 0, 99)).save(buffer, "PNG")
    return buffer.getvalue()


def fill(folder: Path, format: Format, seeds: range = range(1, 4), close: bool = True) -> Pairs:
    end = nullcontext() if close else mock.patch.object(Pairs, "_close")
    with end, Pairs.opened(folder, format, ABOUT) as pairs:
        for seed in seeds:
            pairs.add(seed, png(seed), WORDS[seed % 3])
    return pairs


def enter(folder: Path, format: Format, **other: Any) -> None:
    with Pairs.opened(folder, format, ABOUT | other):
        pass


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != module.LOCK
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


@pytest.mark.filterwarnings("ignore")  # of the library that reads
@pytest.mark.parametrize("format", FORMATS)
def test_datasets_finds_the_pairs_by_itself(tmp_path: Path, format: Format) -> None:
    """With one shard, a settings.json in the folder was taken for the data."""
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    fill(tmp_path / "pairs", format)
    ways: dict[Format, list[tuple[str, dict[str, str]]]] = {
        "webdataset": [
            (str(tmp_path / "pairs"), {}),
            ("webdataset", {"data_dir": str(tmp_path / "pairs")}),
        ],
        "imagefolder": [(str(tmp_path / "pairs"), {})],
        "jsonl": [("json", {"data_files": str(tmp_path / "pairs" / "pairs.jsonl")})],
    }
    for name, options in ways[format]:
        rows = datasets.load_dataset(
            name, split="train", cache_dir=str(tmp_path / "cache"), **options
        )
        said = {row["txt"] if format == "webdataset" else row["text"] for row in rows}
        assert said == set(WORDS)


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
    rows = list(read(tmp_path / "pairs" / ("pairs.jsonl" if format == "jsonl" else ""))[0])
    assert all(isinstance(row, Row) for row in rows)
    found = {row.text: row.open().getpixel((0, 0))[0] for row in rows if isinstance(row, Row)}
    assert found == {WORDS[n % 3]: n for n in (1, 2, 3)}


@pytest.mark.parametrize("format", FORMATS)
def test_it_goes_on_where_it_stopped(tmp_path: Path, format: Format) -> None:
    fill(tmp_path / "pairs", format, range(1, 3), close=False)
    with Pairs.opened(tmp_path / "pairs", format, ABOUT) as pairs:
        assert pairs.seeds() == {1, 2}
        pairs.add(3, png(3), WORDS[0])
    assert pairs.seeds() == {1, 2, 3}
    fill(tmp_path / "whole", format)
    assert files(tmp_path / "pairs") == files(tmp_path / "whole")


@pytest.mark.parametrize("format", FORMATS)
def test_a_row_cut_off_is_no_pair(tmp_path: Path, format: Format) -> None:
    tmp_path /= "pairs"
    pairs = fill(tmp_path, format, close=False)
    data = pairs.rows.read_bytes()
    for kept, seeds in ((data[:-5], {1, 2}), (data[:10], set())):
        pairs.rows.write_bytes(kept)
        assert fill(tmp_path, format, range(0), close=False).seeds() == seeds


def test_tars_are_cut_at_a_thousand_and_equal_for_equal_pairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHARD", 2)
    for name in ("one", "two"):
        pairs = fill(tmp_path / name, "webdataset", range(1, 6))
        assert pairs.seeds() == set(range(1, 6))
    tars = files(tmp_path / "one")
    assert sorted(tars) == [
        ".settings.json",
        "pairs-000000.tar",
        "pairs-000001.tar",
        "pairs-000002.tar",
    ]
    assert tars == files(tmp_path / "two")


def test_a_kill_after_the_tar_leaves_no_pair_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path /= "pairs"
    pairs = fill(tmp_path, "webdataset", close=False)
    waiting = pairs.rows.read_bytes()
    fill(tmp_path, "webdataset", range(0))
    (tmp_path / "waiting").mkdir()
    pairs.rows.write_bytes(waiting)
    fill(tmp_path, "webdataset", range(0))
    assert len(list(tmp_path.glob("*.tar"))) == 1
    with tarfile.open(tmp_path / "pairs-000000.tar") as tar:
        assert len(tar.getnames()) == 9


def test_other_settings_are_refused_and_named(tmp_path: Path) -> None:
    tmp_path /= "pairs"
    fill(tmp_path, "jsonl")
    with pytest.raises(OutputError, match=r"guidance is 3\.0 there, 7\.0 here"):
        enter(tmp_path, "jsonl", guidance=7.0)
    with pytest.raises(OutputError, match="format is 'jsonl' there"):
        enter(tmp_path, "imagefolder")


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="not empty"):
        enter(tmp_path, "jsonl")


@pytest.mark.parametrize("format", FORMATS)
def test_one_process_at_a_time_fills_a_folder(tmp_path: Path, format: Format) -> None:
    with Pairs.opened(tmp_path / "pairs", format, ABOUT) as pairs:
        pairs.add(1, png(1), WORDS[1])
        with pytest.raises(OutputError, match="Another process is filling"):
            enter(tmp_path / "pairs", format)
        pairs.add(2, png(2), WORDS[2])
    assert fill(tmp_path / "pairs", format, range(3, 4)).seeds() == {1, 2, 3}


def test_a_folder_that_only_was_locked_is_new(tmp_path: Path) -> None:
    (tmp_path / "pairs").mkdir()
    (tmp_path / "pairs" / module.LOCK).touch()
    assert fill(tmp_path / "pairs", "jsonl").seeds() == {1, 2, 3}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("mark", ["\u2028", "\x85", "\v", "\f", "\n", "\r\n"], ids=ascii)
def test_no_mark_in_a_caption_ends_its_row(tmp_path: Path, format: Format, mark: str) -> None:
    with (
        mock.patch.object(Pairs, "_close"),
        Pairs.opened(tmp_path / "pairs", format, ABOUT) as pairs,
    ):
        pairs.add(1, png(1), f"a{mark}fox")
    assert fill(tmp_path / "pairs", format, range(2, 3)).seeds() == {1, 2}


@pytest.mark.parametrize("row", ['{"file_name": "mine.png", "text": "mine"}', "[1]", "mine"])
def test_rows_of_ones_own_are_let_be(tmp_path: Path, row: str) -> None:
    pairs = fill(tmp_path / "pairs", "imagefolder", range(1, 3))
    with pairs.rows.open("a") as table:
        table.write(f"{row}\n")
    assert fill(tmp_path / "pairs", "imagefolder", range(3, 4)).seeds() == {1, 2, 3}
    assert row in pairs.rows.read_text().splitlines()


def test_a_tar_that_was_taken_away_gives_its_number_to_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHARD", 1)
    fill(tmp_path / "pairs", "webdataset", range(1, 4))
    (tmp_path / "pairs" / "pairs-000000.tar").unlink()
    assert fill(tmp_path / "pairs", "webdataset", range(4, 5)).seeds() == {2, 3, 4}


def full(*_: object, **__: object) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("format", FORMATS)
def test_a_full_disk_leaves_whole_rows(tmp_path: Path, format: Format) -> None:
    pairs = fill(tmp_path / "pairs", format, range(1, 3), close=False)
    before = pairs.rows.read_bytes()
    plain = Path.open

    class Table:
        """A file that takes half of what it is given, once."""

        def __init__(self, file: Any) -> None:
            self.file, self.write = file, self.half

        def half(self, data: bytes) -> int:
            self.write = full
            return int(self.file.write(data[: len(data) // 2]))

        def __enter__(self) -> Table:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

    def opening(path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        file = plain(path, mode, *rest, **more)
        return Table(file) if mode == "ab" else file

    with (
        mock.patch.object(Path, "open", opening),
        pytest.raises(OutputError, match="No space left"),
    ):
        pairs.add(3, png(3), WORDS[0])
    assert pairs.rows.read_bytes() == before


@pytest.mark.parametrize("where", ["tarfile.TarFile.addfile", "os.replace", "pathlib.Path.unlink"])
def test_a_full_disk_while_packing_loses_no_pair(tmp_path: Path, where: str) -> None:
    pairs = fill(tmp_path / "pairs", "webdataset", close=False)
    with (
        mock.patch(where, full),
        pytest.raises(OutputError, match=r"000000\.tar cannot be written: No space"),
    ):
        pairs._close()
    assert not list((tmp_path / "pairs").glob(".*.tmp")) or where == "pathlib.Path.unlink"
    fill(tmp_path / "pairs", "webdataset", range(0))
    assert pairs.seeds() == {1, 2, 3}
    assert len(list((tmp_path / "pairs").glob("*.tar"))) == 1


def test_the_first_error_is_told_not_that_of_the_end(tmp_path: Path) -> None:
    def interrupted() -> None:
        with Pairs.opened(tmp_path / "pairs", "webdataset", ABOUT) as pairs:
            pairs.add(1, png(1), WORDS[1])
            raise KeyboardInterrupt

    with mock.patch("tarfile.TarFile.addfile", full), pytest.raises(KeyboardInterrupt):
        interrupted()
    assert Pairs(tmp_path / "pairs", "webdataset").seeds() == {1}
