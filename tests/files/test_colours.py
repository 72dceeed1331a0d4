"""Colour profiles: what was meant is what the model sees."""

from __future__ import annotations

import struct

import pytest
from PIL import Image, ImageCms

from unidiff_cli.files.pictures import open_picture

SRGB = {
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.71410),
}
"""The primaries, adapted to D50, as the standard states them."""
P3 = {
    b"rXYZ": (0.51512, 0.24120, -0.00105),
    b"gXYZ": (0.29198, 0.69225, 0.04189),
    b"bXYZ": (0.15710, 0.06657, 0.78407),
}
WHITE = (0.9642, 1.0, 0.8249)


def fixed(*numbers: float) -> bytes:
    return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)


def profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A display's ICC profile of version 2."""
    at, table, data = 128 + 4 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        table += name + struct.pack(">II", at + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    body = struct.pack(">I", len(tags)) + table + data
    head = struct.pack(
        ">I4sI4s4s4s12x4s", 128 + len(body), b"", 0x2200000, b"mntr", space, b"XYZ ", b"acsp"
    )
    return head.ljust(68, b"\0") + fixed(*WHITE) + bytes(48) + body


def gamma(power: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(power * 256))


def text(kind: bytes) -> bytes:
    return kind + bytes(4) + struct.pack(">I", 2) + b"x\0" + bytes(78)


def rgb_profile(primaries: dict[bytes, tuple[float, ...]], power: float = 2.2) -> bytes:
    points = {name: b"XYZ " + bytes(4) + fixed(*xyz) for name, xyz in primaries.items()}
    curves = {name: gamma(power) for name in (b"rTRC", b"gTRC", b"bTRC")}
    white = {b"wtpt": b"XYZ " + bytes(4) + fixed(*WHITE)}
    return profile(
        b"RGB ", {b"desc": text(b"desc"), b"cprt": text(b"text"), **white, **points, **curves}
    )


SWAPPED = rgb_profile({b"rXYZ": SRGB[b"gXYZ"], b"gXYZ": SRGB[b"rXYZ"], b"bXYZ": SRGB[b"bXYZ"]})
"""A profile that exchanges red and green."""


def near(picture: Image.Image, wanted: tuple[int, ...], off: int = 4) -> bool:
    found = picture.getpixel((0, 0))
    assert isinstance(found, tuple)
    return len(found) == len(wanted) and all(
        abs(a - b) <= off for a, b in zip(found, wanted, strict=True)
    )


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_red_is_what_the_profile_says_is_red(format: str) -> None:
    Image.new("RGB", (16, 16), (0, 255, 0)).save("a", format, icc_profile=SWAPPED, quality=95)
    assert near(open_picture("a"), (255, 0, 0), 6)


@pytest.mark.parametrize("mode", ["P", "RGBA", "LA", "L"])
def test_every_mode_that_the_profile_is_for(mode: str) -> None:
    picture = Image.new("RGB", (4, 4), (0, 255, 0)).convert(mode)
    picture.save("a.png", icc_profile=SWAPPED)
    grey = mode.startswith("L")
    wanted = (150, 150, 150) if grey else (255, 0, 0)
    assert near(open_picture("a.png"), wanted)


def test_transparency_stays_over_white() -> None:
    picture = Image.new("RGBA", (2, 1), (0, 255, 0, 255))
    picture.putpixel((0, 0), (0, 255, 0, 0))
    picture.save("a.png", icc_profile=SWAPPED)
    seen = open_picture("a.png")
    assert seen.getpixel((0, 0)) == (255, 255, 255)
    assert near(seen.crop((1, 0, 2, 1)), (255, 0, 0))


def test_a_phone_s_colours_are_richer_than_their_numbers() -> None:
    Image.new("RGB", (4, 4), (200, 100, 50)).save("a.png", icc_profile=rgb_profile(P3))
    red, green, blue = open_picture("a.png").getpixel((0, 0))  # type: ignore[misc]
    assert red > 210
    assert green < 100 > blue


def test_srgb_is_left_to_the_bit() -> None:
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = Image.linear_gradient("L").convert("RGB")
    picture.save("a.png", icc_profile=own)
    assert open_picture("a.png").tobytes() == picture.tobytes()


def test_greys_have_profiles_too() -> None:
    white = b"XYZ " + bytes(4) + fixed(*WHITE)
    tags = {b"desc": text(b"desc"), b"cprt": text(b"text"), b"wtpt": white, b"kTRC": gamma(1.0)}
    Image.new("L", (4, 4), 55).save("a.png", icc_profile=profile(b"GRAY", tags))
    assert near(open_picture("a.png"), (128, 128, 128), 3)


def cmyk_profile() -> bytes:
    """A print shop's, whose ink in the first place is yellow and in the third cyan."""

    def table(kind: bytes, inputs: int, outputs: int, values: bytes) -> bytes:
        ramp = bytes(range(256))
        matrix = fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
        head = kind + bytes(4) + bytes([inputs, outputs, 2, 0]) + matrix
        return head + ramp * inputs + values + ramp * outputs

    srgb = ImageCms.createProfile("sRGB")
    lab = ImageCms.buildTransform(srgb, ImageCms.createProfile("LAB"), "RGB", "LAB")
    corners = b""
    for yellow in (0, 1):
        for magenta in (0, 1):
            for cyan in (0, 1):
                for black in (0, 1):
                    colour = tuple(255 * (1 - ink) * (1 - black) for ink in (cyan, magenta, yellow))
                    point = lab.apply(Image.new("RGB", (1, 1), colour)).tobytes()
                    corners += bytes([point[0], (point[1] + 128) % 256, (point[2] + 128) % 256])
    made = {b"A2B0": table(b"mft1", 4, 3, corners), b"desc": text(b"desc"), b"cprt": text(b"text")}
    whole = profile(b"CMYK", made | {b"wtpt": b"XYZ " + bytes(4) + fixed(*WHITE)})
    return whole[:12] + b"prtr" + whole[16:20] + b"Lab " + whole[24:]


@pytest.mark.parametrize("format", ["TIFF", "JPEG"])
def test_inks_are_what_the_profile_says(format: str) -> None:
    Image.new("CMYK", (16, 16), (255, 0, 0, 0)).save("a", format, icc_profile=cmyk_profile())
    red, green, blue = open_picture("a").getpixel((0, 0))  # type: ignore[misc]
    assert min(red, green) > 200  # yellow, which without the profile is cyan
    assert blue < 60


def test_adobe_s_inverted_jpeg_is_not_a_negative() -> None:
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save("a.jpg")
    with Image.open("a.jpg") as picture:
        assert "adobe" in picture.info
    assert near(open_picture("a.jpg"), (255, 0, 0), 6)


@pytest.mark.parametrize(
    ("raw", "said"),
    [(b"no profile", "is damaged and passed over"), (SWAPPED[:200], "is damaged and passed over")],
)
def test_a_damaged_profile_is_passed_over_with_a_note(
    raw: bytes, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    Image.new("RGB", (4, 4), (9, 200, 30)).save("a.png", icc_profile=raw)
    assert open_picture("a.png").getpixel((0, 0)) == (9, 200, 30)
    assert said in caplog.text
    assert "a.png" in caplog.text


def test_a_profile_of_other_colours_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    Image.new("RGB", (4, 4), (9, 200, 30)).save("a.png", icc_profile=cmyk_profile())
    assert open_picture("a.png").getpixel((0, 0)) == (9, 200, 30)
    assert "is for CMYK" in caplog.text
