"""The record in a picture: written and read again, in every format, and never trusted."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image, PngImagePlugin

from unidiff_cli.errors import InputError, UsageError
from unidiff_cli.files.metadata import document, read_metadata
from unidiff_cli.files.output import encode
from unidiff_cli.files.parameters import write_parameters
from unidiff_cli.files.pictures import open_picture
from unidiff_cli.files.record import Failure, Record, Saved, line
from unidiff_cli.files.texts import MAX_TEXT
from unidiff_cli.files.xmp import TRAINED
from unidiff_cli.request import Request

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
PROMPTS = [
    "a fox",
    "Füchse, 狐 and 🦊",
    'quotes " and \\ and\nlines\tand {"format": "unidiff"}',
    "",
    "x" * 4000,
]


def record(prompt: str = "a fox", **settings: Any) -> Record:
    request = Request(
        **{
            "mode": "t2i",
            "prompt": prompt,
            "seed": 3,
            "steps": 5,
            "solver": "unipc",
            "guidance": 6.5,
            "size": (32, 16),
            **settings,
        }
    )
    return Record(
        request=request,
        outputs=(Saved(),),
        seconds=1.25,
        made_with={"model": "tiny", "revision": "random", "dtype": "fp32", "torch": "2"},
    )


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
@pytest.mark.parametrize("prompt", PROMPTS, ids=["plain", "unicode", "odd", "empty", "long"])
def test_a_record_comes_back_from_a_picture(prompt: str, suffix: str) -> None:
    Path("a").write_bytes(encode(Image.new("RGB", (32, 16)), suffix, [record(prompt)]))
    known = read_metadata("a")
    assert known.records == (record(prompt),)
    assert known.problem == ""
    assert (known.width, known.height) == (32, 16)
    assert known.digital_source == TRAINED


def test_parameters_are_as_automatic1111_writes_them() -> None:
    assert write_parameters(record()).splitlines() == [
        "a fox",
        "Steps: 5, Sampler: unipc, CFG scale: 7.5, Seed: 3, Size: 32x16, Model: tiny, "
        "Version: unidiff 0.1.0",
    ]
    Path("a.png").write_bytes(encode(Image.new("RGB", (32, 16)), ".png", [record()]))
    assert read_metadata("a.png").parameters == write_parameters(record())


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_xmp_is_xml_that_names_the_source(suffix: str) -> None:
    Path("a").write_bytes(encode(Image.new("RGB", (32, 16)), suffix, [record()]))
    with Image.open("a") as picture:
        xmp = picture.info.get("xmp") or picture.info["XML:com.adobe.xmp"].encode()
    description = next(ElementTree.fromstring(xmp.strip()).iter(f"{{{RDF}}}Description"))
    iptc = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    assert description.get(f"{{{iptc}}}DigitalSourceType") == TRAINED


def test_the_record_names_no_file_written() -> None:
    made = Record(
        request=record().request, outputs=(Saved(image="/home/somebody/a.png", text="words"),)
    )
    values = json.loads(document([made]))
    assert values["records"][0]["outputs"] == [{"text": "words"}]
    assert (values["format"], values["version"]) == ("unidiff", 1)


def test_records_are_json_both_ways() -> None:
    failed = Record(
        request=Request(mode="i2t", image="photo.jpg", seed=1),
        error=Failure(type="InputError", code="input.missing", message="no", hint="yes"),
        custom_id="job-1",
    )
    older = replace(failed, error=Failure(type="InputError", message="no"))
    for each in (record(), failed, older):
        assert Record.from_json(json.loads(line(each.to_json()))) == each
    assert failed.to_json()["status"] == "error"
    assert failed.to_json()["custom_id"] == "job-1"


@pytest.mark.parametrize(
    "change",
    [
        {"status": "fine"},
        {"status": None},
        {"outputs": "none"},
        {"outputs": [3]},
        {"outputs": [{"image": 3}]},
        {"outputs": [{"sound": "la"}]},
        {"error": "broken"},
        {"seconds": "soon"},
        {"seconds": float("inf")},
        {"made_with": {"torch": 2}},
        {"custom_id": 7},
        {"steps": 0},
        {"steps": True},
        {"size": [1, 2, 3]},
        {"solver": ["ddim"]},
        {"mode": {"a": 1}},
        {"mode": "video"},
        {"prompt": 3},
        {"extra": 1},
    ],
    ids=str,
)
def test_records_are_checked(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Record.from_json({**record().to_json(), **change})


def png(**texts: str) -> str:
    info = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        info.add_itxt(name, text)
    Image.new("RGB", (8, 8)).save("foreign.png", pnginfo=info)
    return "foreign.png"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "words",
        "{",
        "3",
        "[]",
        "{}",
        '{"format": "other"}',
        '{"format": "unidiff", "version": 2, "records": []}',
        '{"format": "unidiff", "version": 1}',
        '{"format": "unidiff", "version": 1, "records": [{"mode": "t2i"}]}',
        '{"format": "unidiff", "version": 1, "records": [[]]}',
        "[" * 100_000,
        '{"a":' * 100_000,
        "9" * 10_000,
    ],
    ids=range(14),
)
def test_a_chunk_that_is_no_record_is_a_problem_not_a_crash(text: str) -> None:
    known = read_metadata(png(unidiff=text))
    assert known.records == ()
    assert bool(known.problem) == bool(text)


def test_what_is_too_long_is_not_looked_at() -> None:
    known = read_metadata(png(unidiff=document([record()]) + " " * MAX_TEXT))
    assert (known.records, known.problem) == ((), "")


def test_foreign_texts_are_named() -> None:
    known = read_metadata(png(parameters="a cat\nSteps: 20", workflow="{}", Comment="hello"))
    assert known.records == ()
    assert known.parameters == "a cat\nSteps: 20"
    assert known.texts == {"Comment": "hello", "workflow": "{}"}


def test_a_comment_in_either_byte_order_or_ascii_is_read() -> None:
    for n, comment in enumerate(
        [
            b"UNICODE\0" + "a cat\nSteps: 20".encode("utf-16-le"),
            b"UNICODE\0" + "a cat\nSteps: 20".encode("utf-16-be"),
            b"ASCII\0\0\0" + b"a cat\nSteps: 20",
        ]
    ):
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9286] = comment
        Image.new("RGB", (8, 8)).save(f"{n}.jpg", exif=exif)
        assert read_metadata(f"{n}.jpg").parameters == "a cat\nSteps: 20"


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_no_picture_has_no_metadata(data: bytes) -> None:
    Path("a.png").write_bytes(data)
    with pytest.raises(InputError):
        read_metadata("a.png")


def test_names_that_are_no_text_are_escaped() -> None:
    written = line({"image": "caf\udce9.png"})
    assert written.isascii()
    assert json.loads(written)["image"] == "caf\udce9.png"


def test_a_model_whose_name_is_no_text_is_written_with_a_question_mark() -> None:
    made = replace(record(), made_with={"model": "caf\udce9"})
    Path("a.png").write_bytes(encode(Image.new("RGB", (32, 16)), ".png", [made]))
    known = read_metadata("a.png")
    assert known.records == (made,)
    assert "Model: caf?," in (known.parameters or "")


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
@pytest.mark.parametrize("header", [b"nonsense", b"II*\0", b"II*\0\xff\xff\xff\xff"], ids=repr)
def test_a_broken_exif_header_is_none(suffix: str, header: bytes) -> None:
    Image.new("RGB", (3, 2)).save(f"a.{suffix}", exif=b"Exif\0\0" + header)
    known = read_metadata(f"a.{suffix}")
    assert (known.width, known.height, known.parameters) == (3, 2, None)
    assert open_picture(f"a.{suffix}").size == (3, 2)


def test_no_damage_to_an_exif_header_hides_the_picture() -> None:
    exif, dice = Image.Exif(), random.Random(0)
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0a cat"
    whole = exif.tobytes()
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(dice.choice((1, 3))):
            damaged[dice.randrange(6, len(damaged))] = dice.randrange(256)
        end = dice.choice((None, dice.randrange(6, len(damaged))))
        Image.new("RGB", (3, 2)).save("a.png", exif=bytes(damaged[:end]))
        assert read_metadata("a.png").width == 3
        open_picture("a.png")
