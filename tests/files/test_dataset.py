"""Data sets as they come, by one reader."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from unidiff_cli.errors import InputError
from unidiff_cli.evaluate import rows
from unidiff_cli.files import dataset
from unidiff_cli.files.pictures import open_picture
from unidiff_cli.gallery.collect import Item, collect
from unidiff_cli.train import data


def png(path: str = "") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6), "red").save(buffer, "PNG")
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(buffer.getvalue())
    return buffer.getvalue()


def tar(path: str, members: dict[str, bytes]) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            archive.addfile(header, io.BytesIO(content))


def texts(path: str) -> list[str]:
    """What is found, by all three that read data sets; they agree."""
    found, _ = data.read(Path(path))
    good = [row for row in found if isinstance(row, data.Row)]
    assert all(row.open().size == (8, 6) for row in good)
    trained = [row.text for row in good]
    measured = [(row.image, row.text) for row in rows.read(Path(path)) if row.text]
    assert sorted(str(text) for _, text in measured) == sorted(trained)
    assert all(open_picture(image).size == (8, 6) for image, _ in measured if image)
    if Path(path).is_dir():
        shown = [item for item in collect(Path(path), str) if isinstance(item, Item)]
        assert sorted(item.caption for item in shown if item.caption) == sorted(trained)
        assert all(item.picture().size == (8, 6) for item in shown)
    return trained


def problems(path: str) -> list[str]:
    return [f"{item.name}: {item.problem}" for item in dataset.read(Path(path))[0] if item.problem]


def test_pictures_and_texts_that_are_no_neighbours() -> None:
    pictures = {f"./{n}.png": png() for n in range(3)}
    tar("set/a.tar", pictures | {f"./{n}.txt": f"word {n}".encode() for n in range(3)})
    assert texts("set") == texts("set/a.tar") == ["word 0", "word 1", "word 2"]


def test_fields_with_dots() -> None:
    tar("set/a.tar", {"s0.input.png": png(), "s0.outputs.txt": b"a fox"})
    tar("set/b.tar", {"p.1.png": png(), "p.2.png": png(), "p.1.txt": b"one", "p.2.txt": b"two"})
    assert texts("set") == ["a fox", "one", "two"]
    tar("set/c.tar", {"x.mask.png": png(), "x.input.png": png(), "x.txt": b"which?"})
    assert problems("set") == ["c.tar: x: input.png, mask.png: which of them is meant?"]


def test_what_img2dataset_leaves() -> None:
    about = json.dumps({"caption": "in a json", "url": "https://example.org"}).encode()
    tar("set/a.tar", {"000.jpg": png(), "000.json": about, "001.jpg": png(), "001.json": b"{}"})
    assert texts("set") == ["in a json"]
    assert problems("set") == ["a.tar: 001: no caption in json"]


def test_what_macos_puts_beside_each_file() -> None:
    tar(
        "set/a.tar",
        {"./._a.png": b"\0\5\x16\7", "./a.png": png(), "./._a.txt": b"\0", "./a.txt": b"x"},
    )
    assert texts("set") == ["x"]
    assert problems("set") == []


def test_what_others_pack_besides_is_no_sample() -> None:
    rest = {"PaxHeader/a.txt": b"30 mtime", "__MACOSX/._a.png": b"", "README": b"hello"}
    tar("set/a.tar", {**rest, "a.png": png(), "deep/.DS_Store": b"", "a.txt": b"x"})
    assert texts("set") == ["x"]
    assert problems("set") == []


def test_tables_below_the_folder() -> None:
    for name in ("set/train/a.png", "set/train/b.png", "set/test/c.png", "set/d.png"):
        png(name)
    Path("set/train/metadata.jsonl").write_bytes(
        b'\xef\xbb\xbf{"file_name": "a.png", "caption": "one"}\n'
        b'{"file_name": "b.png", "prompt": "two"}\n{"file_name": "b.png", "label": 3}\n'
    )
    table = 'file_name,text\r\nc.png,"three, and ""more"""\r\n'
    Path("set/test/metadata.csv").write_text(table, "utf-16", newline="")
    assert texts("set/test/metadata.csv") == ['three, and "more"']
    assert texts("set") == ['three, and "more"', "one", "two"]
    assert problems("set") == [
        "d.png: no d.txt beside it",
        "metadata.jsonl line 3 (b.png): no text, caption or prompt; it has file_name, label",
    ]


def test_captions_of_two_suffixes() -> None:
    for name in "abcd":
        png(f"set/{name}.png")
    Path("set/a.txt").write_text("by txt")
    Path("set/a.caption").write_text("not this one")
    Path("set/b.caption").write_bytes("by caption".encode("utf-16"))
    Path("set/c.txt").write_text(" \n")
    Path("set/c.caption").write_text("the other is blank")
    Path("set/d.txt").write_bytes(b"\xef\xbb\xbf")
    assert texts("set") == ["by txt", "by caption", "the other is blank"]
    assert problems("set") == ["d.png: the caption is empty"]
    assert [item.source for item in dataset.read(Path("set"))[0]] == [
        ".txt",
        ".caption",
        ".caption",
        "",
    ]


def test_a_picture_with_several_captions() -> None:
    png("set/a.png")
    rows = '{"image": "a.png", "text": "one"}\n{"image": "./a.png", "text": "two"}\n'
    Path("set/pairs.jsonl").write_text(rows)
    (item,) = dataset.read(Path("set"))[0]
    assert item.texts == ("one", "two")
    assert len(list(data.read(Path("set"))[0])) == 2


def test_what_is_no_data_set() -> None:
    Path("a.doc").touch()
    with pytest.raises(InputError, match="neither a folder nor") as error:
        dataset.read(Path("a.doc"))
    assert "metadata.csv" in error.value.hint
