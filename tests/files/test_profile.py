"""The mark in the colour profile: found again, and no colour is changed by it."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from tests.files.pictures import ours
from unidiff_cli.files.metadata import read_metadata
from unidiff_cli.files.output import encode
from unidiff_cli.files.pictures import open_picture
from unidiff_cli.files.profile import mark_in, marked_srgb
from unidiff_cli.files.xmp import TRAINED


def test_it_is_srgb_to_those_who_define_profiles() -> None:
    profile = ImageCms.ImageCmsProfile(BytesIO(marked_srgb()))
    srgb = ImageCms.createProfile("sRGB")
    noise = Image.merge("RGB", [Image.effect_noise((64, 64), 90) for _ in range(3)])
    assert ImageCms.profileToProfile(noise, profile, srgb) == ImageCms.profileToProfile(
        noise, ImageCms.createProfile("sRGB"), srgb
    )
    assert ImageCms.getProfileCopyright(profile).strip() == TRAINED
    marked_srgb.cache_clear()
    assert marked_srgb() == profile.tobytes()


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_it_alone_is_a_mark_and_leaves_the_colours(suffix: str) -> None:
    noise = Image.merge("RGB", [Image.effect_noise((64, 64), 90) for _ in range(3)])
    plain = encode(noise, f".{suffix}", [])
    Path("plain").write_bytes(plain)
    assert read_metadata("plain").digital_source is None
    with Image.open("plain") as picture:
        picture.save(f"a.{suffix}", icc_profile=marked_srgb(), quality=95, lossless=True)
    known = read_metadata(f"a.{suffix}")
    assert (known.records, known.digital_source) == ((), TRAINED)
    with Image.open(f"a.{suffix}") as picture:
        assert open_picture(f"a.{suffix}").tobytes() == picture.convert("RGB").tobytes()
    with Image.open(ours(f"b.{suffix}")) as picture:
        assert picture.info["icc_profile"] == marked_srgb()


@pytest.mark.parametrize("profile", [None, "", b"", b"x", b"\0" * 999, "words", bytes(2**21)])
def test_other_profiles_have_none(profile: object) -> None:
    assert mark_in(profile) == ""
    assert mark_in(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()) == ""


def test_it_is_found_in_either_encoding_wherever_it_stands() -> None:
    for text in (TRAINED.encode(), TRAINED.encode("utf-16-be")):
        assert mark_in(bytes(8) + text + bytes(8)) == TRAINED
        assert mark_in(bytes(7) + text + bytes(8)) == TRAINED
