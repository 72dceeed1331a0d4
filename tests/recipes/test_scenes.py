"""What is shown, and that it is what the captions say."""

from __future__ import annotations

from dataclasses import replace
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
    assert [picture.row for picture in world] == [0, 1, 2, 3, 5]
    assert [picture.row for picture in trained(world)] == [0, 5]


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


def test_a_dull_thing_turns_red_and_not_brown() -> None:
    from scenes import recoloured

    for dull in ((150, 120, 190), (120, 150, 100)):  # an octopus, a cactus
        new = recoloured(disc(dull), "red")
        assert new is not None
        red, green, blue = (int(value) for value in new[64, 64, :3])
        assert red > 150
        assert max(green, blue) < 0.5 * red


def test_orange_parts_of_a_red_thing_are_red_too() -> None:
    from scenes import recoloured

    fox = disc((220, 90, 30))
    fox[:50, :, :3] = (250, 200, 60)  # lighter and yellower
    new = recoloured(fox, "red")
    assert new is not None
    assert int(new[45, 64, 1]) < 0.4 * int(new[45, 64, 0])


def picture(number: int, noun: str, vendor: str = "noto") -> Any:
    from clipart import Picture

    return Picture(number, noun, noun, vendor, "train", "")


def test_gray_things_keep_their_colours() -> None:
    from scenes import Scene, Shown, realise, recoloured

    gray = disc((128, 128, 128))
    assert recoloured(gray, "red") is None
    scene, shot = realise(Scene((Shown(picture(0, "rock"), "red"),), "blue"), [gray])
    assert scene.things[0].colour == ""
    assert tuple(shot[64, 64]) == (128, 128, 128)
    assert shot[0, 0].argmax() == 2


@pytest.mark.parametrize("count", [2, 3, 4])
def test_as_many_are_shown_as_are_said(count: int) -> None:
    from scenes import PART, PLACES, Scene, Shown, boxes, describe, render

    shown = Shown(picture(0, "fox"), side=PART, corners=PLACES[count])
    scene = Scene((shown,), "blue")
    shot = render(scene, [disc((250, 140, 30))])
    middles = [((left + right) // 2, (up + low) // 2) for left, up, right, low in boxes(shown)]
    assert [tuple(shot[y, x]) for x, y in middles] == [(250, 140, 30)] * count
    assert (shot[..., 0] > 200).mean() == pytest.approx(
        count * 25**2 * 3.14 / 128**2 * 0.9, rel=0.1
    )
    word = ["two", "three", "four"][count - 2]
    assert describe(scene, np.random.default_rng(0)).startswith(f"{word} foxes")


@pytest.mark.parametrize("relation", ["left of", "above"])
def test_two_things_stand_as_is_said(relation: str) -> None:
    from scenes import Shown, describe, render, together

    rng = np.random.default_rng(0)
    told = set()
    for _ in range(60):
        fox, owl = Shown(picture(0, "fox")), Shown(picture(1, "owl"))
        scene = together(fox, owl, relation, "white", rng)
        colours = {"fox": (250, 40, 30), "owl": (30, 40, 250)}
        shot = render(scene, [disc(colours[t.picture.noun]) for t in scene.things])
        red = np.argwhere((shot[..., 0] > 200) & (shot[..., 2] < 100)).mean(0)
        blue = np.argwhere((shot[..., 2] > 200) & (shot[..., 0] < 100)).mean(0)
        (y, x), text = blue - red, describe(scene, rng)
        said = text.split(" on ")[0].split(",")[0]
        told.add(said)
        true = {
            "a fox to the left of an owl": x > 50,
            "an owl to the left of a fox": x < -50,
            "a fox to the right of an owl": x < -50,
            "an owl to the right of a fox": x > 50,
            "a fox above an owl": y > 50,
            "an owl above a fox": y < -50,
            "a fox below an owl": y < -50,
            "an owl below a fox": y > 50,
            "a fox next to an owl": abs(x) > 50,
            "an owl next to a fox": abs(x) > 50,
            "a fox and an owl": True,
            "an owl and a fox": True,
        }
        assert true[said], said
    assert len(told) == (8 if relation == "left of" else 6)


def test_a_background_is_always_told_unless_it_is_white() -> None:
    from scenes import Scene, Shown, describe

    rng = np.random.default_rng(0)
    for background, least, most in (("blue", 200, 200), ("white", 5, 60)):
        scene = Scene((Shown(picture(0, "fox")),), background)
        told = sum(f" on a {background} background" in describe(scene, rng) for _ in range(200))
        assert least <= told <= most


def test_pairs_depend_on_the_seed_and_the_index_alone() -> None:
    from render import World

    pictures = [picture(n, noun) for n, noun in enumerate(NOUNS)]
    world = World(pictures, np.stack([disc((250, 140, 30)), disc((120, 80, 40))]))
    pairs = [world.pair(5, index) for index in range(240)]
    again = world.pair(5, 7)
    assert (again[1] == pairs[7][1]).all()
    assert again[2] == pairs[7][2]
    for index, (scene, _, captions) in enumerate(pairs):
        assert NOUNS[index % 2] in [thing.picture.noun for thing in scene.things]
        assert len(captions) == 3
        assert all(thing.colour in text for thing in scene.things for text in captions)
    assert {len(scene.things) for scene, _, _ in pairs} == {1, 2}
    assert len({len(scene.things[0].corners) for scene, _, _ in pairs}) == 4


def test_what_is_held_out_is_never_drawn() -> None:
    from scenes import combinations, draw_scene, held_out

    nouns = ("fox", "owl", "car", "hat", "bee", "cow", "sun", "bus")
    pictures = {"noto": [picture(n, noun) for n, noun in enumerate(nouns)]}
    rng = np.random.default_rng(0)
    drawn = set()
    for turn in range(4000):
        drawn |= set(combinations(draw_scene(pictures["noto"][turn % 8], pictures, rng)))
    assert not any(held_out(*words) for words in drawn)
    possible = {(c, n) for c in ("red", "blue", "green", "pink") for n in nouns}
    assert {words for words in possible if not held_out(*words)} <= drawn
    assert 0.02 < np.mean([held_out("red", f"thing{n}") for n in range(2000)]) < 0.08


def test_two_things_have_one_style() -> None:
    from scenes import draw_scene

    pictures = {
        "noto": [picture(0, "fox"), picture(1, "owl")],
        "twemoji": [picture(2, "fox", "twemoji"), picture(3, "bee", "twemoji")],
    }
    rng = np.random.default_rng(0)
    for turn in range(200):
        scene = draw_scene(pictures["noto"][turn % 2], pictures, rng)
        assert {thing.picture.vendor for thing in scene.things} == {"noto"}


def test_a_thing_never_stands_before_a_background_of_its_colour() -> None:
    from scenes import Mix, draw_scene

    orange = replace(picture(0, "fox"), colour="orange")
    rng = np.random.default_rng(0)
    scenes = [draw_scene(orange, {"noto": [orange]}, rng, Mix(several=0)) for _ in range(600)]
    shown = [(scene.things[0].colour or "orange", scene.background) for scene in scenes]
    assert all(colour != background for colour, background in shown)
    kept = {background for colour, background in shown if colour == "orange"}
    turned = {background for colour, background in shown if colour != "orange"}
    assert turned - kept == {"orange"}  # its own colour is no matter once it has another


def test_a_mix_says_how_often_colours_are_others() -> None:
    from scenes import Mix, draw_scene

    rng = np.random.default_rng(0)
    mix = Mix(several=0, recolour=0.8, background=0.1)
    scenes = [draw_scene(picture(0, "fox"), {"noto": []}, rng, mix) for _ in range(600)]
    assert 440 < sum(bool(scene.things[0].colour) for scene in scenes) < 520
    assert 30 < sum(scene.background != "white" for scene in scenes) < 90


@pytest.mark.parametrize("share", [0, 0.65, 1])
def test_a_mix_says_how_often_there_are_several_things(share: float) -> None:
    from scenes import Mix, draw_scene

    pictures = {"noto": [picture(0, "fox"), *(picture(n, f"thing {n}") for n in range(1, 40))]}
    rng, mix = np.random.default_rng(0), Mix(several=share)
    scenes = [draw_scene(pictures["noto"][0], pictures, rng, mix) for _ in range(600)]
    some = sum(len(scene.things[0].corners) > 1 for scene in scenes)
    two = sum(len(scene.things) == 2 for scene in scenes)
    assert (some + two) / 600 == pytest.approx(share, abs=0.05)
    assert some / 600 == pytest.approx(share * 3 / 7, abs=0.05)


def test_a_bare_name_says_what_is_there_and_nothing_more() -> None:
    from render import name
    from scenes import PLACES, Scene, Shown, together

    fox, owl = Shown(picture(0, "fox"), "red"), Shown(picture(1, "owl"))
    assert name(Scene((fox,), "blue")) == "a fox"
    assert name(Scene((replace(owl, corners=PLACES[3]),))) == "three owls"
    both = together(fox, owl, "above", "white", np.random.default_rng(1))
    assert name(both) in ("a fox and an owl", "an owl and a fox")


def test_once_takes_the_first_style_that_has_a_thing() -> None:
    from render import once_each

    pictures = [picture(0, "fox"), picture(1, "fox", "twemoji"), picture(2, "owl")]
    for styles, fox in ((["twemoji", "noto"], 1), (["noto", "twemoji"], 0)):
        assert {p.noun: p.row for p in once_each(pictures, styles)} == {"fox": fox, "owl": 2}
