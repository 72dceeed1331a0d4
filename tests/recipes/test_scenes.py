"""What is shown, and that it is what the captions say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

NOUNS = ("fox", "owl")


def row(name: str, vendor: str = "noto", split: str = "train", **others: Any) -> dict[str, object]:
    return {"name": name, "vendor": vendor, "split": split, "tone": 0, "colours": [], **others}


def disc(rgb: tuple[int, int, int]) -> np.ndarray:
    """A disc of one colour on nothing, (128, 128, 4)."""
    y, x = np.mgrid[:128, :128] - 63.5
    alpha = np.where(np.hypot(y, x) < 50, 255, 0)
    return np.dstack([*(np.full((128, 128), level) for level in rgb), alpha]).astype(np.uint8)


def test_held_out_pictures_are_never_learned_from() -> None:
    from clipart import small_world, trained

    rows = [
        row("fox"),
        row("fox", "twemoji", "val"),
        row("fox", "fluent-3d", "test_combo"),
        row("fox", "fluent-flat", "test_concept_words_seen"),
        row("zombie"),
        row("fox", "streamline"),
        row("fox", tone=3),
    ]
    world = small_world(rows, {"fox": "fox"})
    assert [picture.row for picture in world] == [0, 1, 2, 3]
    assert [picture.row for picture in trained(world)] == [0]


def test_one_measured_colour_is_a_colour_word_of_the_world() -> None:
    from clipart import small_world

    rows = [row("fox", colours=c) for c in (["orange"], ["orange", "white"], ["gray"], [])]
    assert [p.colour for p in small_world(rows, {"fox": "fox"})] == ["orange", "", "", ""]


@pytest.mark.parametrize("colour", ["red", "green", "blue"])
def test_recolouring_turns_the_hue(colour: str) -> None:
    from scenes import recoloured

    new = recoloured(disc((250, 140, 30)), colour)
    assert new is not None
    assert ["red", "green", "blue"][int(new[64, 64, :3].argmax())] == colour
    assert (new[..., 3] == disc((0, 0, 0))[..., 3]).all()


def test_gray_things_keep_their_colours() -> None:
    from clipart import Picture
    from scenes import Scene, recoloured, shown

    gray = disc((128, 128, 128))
    assert recoloured(gray, "red") is None
    picture = Picture(0, "rock", "rock", "noto", "train", "")
    scene, shot = shown(Scene(picture, "red", "blue", False, (0, 0)), gray)
    assert scene.colour == ""
    assert tuple(shot[64, 64]) == (128, 128, 128)
    assert shot[0, 0].argmax() == 2


def test_pairs_depend_on_the_seed_and_the_index_alone() -> None:
    from clipart import Picture
    from render import train_pair

    pictures = [Picture(n, noun, noun, "noto", "train", "") for n, noun in enumerate(NOUNS)]
    art = np.stack([disc((250, 140, 30)), disc((120, 80, 40))])
    pairs = [train_pair(pictures, art, 5, index) for index in range(40)]
    again = train_pair(pictures, art, 5, 7)
    assert (again[1] == pairs[7][1]).all()
    assert again[2] == pairs[7][2]
    assert [scene.picture.noun for scene, _, _ in pairs[:3]] == ["fox", "owl", "fox"]
    for scene, _, captions in pairs:
        assert len(captions) == 3
        assert all(scene.picture.noun in text and scene.colour in text for text in captions)
