"""Where texts stand in a file: found wherever that is, in whichever encoding, and bounded."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from PIL import Image

from tests.files.pictures import PROMPT, chunks, ours, png, record, texts_of, with_exif, written
from unidiff_cli.files.exif import comment_block
from unidiff_cli.files.metadata import document, has_room, read_metadata
from unidiff_cli.files.parameters import read_parameters, write_parameters
from unidiff_cli.files.xmp import TRAINED, packet


def test_the_record_of_a_png_is_plain_text_that_no_encoding_can_hurt() -> None:
    path = ours("a.png")
    assert texts_of(path) == {
        "unidiff": "tEXt",
        "DigitalSourceType": "tEXt",
        "parameters": "iTXt",  # the dash is not Latin-1
        "XML:com.adobe.xmp": "iTXt",
    }
    assert texts_of(ours("b.png", record("a café")))["parameters"] == "tEXt"
    assert document([record()]).isascii()


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_xmp_holds_the_record_too(suffix: str) -> None:
    """cwebp, for one, keeps nothing else of a PNG."""
    data = packet(document([record()]), "tiny", "random", PROMPT)
    name = f"a.{suffix}"
    if suffix == "png":
        written(name, *chunks(png()))
        head, *rest = chunks(Path(name))
        written(name, head, (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + data), *rest)
    else:
        Image.new("RGB", (8, 8)).save(name, xmp=data)
    known = read_metadata(name)
    assert known.records == (record(),)
    assert (known.place, known.digital_source) == ("XMP", TRAINED)


@pytest.mark.parametrize(
    ("name", "place"),
    [("a.png", "text 'unidiff'"), ("a.jpg", "EXIF UserComment"), ("a.webp", "EXIF UserComment")],
)
def test_the_place_of_a_record_is_told(name: str, place: str) -> None:
    assert read_metadata(ours(name)).place == place


def test_the_next_place_is_asked_where_the_first_is_damaged() -> None:
    parts = [
        (kind, data.replace(b'"seed": 3', b'"seed": x') if kind == b"tEXt" else data)
        for kind, data in chunks(ours("a.png"))
    ]
    known = read_metadata(written("b.png", *parts))
    assert (known.place, known.problem, known.records) == ("XMP", "", (record(),))


def test_what_is_too_much_for_exif_is_in_xmp_alone() -> None:
    """EXIF's UserComment takes two bytes a character, and a JPEG's markers hold 64 KiB each."""
    records = [record("x" * 400) for _ in range(70)]
    assert has_room("JPEG", records)
    known = read_metadata(ours("a.jpg", *records))
    assert (known.records, known.place) == (tuple(records), "XMP")
    assert not has_room("JPEG", records * 2)
    known = read_metadata(ours("b.jpg", *records * 2))
    assert (known.records, known.digital_source) == ((), TRAINED)


def test_texts_behind_the_pixels_are_found() -> None:
    """ImageMagick writes them there."""
    parts = chunks(ours("a.png"))
    behind = [part for part in parts if part[0] == b"tEXt"]
    before = [part for part in parts if part[0] in (b"IHDR", b"IDAT")]
    known = read_metadata(written("b.png", *before, *behind, (b"IEND", b"")))
    assert known.records == (record(),)
    assert known.digital_source == TRAINED


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt"])
def test_text_is_read_in_the_encoding_that_it_has(kind: bytes, encoding: str) -> None:
    """libvips writes an iTXt again as zTXt, and leaves it UTF-8."""
    words = "a café in Besançon".encode(encoding)
    body = b"\0" + zlib.compress(words) if kind == b"zTXt" else words
    head, *rest = chunks(png())
    path = written("a.png", head, (kind, b"Comment\0" + body), *rest)
    assert read_metadata(path).texts == {"Comment": "a café in Besançon"}


@pytest.mark.parametrize("name", ["Raw profile type xmp", "Raw profile type APP1"])
def test_xmp_is_read_as_imagemagick_keeps_it(name: str) -> None:
    data = packet(document([record()]), "tiny", "random", PROMPT)
    if name.endswith("APP1"):
        data = b"http://ns.adobe.com/xap/1.0/\0" + data
    text = f"\nxmp\n{len(data):8}\n" + "\n".join(data.hex()[n : n + 72] for n in range(0, 9999, 72))
    known = read_metadata(png(**{name: text}))
    assert (known.records, known.digital_source) == ((record(),), TRAINED)
    assert known.texts == {}
    assert read_metadata(png(**{name: "\nxmp\n 9\nno hex"})).texts == {}


def test_the_exif_comment_has_the_type_that_exif_says() -> None:
    block = comment_block("a")
    assert block[:4] == b"MM\0*"
    assert b"\x92\x86\0\7\0\0\0\x0a" in block  # UserComment, UNDEFINED, ten bytes
    assert block.endswith(b"UNICODE\0\0a")


@pytest.mark.parametrize("moving", [False, True])
def test_exif_of_a_webp_begins_with_its_tiff_header(moving: bool) -> None:
    from unidiff_cli.files.metadata import save_options
    from unidiff_cli.walks.montage import animation

    options = save_options("WEBP", [record()])
    pictures = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    if moving:
        Path("a.webp").write_bytes(animation(pictures, "WEBP", options)[0])
    else:
        ours("a.webp")
    data = Path("a.webp").read_bytes()
    start = data.index(b"EXIF") + 8
    assert data[start : start + 4] == b"MM\0*"
    assert read_metadata("a.webp").records == (record(),)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"<x",
        b"words",
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>',
        packet(document([record()]), "", "", "").replace(b'"seed": 3', b'"seed": x'),
        b"\xff\xfe<\0x\0/\0>\0",
    ],
    ids=range(7),
)
def test_xmp_that_says_nothing_of_ours_is_no_record(data: bytes) -> None:
    Image.new("RGB", (8, 8)).save("a.webp", xmp=data)
    assert read_metadata("a.webp").records == ()


def test_an_undeclared_character_does_not_break_the_packet() -> None:
    known = read_metadata(ours("a.jpg", record("a \x1b fox & <b>\0\ufffe")))
    assert known.records[0].request.prompt == "a \x1b fox & <b>\0\ufffe"
    assert known.digital_source == TRAINED


@pytest.mark.parametrize("name", ["a.gif", "a.tiff", "a.jpg", "a.png"])
def test_a_plain_picture_has_no_texts(name: str) -> None:
    options = {"compression": "tiff_lzw"} if name.endswith("tiff") else {}
    Image.effect_noise((20, 20), 50).save(name, **options)
    assert read_metadata(name).texts == {}


def test_a_comment_that_is_no_parameters_is_a_text() -> None:
    known = read_metadata(with_exif("a.jpg", comment=b"ASCII\0\0\0Screenshot"))
    assert (known.parameters, known.program) == (None, None)
    assert known.texts == {"UserComment": "Screenshot"}


def test_values_with_a_comma_or_a_colon_are_quoted() -> None:
    text = write_parameters(record("a fox", model="zorps, v2: x"))
    assert 'Model: "zorps, v2: x", ' in text
    assert read_parameters(text)["Model"] == "zorps, v2: x"
    assert "Model: zorps v2, " in write_parameters(record("a fox", model="zorps v2"))


@pytest.mark.parametrize("size", ["w" * 2**20, " " * 2**20, 'a:"' * 2**18, "Steps: 1," * 2**16])
def test_no_text_takes_long_to_read(size: str) -> None:
    assert isinstance(read_parameters(size), dict)


def test_a_record_without_its_prompt_says_so() -> None:
    bare = record().without_prompt()
    for name in ("a.png", "a.jpg", "a.webp"):
        path = ours(name, bare)
        assert b"caf" not in path.read_bytes()
        assert "café".encode("utf-16-be") not in path.read_bytes()
        (known,) = read_metadata(path).records
        assert known == bare
        assert known.withheld
    assert bare.to_json()["prompt_withheld"] is True
    assert "prompt" not in bare.to_json()
    assert write_parameters(bare).startswith("\nSteps: 5")
