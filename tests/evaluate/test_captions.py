"""Captions: values worked out by hand from the papers' formulas."""

from __future__ import annotations

import math

import pytest

from unidiff_cli.errors import InputError
from unidiff_cli.evaluate.captions import Case, bleu, cases, cider_d, has_noun, measure, words
from unidiff_cli.evaluate.rows import Row


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("A red fox, in the snow.", ["a", "red", "fox", "in", "the", "snow"]),
        ("The dog’s ball isn't red!", ["the", "dog", "'s", "ball", "is", "n't", "red"]),
        ("a snow-covered hill -- really", ["a", "snow-covered", "hill", "really"]),
        ("2 cafés", ["2", "cafés"]),
        ("...", []),
    ],
)
def test_words(text: str, tokens: list[str]) -> None:
    assert words(text) == tokens


def test_cider_d_of_two_words() -> None:
    """Two pictures. Case 1: "red fox" for "red fox": cosine 1 for n = 1, 2; nothing for n = 3, 4.

    So 10 (1 + 1 + 0 + 0) / 4 = 5. Case 2: "blue" for "blue dog". n = 1: the vectors are
    (ln 2) and (ln 2, ln 2): the clipped cosine is 1 / sqrt 2. One word shorter: exp(-1 / 72).
    """
    found = cider_d([Case("red fox", ("Red fox.",)), Case("blue", ("blue dog",))])
    assert found == pytest.approx([5.0, 10 * math.exp(-1 / 72) / math.sqrt(2) / 4])


def test_cider_d_clips_counts_and_weighs_rare_words() -> None:
    """Four pictures; "a" is said of all (weight 0), "dog" of two (ln 2), "red" of one (ln 4).

    "dog dog red" for "a dog red": n = 1: c = (2 ln 2, ln 4), r = (ln 2, ln 4), clipped to r where
    c is more: (ln^2 2 + ln^2 4) / |c||r|. n = 2: c has "dog dog" (unseen: ln 4) and "dog red"
    (ln 4), r "a dog" (of two, ln 2) and "dog red": ln^2 4 / |c||r|. Nothing longer is shared.
    """
    all_cases = [
        Case("dog dog red", ("a dog red",)),
        Case("a", ("a dog", "a cat")),
        Case("a", ("a hill",)),
        Case("a", ("a tree",)),
    ]
    two, four = math.log(2), math.log(4)
    one = (two**2 + four**2) / (math.hypot(2 * two, four) * math.hypot(two, four))
    pair = four**2 / (math.hypot(four, four) * math.hypot(two, four))
    assert cider_d(all_cases)[0] == pytest.approx(10 * (one + pair) / 4)


def test_cider_d_is_the_mean_over_references() -> None:
    """Against one reference the caption is all, against the other nothing."""
    found = cider_d(
        [Case("red fox runs fast", ("red fox runs fast", "b c d e")), Case("x", ("y",))]
    )
    assert found == pytest.approx([5.0, 0.0])


def test_bleu_by_hand() -> None:
    """Six words are all in a reference, 3 of 5 pairs, 1 of 4 triples; no word is missing."""
    found = bleu([Case("the cat is on a mat", ("the cat sat on a mat", "there is a mat"))])
    assert found["bleu-1"] == pytest.approx(6 / 6)
    assert found["bleu-2"] == pytest.approx(math.sqrt(6 / 6 * 3 / 5), rel=1e-5)
    assert found["bleu-3"] == pytest.approx((6 / 6 * 3 / 5 * 1 / 4) ** (1 / 3), rel=1e-5)
    assert found["bleu-4"] == 0
    short = bleu([Case("the cat", ("the cat sat on",))])
    assert short["bleu-1"] == pytest.approx(math.exp(1 - 4 / 2), rel=1e-5)


def test_simple_measures() -> None:
    values, notes = measure(
        [
            Case("Red foxes!", ("red foxes",), ("fox",)),
            Case("a fire truck", ("a lorry",), ("fire truck", "lorry")),
            Case("a fire truck", ("a lorry",), ("ruck",)),
            Case("a dog", ("a dog",)),
        ]
    )
    assert values["exact"] == 0.5
    assert values["noun"] == pytest.approx(2 / 3)
    assert values["distinct"] == 0.5
    assert "a set of 4 tells it little" in notes[0]
    assert measure([Case("a", ("a",))] * 10)[0]["noun"] is None
    assert measure([Case("a", ("a",))] * 10)[1] == []


def test_a_noun_is_a_whole_word() -> None:
    assert not has_noun(Case("a foxglove", (), ("fox",)))
    assert has_noun(Case("two boxes", (), ("box",)))


def test_references_are_found_by_key() -> None:
    row = Row(where="a.jsonl line 1", key="7", text="a fox")
    assert cases([row], {"7": ("a fox", "a dog")}) == [Case("a fox", ("a fox", "a dog"))]
    with pytest.raises(InputError, match="line 1 has no references"):
        cases([row], {"8": ("a fox",)})
    with pytest.raises(InputError, match="no caption"):
        cases([Row(where="x")], {})
