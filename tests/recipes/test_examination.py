"""The examination's recipe: what is held out is asked apart, and claims are what scenes show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unidiff_cli.evaluate.clipart.claims import Claims, Thing

NOUNS = ("fox", "owl", "car", "rocket", "glasses", "cat", "dog", "tree")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Orange discs that stand for drawings in two styles; two of the first are kept back."""
    import examination

    y, x = np.mgrid[:128, :128] - 63.5
    alpha = np.where(np.hypot(y, x) < 50, 255, 0)
    disc = np.dstack([np.full((128, 128), level) for level in (250, 140, 30)] + [alpha])
    rows: list[dict[str, object]] = [
        {"name": noun, "vendor": vendor, "split": split, "tone": 0, "colours": []}
        for vendor, split, nouns in (
            ("noto", "train", NOUNS),
            ("noto", "val", NOUNS[:2]),
            ("twemoji", "train", NOUNS),
        )
        for noun in nouns
    ]
    monkeypatch.setattr(examination, "records", lambda _: rows)
    monkeypatch.setattr(examination, "nouns", lambda _: {noun: noun for noun in NOUNS})
    monkeypatch.setattr(
        examination, "pixels", lambda _, rows: [disc.astype(np.uint8) for _ in rows]
    )

    def make(*styles: str, alone: bool = False) -> Any:
        return examination.Drawings(Path(), Path(), styles, alone)

    return make


@pytest.mark.parametrize("group", ["trained", "combination", "drawing", "style"])
def test_scenes_are_of_their_group(world: Callable[..., Any], group: str) -> None:
    from examination import drawn
    from scenes import combinations, held_out

    rng, drawings = np.random.default_rng(0), world("noto")
    scenes = [drawn(group, drawings, number, rng)[0] for number in range(14)]
    assert {drawings.group_of(scene) for scene in scenes} == {group}
    vendors = {thing.picture.vendor for scene in scenes for thing in scene.things}
    assert vendors == {"twemoji" if group == "style" else "noto"}
    found = [any(held_out(*words) for words in combinations(scene)) for scene in scenes]
    assert set(found) == {group == "combination"}
    assert {len(scene.things) for scene in scenes} == {1, 2}
    assert any(len(scene.things[0].corners) > 1 for scene in scenes)


def test_a_starter_that_saw_things_alone_is_asked_for_things_alone(
    world: Callable[..., Any],
) -> None:
    from examination import drawn

    rng, drawings = np.random.default_rng(0), world("noto", "twemoji", alone=True)
    assert not drawings.of("style")
    for number in range(12):
        scene, _ = drawn("combination", drawings, number, rng)
        assert [len(thing.corners) for thing in scene.things] == [1]


def test_a_prompt_asks_for_what_its_scene_shows(world: Callable[..., Any]) -> None:
    from captions import COLOURS
    from examination import drawn, prompt, shows, spellings

    from unidiff_cli.evaluate.clipart import claims

    words, rng = spellings(NOUNS), np.random.default_rng(1)
    drawings = world("noto")
    for number in range(28):
        scene, _ = drawn("trained", drawings, number, rng)
        read = claims.read(prompt(scene, "trained", rng), words, frozenset(COLOURS))
        assert counted(read) == counted(shows(scene))
        assert read.background == shows(scene).background
        if read.relation:
            first, second = (thing.noun for thing in shows(scene).things)
            assert read.relations(first, second) <= shows(scene).relations(first, second)


def counted(said: Claims) -> set[Thing]:
    return set(said.things)


def test_prompts_are_seldom_asked_twice(
    world: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import examination

    monkeypatch.setattr(examination, "PROMPTS", {"trained": 24, "combination": 6, "style": 3})
    rows = examination.prompts(world("noto", "twemoji"), examination.spellings(NOUNS), 0)
    assert len(rows) == 30  # no drawing is in a style that was left out
    assert len({row["text"] for row in rows}) == 30


def test_claims_come_back_from_json() -> None:
    from examination import as_json

    said = Claims((Thing("fox", "red", 2),), "blue")
    assert Claims.from_json(as_json(said)) == said
    pair = Claims((Thing("fox"), Thing("car", "red")), "", "above")
    assert Claims.from_json(as_json(pair)) == pair


def test_plurals_are_spelt_and_what_cannot_be_counted_is_not() -> None:
    from examination import spellings

    assert spellings(["fox", "bread"]) == {"foxes": "fox", "fox": "fox", "bread": "bread"}
    assert spellings(["sheep"]) == {"sheep": "sheep"}


def test_small_copies_are_cut_from_the_sheet_that_they_were_put_in() -> None:
    from packing import tiled
    from PIL import Image

    from unidiff_cli.evaluate.clipart.examination import cut

    shots = [Image.new("RGB", (128, 128), (40 * n, 0, 0)) for n in range(5)]
    tiles = cut(tiled(shots), 5)
    assert tiles.shape == (5, 32, 32, 3)
    assert tiles[:, 16, 16, 0].tolist() == [0, 40, 80, 120, 160]
