"""Rows: folders, records of ours, lines of others, and what is wrong with a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.evaluate.conftest import Pictures
from unidiff_cli.errors import InputError
from unidiff_cli.evaluate import rows
from unidiff_cli.files.output import encode
from unidiff_cli.files.record import Record, Saved
from unidiff_cli.request import Request


def written(name: str, *lines: object) -> Path:
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def test_a_folder_of_pictures(pictures: Pictures) -> None:
    folder = pictures("some", 2, words="a block")
    (folder / ".hidden.png").write_bytes(b"")
    (folder / "deep").mkdir()
    Image.new("RGB", (8, 8)).save(folder / "deep" / "x.JPG", "JPEG")
    written("some/deep/metadata.jsonl", {"file_name": "x.JPG", "text": "a square"})
    assert [path.name for path in rows.pictures(folder)] == ["000.png", "001.png", "x.JPG"]
    assert [words for _, words in rows.pairs(rows.paired(folder))] == [
        "a block 0",
        "a block 1",
        "a square",
    ]


def test_a_file_that_is_not_there_has_the_code_of_one() -> None:
    with pytest.raises(InputError) as caught:
        rows.read(Path("nowhere.jsonl"))
    assert caught.value.code == "input.missing"


def test_our_pictures_tell_their_words() -> None:
    made = Record(request=Request(mode="t2i", prompt="a red fox"), outputs=(Saved(image="x.png"),))
    both = Record(request=Request(mode="joint"), outputs=(Saved(image="y.png", text="a dog"),))
    Path("ours").mkdir()
    for name, record in (("x", made), ("y", both)):
        picture = Image.new("RGB", (8, 8))
        Path(f"ours/{name}.png").write_bytes(encode(picture, ".png", [record]))
    assert [words for _, words in rows.pairs(rows.paired(Path("ours")))] == ["a red fox", "a dog"]
    Image.new("RGB", (8, 8)).save("ours/z.png")
    assert len(rows.pictures(Path("ours"))) == 3
    with pytest.raises(InputError, match=r"z\.png has no picture with words"):
        rows.paired(Path("ours"))


def test_our_records() -> None:
    t2i = Record(
        request=Request(mode="t2i", prompt="a fox", count=2),
        outputs=(Saved(image="a.png"), Saved(image="b.png")),
        custom_id="fox",
    ).to_json()
    i2t = Record(
        request=Request(mode="i2t", image="photo.jpg"), outputs=(Saved(text="a dog"),)
    ).to_json()
    failed = {"status": "error", "mode": "t2i", "prompt": "x", "outputs": [], "error": {}}
    path = written("run/results.jsonl", t2i, i2t, failed)
    Path("run/a.png").touch()
    assert rows.pairs(rows.paired(path)) == [
        (Path("run/a.png"), "a fox"),
        (Path("b.png"), "a fox"),  # not beside the file: from the current folder
        (Path("photo.jpg"), "a dog"),
    ]
    assert rows.pictures(path) == [Path("run/a.png"), Path("b.png")]
    assert [row.key for row in rows.read(path)] == ["fox", "fox", "photo.jpg"]


def test_lines_of_others() -> None:
    path = written(
        "theirs.jsonl",
        {"image": "a.png", "text": "a fox", "extra": 1},
        {"file_name": "b.png", "prompt": "a dog"},
    )
    assert rows.pairs(rows.paired(path)) == [(Path("a.png"), "a fox"), (Path("b.png"), "a dog")]


def test_prompts() -> None:
    Path("prompts.txt").write_text("a fox\n\n  a dog \n")
    assert rows.prompts(Path("prompts.txt")) == ["a fox", "a dog"]
    path = written("prompts.jsonl", {"prompt": "a fox"}, {"image": "x.png", "text": "a dog"})
    assert rows.prompts(path) == ["a fox", "a dog"]
    Path("none.txt").write_text("\n")
    with pytest.raises(InputError, match="no prompts"):
        rows.prompts(Path("none.txt"))


def test_references_in_one_line_or_in_many() -> None:
    path = written(
        "people.jsonl",
        {"id": 7, "references": ["a", "b"]},
        {"image": "deep/x.png", "text": "c"},
        {"image": "x.png", "text": "d"},
    )
    assert rows.references(path) == {"7": ("a", "b"), "x.png": ("c", "d")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "line 1 is not JSON"),
        ("[]", "line 1 is not a JSON object"),
        ('{"text": 1}', "line 1: text is text, got 1"),
        ('{"references": "x"}', "references is a list of texts"),
        ('{"outputs": [1]}', "outputs is a list of objects"),
        ("\n", "nothing to measure"),
        (b"\xff", "not text in UTF-8"),
    ],
)
def test_what_is_wrong_with_a_file(text: str | bytes, message: str) -> None:
    Path("x.jsonl").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=message):
        rows.read(Path("x.jsonl"))


def test_what_is_no_system() -> None:
    Path("x.doc").touch()
    Path("empty").mkdir()
    for name, message in (
        ("x.doc", "neither a folder"),
        ("none", "There is no none"),
        ("empty", "nothing to measure"),
    ):
        with pytest.raises(InputError, match=message):
            rows.read(Path(name))
    with pytest.raises(InputError, match="no pictures in empty"):
        rows.pictures(Path("empty"))


def test_only_the_end_of_a_line_ends_a_line() -> None:
    Path("rows.jsonl").write_bytes('{"id": 1, "text": "a\u2028fox\x85"}\r\n'.encode() * 2)
    assert [row.text for row in rows.read(Path("rows.jsonl"))] == ["a\u2028fox\x85"] * 2
    Path("prompts.txt").write_bytes("a\u2028fox\r\na\fdog".encode())
    assert rows.prompts(Path("prompts.txt")) == ["a\u2028fox", "a\fdog"]
