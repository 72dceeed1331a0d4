import io
import json
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from unidiff_cli.errors import InputError
from unidiff_cli.train.data import BadRow, Row, read


def png(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (8, 6), "red").save(path)
    return path


def good(path: Path) -> list[tuple[str, tuple[int, int]]]:
    return [(row.text, row.open().size) for row in read(path)[0] if isinstance(row, Row)]


def bad(path: Path) -> list[str]:
    return [str(row) for row in read(path)[0] if isinstance(row, BadRow)]


def test_captions_beside_pictures(tmp_path: Path) -> None:
    for name in ("b", "a", "deep/c", "bare", "empty", "bytes"):
        png(tmp_path / f"{name}.png")
    (tmp_path / "a.txt").write_text("a\n  red\tsquare\n")
    (tmp_path / "b.txt").write_text("another")
    (tmp_path / "deep" / "c.txt").write_text("deep down")
    (tmp_path / "empty.txt").write_text(" \n")
    (tmp_path / "bytes.txt").write_bytes(b"caf\xe9")
    (tmp_path / "notes.txt").write_text("no picture of this name: not a row")
    size = (8, 6)
    assert good(tmp_path) == [("a red square", size), ("another", size), ("deep down", size)]
    lines = bad(tmp_path)
    assert lines[0] == "bare.png: no bare.txt beside it"
    assert lines[1].startswith("bytes.png: its caption cannot be read ('utf-8'")
    assert lines[2] == "empty.png: the caption is empty"
    assert len(lines) == 3


def test_hidden_files_are_no_rows(tmp_path: Path) -> None:
    for name in ("a.png", "._a.png", ".thumbnails/a.png"):
        png(tmp_path / name).with_suffix(".txt").write_text(name)
    assert [text for text, _ in good(tmp_path)] == ["a.png"]
    assert bad(tmp_path) == []


LINES = [
    '{"file_name": "a.png", "text": "one"}',
    "",
    '{"file_name": "a.png"}',
    '{"text": "nothing"}',
    '["a.png", "text"]',
    '{"file_name": "a.png", "text": ',
    '{"file_name": "gone.png", "text": "two"}',
    '{"image": "a.png", "text": "three"}',
    '{"image": "a.png", "text": 3}',
]
COMPLAINTS = [
    "line 3 (a.png): no text, caption or prompt; it has file_name",
    "line 4: no file_name or image; it has text",
    "line 5: no JSON object",
    "line 6: not JSON",
    "line 7 (gone.png): there is no such picture",
    "line 9 (a.png): no text, caption or prompt; it has image, text",
]


@pytest.mark.parametrize("name", ["metadata.jsonl", "any.jsonl"])
def test_json_lines(tmp_path: Path, name: str) -> None:
    png(tmp_path / "a.png")
    (tmp_path / name).write_text("\n".join(LINES))
    path = tmp_path if name == "metadata.jsonl" else tmp_path / name
    assert good(path) == [("one", (8, 6)), ("three", (8, 6))]
    found = bad(path)
    assert len(found) == len(COMPLAINTS)
    for line, complaint in zip(found, COMPLAINTS, strict=True):
        assert line.startswith(f"{name} {complaint}")


def test_what_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no .*none"):
        read(tmp_path / "none")
    (tmp_path / "a.doc").touch()
    with pytest.raises(InputError, match="neither a folder nor") as error:
        read(tmp_path / "a.doc")
    assert "metadata.jsonl" in error.value.hint


def test_webdataset(tmp_path: Path) -> None:
    picture = png(tmp_path / "a.png").read_bytes()
    members = {
        "0.png": picture,
        "0.txt": b"in a txt",
        "deep/1.small.png": b"another version, not ours to choose",
        "deep/1.JPG": picture,
        "deep/1.json": json.dumps({"text": "in a json"}).encode(),
        "2.txt": b"no picture",
        "3.png": picture,
    }
    folder = tmp_path / "tars"
    folder.mkdir()
    with tarfile.open(folder / "0.tar", "w") as tar:
        for name, content in members.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    for path in (folder, folder / "0.tar"):
        assert [text for text, _ in good(path)] == ["in a txt", "in a json"]
        assert bad(path) == [
            "0.tar: 2: no picture; it has txt",
            "0.tar: 3: no text; it has png",
        ]


def test_a_tar_cut_short_keeps_what_came_before(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "0.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        for name in ("0.png", "1.png"):
            tar.add(png(tmp_path / name), name)
            (tmp_path / "c.txt").write_text(name)
            tar.add(tmp_path / "c.txt", name.replace("png", "txt"))
    whole = (tmp_path / "0.tar").read_bytes()
    (tmp_path / "0.tar").write_bytes(whole[:2600])
    assert [text for text, _ in good(tmp_path / "0.tar")] == ["0.png"]
    assert bad(tmp_path / "0.tar")[-1].startswith("0.tar: the rest of this file is lost")
