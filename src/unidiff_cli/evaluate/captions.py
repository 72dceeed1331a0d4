"""Captions against what people wrote: CIDEr-D, BLEU, and measures that need no explanation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from unidiff_cli.errors import InputError, UsageError
from unidiff_cli.evaluate import rows
from unidiff_cli.evaluate.rows import Row
from unidiff_cli.evaluate.words import TOKENIZER, words

LONGEST = 4
"""Words of the longest n-grams."""
SIGMA = 6.0
"""Words of difference in length that CIDEr-D tolerates."""
FEW = 10

Gram = tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """A caption, what people wrote of the same picture, and nouns that it should have one of."""

    text: str
    references: tuple[str, ...]
    nouns: tuple[str, ...] = ()

    @cached_property
    def words(self) -> list[str]:
        """Of the caption."""
        return words(self.text)

    @cached_property
    def wanted(self) -> list[list[str]]:
        """The words of each reference."""
        return [words(reference) for reference in self.references]


def cases(rows: Sequence[Row], references: Mapping[str, tuple[str, ...]]) -> list[Case]:
    """The captions with their references: the row's own, or those of the same id or picture."""
    found = []
    for row in rows:
        if row.text is None:
            raise InputError(f"{row.where} has no caption.", 'Captions are in "text".')
        known = row.references or references.get(row.key, ())
        if not known:
            raise InputError(
                f"{row.where} has no references.",
                'Add "references": [...] to the line, or give --references FILE with lines of '
                "the same id or picture.",
            )
        found.append(Case(row.text, known, row.nouns))
    return found


def answers_of(systems: Sequence[Path], references: Path | None) -> list[dict[str, Any]]:
    """The measures of each system's captions, as JSON values."""
    known = rows.references(references) if references else {}
    answers = []
    for path in systems:
        of = cases(rows.read(path), known)
        values, notes = measure(of)
        about = {"n": len(of), "tokenizer": TOKENIZER, "notes": notes}
        answers.append({"metric": "caption", "system": str(path), **values, **about})
    return answers


def measure(cases: Sequence[Case]) -> tuple[dict[str, float | None], list[str]]:
    """The measures by name, and what should be known of them.

    cider-d   0 to 10, where 1 is usually written as 100
    bleu-1..4 0 to 1, of the whole set; None without torchmetrics
    exact     share of captions that are word for word a reference
    noun      share that name one of the nouns; None where no row has nouns
    distinct  share of captions that no other caption equals
    """
    scores = cider_d(cases)
    named = [has_noun(case) for case in cases if case.nouns]
    said = Counter(tuple(case.words) for case in cases)
    values: dict[str, float | None] = {"cider-d": sum(scores) / len(scores)}
    notes = []
    try:
        values |= bleu(cases)
    except UsageError as error:
        values |= {f"bleu-{n}": None for n in range(1, LONGEST + 1)}
        notes.append(f"{error.message} {error.hint}")
    values["exact"] = sum(case.words in case.wanted for case in cases) / len(cases)
    values["noun"] = sum(named) / len(named) if named else None
    values["distinct"] = sum(count == 1 for count in said.values()) / len(cases)
    if len(cases) < FEW:
        notes.append(
            f"CIDEr-D weighs words by how few of the pictures they are said of; "
            f"a set of {len(cases)} tells it little"
        )
    return values, notes


def has_noun(case: Case) -> bool:
    """Whether one of the nouns is in the caption, as it is or in the plural."""
    text = f" {' '.join(case.words)} "
    nouns = [" ".join(words(noun)) for noun in case.nouns]
    return any(f" {noun}{end} " in text for noun in nouns for end in ("", "s", "es"))


def cider_d(cases: Sequence[Case]) -> list[float]:
    """CIDEr-D of each case (arXiv 1411.5726), with counts and logarithms as the COCO tools have.

    The mean over n = 1..4 and over the references of 10 exp(-d^2 / 2 sigma^2) times the clipped
    cosine min(c, r).r / |c||r|, where d is the difference in words, and c, r count n-grams, each
    weighed by log(N / number of the N pictures that have it in a reference).
    """
    seen: Counter[Gram] = Counter()
    for case in cases:
        seen.update({gram for reference in case.wanted for gram in grams(reference)})

    def weighed(tokens: Sequence[str]) -> list[dict[Gram, float]]:
        by_length: list[dict[Gram, float]] = [{} for _ in range(LONGEST)]
        for gram, count in grams(tokens).items():
            by_length[len(gram) - 1][gram] = count * math.log(len(cases) / max(1, seen[gram]))
        return by_length

    def likeness(caption: Sequence[str], reference: Sequence[str]) -> float:
        penalty = math.exp(-((len(caption) - len(reference)) ** 2) / (2 * SIGMA**2))
        pairs = zip(weighed(caption), weighed(reference), strict=True)
        return 10 * penalty * sum(clipped_cosine(c, r) for c, r in pairs) / LONGEST

    return [
        sum(likeness(case.words, reference) for reference in case.wanted) / len(case.wanted)
        for case in cases
    ]


def grams(tokens: Sequence[str]) -> Counter[Gram]:
    """How often each sequence of one to four words is there."""
    return Counter(
        tuple(tokens[start : start + n])
        for n in range(1, LONGEST + 1)
        for start in range(len(tokens) - n + 1)
    )


def clipped_cosine(caption: Mapping[Gram, float], reference: Mapping[Gram, float]) -> float:
    """min(c, r).r / |c||r|; 0 where one of the two is nothing."""
    norms = math.hypot(*caption.values()) * math.hypot(*reference.values())
    if not norms:
        return 0.0
    shared = caption.keys() & reference.keys()
    return sum(min(caption[gram], reference[gram]) * reference[gram] for gram in shared) / norms


def bleu(cases: Sequence[Case]) -> dict[str, float]:
    """BLEU-1 to BLEU-4 of the whole set, not smoothed, by torchmetrics."""
    try:
        from torchmetrics.functional.text import bleu_score
    except ImportError as error:
        raise UsageError(
            "BLEU needs the package torchmetrics.",
            "Install it with: pip install 'unidiff-cli[eval]'",
        ) from error
    captions = [" ".join(case.words) for case in cases]
    # Of references that are equally near in length the shorter counts, as in COCO's tools and
    # sacrebleu; torchmetrics takes the first.
    wanted = [[" ".join(each) for each in sorted(case.wanted, key=len)] for case in cases]
    return {
        f"bleu-{n}": float(bleu_score(captions, wanted, n_gram=n)) for n in range(1, LONGEST + 1)
    }
