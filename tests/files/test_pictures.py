"""Pictures of every kind and damage: upright opaque RGB, or one sentence."""

from __future__ import annotations

import os
import random
import threading
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from unidiff_cli.errors import InputError
from unidiff_cli.files import pictures
from unidiff_cli.files.folders import pictures_in
from unidiff_cli.files.pictures import open_picture, square


def saved(picture: Image.Image, name: str = "a.png", **options: object) -> str:
    picture.save(name, **options)
    return name


def pixel(source: str, at: tuple[int, int] = (0, 0)) -> tuple[int, ...]:
    opened = open_picture(source)
    assert opened.mode == "RGB"
    value = opened.getpixel(at)
    assert isinstance(value, tuple)
    return value


@pytest.mark.parametrize(
    ("mode", "colour", "name", "expected"),
    [
        ("1", 1, "a.png", (255, 255, 255)),
        ("L", 77, "a.png", (77, 77, 77)),
        ("LA", (77, 255), "a.png", (77, 77, 77)),
        ("LA", (0, 0), "a.png", (255, 255, 255)),
        ("RGB", (1, 2, 3), "a.bmp", (1, 2, 3)),
        ("RGB", (1, 2, 3), "a.tiff", (1, 2, 3)),
        ("RGB", (1, 2, 3), "a.ppm", (1, 2, 3)),
        ("RGBA", (255, 0, 0, 255), "a.png", (255, 0, 0)),
        ("RGBA", (255, 0, 0, 0), "a.png", (255, 255, 255)),
        ("RGBA", (255, 0, 0, 51), "a.png", (255, 204, 204)),
        ("RGBA", (0, 0, 0, 0), "a.webp", (255, 255, 255)),
        ("CMYK", (255, 0, 0, 0), "a.tiff", (0, 255, 255)),
        ("LAB", (255, 128, 128), "a.tiff", (254, 255, 254)),
        ("I;16", 65535, "a.png", (255, 255, 255)),
        ("I;16", 32896, "a.png", (128, 128, 128)),
        ("I;16", 300, "a.png", (1, 1, 1)),
        ("I", 32896, "a.tiff", (128, 128, 128)),
        ("I", 2**30, "a.tiff", (64, 64, 64)),
        ("F", 0.5, "a.tiff", (128, 128, 128)),
        ("F", 128.0, "a.tiff", (128, 128, 128)),
        ("F", float("inf"), "a.tiff", (0, 0, 0)),
        ("F", float("nan"), "a.tiff", (0, 0, 0)),
    ],
)
def test_every_mode(
    mode: str, colour: float | tuple[int, ...], name: str, expected: tuple[int, ...]
) -> None:
    assert pixel(saved(Image.new(mode, (4, 3), colour), name)) == expected


@pytest.mark.parametrize("place", range(5))
def test_greys_that_are_no_numbers_leave_the_others_as_they_are(place: int) -> None:
    greys = [0.25, 1.0, float("nan"), float("inf"), float("-inf")]
    picture = Image.new("F", (5, 1))
    picture.putdata(greys[place:] + greys[:place])
    opened = open_picture(saved(picture, "a.tiff"))
    found = [opened.getpixel((x, 0)) for x in range(5)]
    expected = [64, 255, 0, 255, 64]
    assert found == [(grey,) * 3 for grey in expected[place:] + expected[:place]]


def test_cmyk_jpeg_keeps_its_colours() -> None:
    cyan = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    red, green, blue = pixel(saved(cyan, "a.jpg", quality=95))
    assert red < 10
    assert min(green, blue) > 245


def test_16_bit_colour_is_scaled() -> None:
    # A 16-bit RGB PNG of one pixel, which Pillow does not write: 0x8080 each.
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    body = zlib.compress(b"\0" + b"\x80\x80" * 3)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    Path("a.png").write_bytes(data)
    assert pixel("a.png") == (128, 128, 128)


def test_palettes_with_and_without_transparency() -> None:
    picture = Image.new("P", (2, 1), 0)
    picture.putpalette([10, 20, 30, 200, 0, 0])
    picture.putpixel((1, 0), 1)
    assert pixel(saved(picture)) == (10, 20, 30)
    saved(picture, transparency=0)
    assert pixel("a.png") == (255, 255, 255)
    assert pixel("a.png", (1, 0)) == (200, 0, 0)
    saved(picture, transparency=b"\x00\x80")
    assert pixel("a.png", (1, 0))[0] in range(226, 229)


def test_one_transparent_colour() -> None:
    picture = Image.new("RGB", (2, 1), (1, 2, 3))
    picture.putpixel((1, 0), (9, 9, 9))
    saved(picture, transparency=(1, 2, 3))
    assert pixel("a.png") == (255, 255, 255)
    assert pixel("a.png", (1, 0)) == (9, 9, 9)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tiff"])
def test_an_animation_is_its_first_frame(suffix: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    options = {"lossless": True} if suffix == "webp" else {}
    saved(frames[0], f"a.{suffix}", save_all=True, append_images=frames[1:], **options)
    assert pixel(f"a.{suffix}") == (255, 0, 0)


@pytest.mark.parametrize(
    ("orientation", "size", "corner"),
    [(1, (3, 2), (0, 0)), (3, (3, 2), (2, 1)), (6, (2, 3), (1, 0)), (8, (2, 3), (0, 2))],
)
def test_exif_turns_it(orientation: int, size: tuple[int, int], corner: tuple[int, int]) -> None:
    picture = Image.new("RGB", (3, 2))
    picture.putpixel((0, 0), (255, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = orientation
    opened = open_picture(saved(picture, exif=exif))
    assert opened.size == size
    assert opened.getpixel(corner) == (255, 0, 0)


def test_exif_that_is_broken_is_no_matter() -> None:
    saved(Image.new("RGB", (3, 2), "red"), exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert pixel("a.png") == (255, 0, 0)


def test_bytes_files_paths_and_pictures_are_sources() -> None:
    saved(Image.new("RGBA", (2, 2), (0, 0, 0, 0)))
    data = Path("a.png").read_bytes()
    for source in (data, BytesIO(data), Path("a.png"), "a.png", Image.open(BytesIO(data))):
        assert open_picture(source).getpixel((0, 0)) == (255, 255, 255)


def test_a_named_pipe_is_read_to_its_end() -> None:
    saved(Image.new("RGB", (2, 2), "red"))
    os.mkfifo("pipe")
    writer = threading.Thread(
        target=lambda: Path("pipe").write_bytes(Path("a.png").read_bytes()), daemon=True
    )
    writer.start()
    assert pixel("pipe") == (255, 0, 0)
    writer.join(10)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"just some words", "is not a picture"),
        (b"%PDF-1.4", "is not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "is not a picture"),
    ],
)
def test_what_is_no_picture(data: bytes, words: str) -> None:
    Path("bad.png").write_bytes(data)
    with pytest.raises(InputError, match=f"^bad.png {words}") as caught:
        open_picture("bad.png")
    assert caught.value.hint


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "bmp", "tiff"])
def test_a_picture_that_is_cut_off(suffix: str) -> None:
    saved(Image.effect_noise((64, 64), 80).convert("RGB"), f"a.{suffix}")
    whole = Path(f"a.{suffix}").read_bytes()
    Path(f"cut.{suffix}").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="cut"):
        open_picture(f"cut.{suffix}")


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "tiff", "bmp", "ico", "tga"])
def test_damage_is_an_input_error_and_nothing_else(suffix: str) -> None:
    saved(Image.effect_noise((32, 32), 80).convert("RGB"), f"a.{suffix}")
    whole, dice = Path(f"a.{suffix}").read_bytes(), random.Random(suffix)
    refused = 0
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(dice.choice((1, 3, 30))):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        try:
            assert open_picture(bytes(damaged[: dice.choice((None, 60))])).mode == "RGB"
        except InputError:
            refused += 1
    assert refused


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    assert open_picture(saved(Image.new("1", (9, 9)))).size == (9, 9)
    with pytest.raises(InputError, match="more than"):
        open_picture(saved(Image.new("1", (20, 20))))


def test_a_pipe_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_BYTES", 1000)
    with pytest.raises(InputError, match="/dev/zero is longer"):
        open_picture("/dev/zero")


@pytest.mark.parametrize(
    ("name", "words"), [("a" * 300, "File name too long"), ("a.png/", "Not a directory")]
)
def test_what_cannot_be_opened_is_not_damaged(name: str, words: str) -> None:
    saved(Image.new("RGB", (2, 2)))
    with pytest.raises(InputError, match=f"cannot be read: {words}") as caught:
        open_picture(name)
    assert caught.value.hint == "Check the path."


def test_a_folder_gives_its_pictures_and_nothing_that_is_hidden() -> None:
    Path("deep/.thumbnails").mkdir(parents=True)
    for name in ("b.png", "a.JPG", ".c.png", "notes.txt", "deep/d.webp", "deep/.thumbnails/e.png"):
        Path(name).touch()
    Path("album.png").mkdir()
    assert [str(path) for path in pictures_in(Path())] == ["a.JPG", "b.png", "deep/d.webp"]


def test_a_forbidden_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refused)
    with pytest.raises(InputError, match=r"a.png may not be read"):
        open_picture("a.png")


@pytest.mark.parametrize(
    ("size", "box"), [((7, 4), (1, 0, 5, 4)), ((4, 7), (0, 1, 4, 5)), ((6, 6), (0, 0, 6, 6))]
)
def test_a_square_is_cropped_by_integer_division(
    size: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    picture = Image.effect_noise(size, 90).convert("RGB")
    by_hand = picture.crop(box).resize((16, 16), Image.Resampling.LANCZOS)
    assert square(picture, 16, 16).tobytes() == by_hand.tobytes()


def test_other_shapes_keep_what_fits() -> None:
    picture = Image.effect_noise((100, 100), 90).convert("RGB")
    by_hand = picture.crop((0, 25, 100, 75)).resize((64, 32), Image.Resampling.LANCZOS)
    assert square(picture, 64, 32).tobytes() == by_hand.tobytes()
    assert square(Image.new("RGB", (1, 1000)), 32, 16).size == (32, 16)
