"""Captions: values worked out by hand from the papers' formulas."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest

from unidiff_cli.errors import InputError
from unidiff_cli.evaluate import ngrams
from unidiff_cli.evaluate.captions import (
    Case,
    answers_of,
    cases,
    figures,
    has_noun,
    notes,
    perfect,
)
from unidiff_cli.evaluate.ngrams import LONGEST
from unidiff_cli.evaluate.rows import Row


def cider_d(some: list[Case]) -> list[float]:
    """Of each case."""
    likeness = ngrams.cider_d([case.wanted for case in some])
    return [likeness(case.words, case.wanted) for case in some]


def bleu(some: list[Case]) -> dict[str, float]:
    """By name."""
    return {n: each.value for n, each in figures(some).items() if n.startswith("bleu")}


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


def test_bleu_does_not_depend_on_the_order_of_references() -> None:
    """Of references that are equally near, the shorter counts."""
    for references in (("a b c d e f", "a b c d"), ("a b c d", "a b c d e f")):
        assert bleu([Case("a b c d e", references)])["bleu-1"] == pytest.approx(1)


def many() -> list[Case]:
    """Captions with one to five references of other lengths."""
    drawing = random.Random(0)

    def phrase() -> str:
        return " ".join(drawing.choices("abcdefghijkl", k=drawing.randint(4, 9)))

    return [Case(phrase(), tuple(phrase() for _ in range(k % 5 + 1))) for k in range(60)]


def test_bleu_and_cider_d_are_those_of_cocos_tools() -> None:
    coco_bleu = pytest.importorskip("pycocoevalcap.bleu.bleu")
    coco_cider = pytest.importorskip("pycocoevalcap.cider.cider")
    cases = many()
    wanted = {k: list(case.references) for k, case in enumerate(cases)}
    said = {k: [case.text] for k, case in enumerate(cases)}
    theirs, _ = coco_bleu.Bleu(LONGEST).compute_score(wanted, said, verbose=0)
    assert list(bleu(cases).values())[:3] == pytest.approx(theirs[:3], abs=1e-6)
    _, each = coco_cider.Cider().compute_score(wanted, said)
    assert cider_d(cases) == pytest.approx(list(each), abs=1e-12)


def test_bleu_is_that_of_sacrebleu() -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    cases = many()
    columns = [[(*case.references, *[None] * 4)[k] for case in cases] for k in range(5)]
    for n, ours in enumerate(bleu(cases).values(), 1):
        metric = sacrebleu.BLEU(max_ngram_order=n, smooth_method="none", tokenize="none")
        theirs = metric.corpus_score([case.text for case in cases], columns).score
        assert ours == pytest.approx(theirs / 100, abs=1e-6)


def test_simple_measures() -> None:
    some = [
        Case("Red foxes!", ("red foxes",), ("fox",)),
        Case("a fire truck", ("a lorry",), ("fire truck", "lorry")),
        Case("a fire truck", ("a lorry",), ("ruck",)),
        Case("a dog", ("a dog",)),
    ]
    found = figures(some)
    assert found["exact"].value == 0.5
    assert found["noun"].value == pytest.approx(2 / 3)
    assert found["distinct"].value == 0.5
    assert "a set of 4 tells it little" in notes(some)[0]
    assert "noun" not in figures([Case("a", ("a",))] * 10)
    assert notes([Case("a", ("a",))] * 10) == []


def test_perfect_captions_get_what_these_references_allow() -> None:
    """Of three words nobody can have more than three of the four lengths: 7.5, and no BLEU-4."""
    three = [Case("x", (f"a {noun} there",)) for noun in ("fox", "dog", "owl", "cow")]
    best = figures(perfect(three))
    assert best["cider-d"].value == pytest.approx(7.5)
    assert [best[f"bleu-{n}"].value for n in (1, 2, 3, 4)] == [1, 1, 1, 0]
    assert (best["exact"].value, best["distinct"].value) == (1, 1)
    odd = Case("x", ("blue cat", "red fox runs", "red fox runs fast"))
    assert perfect([odd, *three])[0].text == "red fox runs fast"


def test_two_systems_on_the_captions_that_both_have(tmp_path: Path) -> None:
    lines = [{"id": f"{k}", "text": f"a {k}", "references": [f"a {k}"]} for k in range(12)]
    wrong = [{**line, "text": "a 0"} for line in reversed(lines[:8])]
    for name, rows in (("ours", lines), ("theirs", wrong)):
        text = "".join(f"{json.dumps(row)}\n" for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(text)
    systems = [tmp_path / "ours.jsonl", tmp_path / "theirs.jsonl"]
    ours, theirs, apart = answers_of(systems, None, paired=True)
    assert (ours["n"], theirs["n"], apart["n"]) == (12, 8, 8)
    assert (apart["system"], apart["minus"]) == (str(systems[0]), str(systems[1]))
    assert apart["exact"] == pytest.approx(7 / 8)
    low, high = apart["interval"]["exact"]
    assert (low + high) / 2 == pytest.approx(7 / 8)
    assert high - low == pytest.approx(2 * 1.96 * (7 / 8 / 8 / 7) ** 0.5)  # one of eight differs
    assert ours["perfect"]["exact"] == 1
    assert "perfect" not in apart


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
