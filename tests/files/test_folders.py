"""Folders of pictures: one rule for every command."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, features

from unidiff_cli.errors import InputError
from unidiff_cli.files import formats
from unidiff_cli.files.folders import expanded, look_into, pictures_in
from unidiff_cli.files.pictures import open_picture

PICTURE = Image.new("RGB", (8, 6), "red")


def names(folder: str = ".", glob: str | None = None) -> list[str]:
    return [path.as_posix() for path in look_into(Path(folder), glob).pictures]


def test_whatever_pillow_reads_is_taken() -> None:
    kinds = {"a.jpg": "JPEG", "b.jfif": "JPEG", "c.JPE": "JPEG", "g.tga": "TGA", "i.ico": "ICO"}
    if features.check("jpg_2000"):
        kinds["f.jp2"] = "JPEG2000"
    kinds["plain"] = "PNG"  # no suffix
    for name, kind in kinds.items():
        PICTURE.save(name, kind)
    Path("note").write_text("no picture")
    Path("film.mp4").touch()
    Path("page.eps").touch()
    Path("Thumbs.db").touch()
    for name in ("a.txt", "b.caption", "metadata.jsonl", "t.tar"):
        Path(name).touch()
    found = look_into(Path())
    assert [path.name for path in found.pictures] == sorted(kinds)
    assert all(open_picture(path).getbbox() for path in found.pictures)
    assert found.left_out == {"": 1, ".mp4": 1, ".eps": 1}
    assert found.note == (
        ".: left out what is no picture that can be read here: 1 without a suffix, 1 .eps, 1 .mp4"
    )
    assert [path.name for path in found.tables + found.tars] == ["metadata.jsonl", "t.tar"]


def test_folders_inside_links_and_loops() -> None:
    for name in ("in/sub/deep", "in/.hidden", "elsewhere"):
        Path(name).mkdir(parents=True)
    for name in ("in/b.png", "in/sub/deep/a.png", "in/.hidden/x.png", "elsewhere/e.png"):
        PICTURE.save(name)
    Path("in/a-link").symlink_to(Path("elsewhere").resolve())
    Path("in/a-twin").symlink_to(Path("in/sub").resolve())
    Path("in/sub/loop").symlink_to(Path("in").resolve())
    Path("in/nowhere").symlink_to("gone")
    Path("in/file.png").symlink_to(Path("elsewhere/e.png").resolve())
    assert names("in") == ["in/a-link/e.png", "in/b.png", "in/file.png", "in/sub/deep/a.png"]


def test_a_pattern_chooses_by_name_or_by_path() -> None:
    Path("sub").mkdir()
    for name in ("a.jpg", "b.png", "sub/c.jpg"):
        PICTURE.save(name)
    assert names(glob="*.jpg") == ["a.jpg", "sub/c.jpg"]
    assert names(glob="sub/*") == ["sub/c.jpg"]
    files, (folder,) = expanded(["x.png", "."], "*.jpg")
    assert files == ["x.png", "a.jpg", "sub/c.jpg"]
    assert folder.note == ""
    with pytest.raises(InputError, match=r"^\. holds no picture like \*\.gif\.$"):
        expanded(["."], "*.gif")


def test_a_folder_that_may_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.scandir", refused)
    with pytest.raises(InputError, match="cannot be looked into: Permission denied"):
        pictures_in(Path())


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
JXL = b"\0\0\0\x0cJXL \r\n\x87\n"


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("p.heic", HEIC, "HEIF"),
        ("x.jpg", HEIC, "HEIF"),
        ("a", JXL, "JPEG XL"),
        ("b", b"\xff\n", "JPEG XL"),
    ],
)
def test_a_format_that_needs_more_is_named(
    name: str, data: bytes, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = tuple(each for each in formats.formats() if each not in formats.IDS.values())
    for module in ("unidiff_cli.files.pictures.formats", "unidiff_cli.files.formats.formats"):
        monkeypatch.setattr(module, lambda: known)
    formats.suffixes.cache_clear()
    Path(name).write_bytes(data)
    with pytest.raises(InputError, match=f"{name} is {kind}, which is not read") as error:
        open_picture(name)
    assert error.value.hint == formats.EXTRA[kind]
    if name == "p.heic":
        PICTURE.save("q.png")
        assert "1 .heic; for HEIF: pip install 'unidiff-cli[heif]'" in look_into(Path()).note
    formats.suffixes.cache_clear()


def test_a_phone_s_pictures_are_read_with_the_extra() -> None:
    pytest.importorskip("pillow_heif")
    formats.formats()
    PICTURE.resize((64, 64)).save("photo.heic", "HEIF", quality=90)
    assert names() == ["photo.heic"]
    red, green, blue = open_picture("photo.heic").getpixel((9, 9))  # type: ignore[misc]
    assert red > 240
    assert max(green, blue) < 20
