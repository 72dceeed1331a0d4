"""The examination's recipe: what is held out is asked apart, and claims are what scenes show."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from unidiff_cli.evaluate.clipart.claims import Claims, Thing

NOUNS = ("fox", "owl", "car", "rocket", "glasses", "cat", "dog", "tree")


@pytest.fixture
def drawings() -> Any:
    """Orange discs that stand for drawings: eight learned from, two kept back."""
    from clipart import Picture
    from examination import Drawings

    y, x = np.mgrid[:128, :128] - 63.5
    alpha = np.where(np.hypot(y, x) < 50, 255, 0)
    art = np.dstack([np.full((128, 128), level) for level in (250, 140, 30)] + [alpha])
    learned = [Picture(n, noun, noun, "noto", "train", "") for n, noun in enumerate(NOUNS)]
    kept = [Picture(n + 8, noun, noun, "noto", "val", "") for n, noun in enumerate(NOUNS[:2])]
    own = {p.row: art.astype(np.uint8) for p in [*learned, *kept]}
    made = SimpleNamespace(all=[*learned, *kept], art=own, learned=learned, kept=kept)
    made.of = lambda group: Drawings.of(made, group)
    made.realised = lambda scene: Drawings.realised(made, scene)
    return made


@pytest.mark.parametrize("group", ["trained", "combination", "drawing"])
def test_scenes_are_of_their_group(drawings: Any, group: str) -> None:
    from examination import drawn, group_of
    from scenes import combinations, held_out

    rng = np.random.default_rng(0)
    scenes = [drawn(group, drawings, number, rng)[0] for number in range(14)]
    assert {group_of(scene) for scene in scenes} == {group}
    found = [any(held_out(*words) for words in combinations(scene)) for scene in scenes]
    assert set(found) == {group == "combination"}
    assert {len(scene.things) for scene in scenes} == {1, 2}
    assert any(len(scene.things[0].corners) > 1 for scene in scenes)


def test_a_prompt_asks_for_what_its_scene_shows(drawings: Any) -> None:
    from captions import COLOURS
    from examination import drawn, prompt, shows, spellings

    from unidiff_cli.evaluate.clipart import claims

    words, rng = spellings(NOUNS), np.random.default_rng(1)
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
    from examination import tiled
    from PIL import Image

    from unidiff_cli.evaluate.clipart.examination import cut

    shots = [Image.new("RGB", (128, 128), (40 * n, 0, 0)) for n in range(5)]
    tiles = cut(tiled(shots), 5)
    assert tiles.shape == (5, 32, 32, 3)
    assert tiles[:, 16, 16, 0].tolist() == [0, 40, 80, 120, 160]
