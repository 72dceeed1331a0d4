"""Captions against what people wrote: CIDEr-D, BLEU, and measures that need no explanation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from unidiff_cli.errors import InputError
from unidiff_cli.evaluate import rows
from unidiff_cli.evaluate.intervals import Figure, mean, share
from unidiff_cli.evaluate.ngrams import bleu, cider_d
from unidiff_cli.evaluate.pairing import common, difference
from unidiff_cli.evaluate.rows import Row
from unidiff_cli.evaluate.words import TOKENIZER, words

FEW = 10
NAMES = ("cider-d", "bleu-1", "bleu-2", "bleu-3", "bleu-4", "exact", "noun", "distinct")


@dataclass(frozen=True)
class Case:
    """A caption, what people wrote of the same picture, and nouns that it should have one of."""

    text: str
    references: tuple[str, ...]
    nouns: tuple[str, ...] = ()

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Of the caption."""
        return tuple(words(self.text))

    @cached_property
    def wanted(self) -> tuple[tuple[str, ...], ...]:
        """The words of each reference."""
        return tuple(tuple(words(reference)) for reference in self.references)


def cases(given: Sequence[Row], references: Mapping[str, tuple[str, ...]]) -> list[Case]:
    """The captions with their references: the row's own, or those of the same id or picture."""
    found = []
    for row in given:
        if row.text is None:
            raise InputError(
                "input.incomplete", f"{row.where} has no caption.", 'Captions are in "text".'
            )
        known = row.references or references.get(row.key, ())
        if not known:
            raise InputError(
                "input.incomplete",
                f"{row.where} has no references.",
                'Add "references": [...] to the line, or give --references FILE with lines of '
                "the same id or picture.",
            )
        found.append(Case(row.text, known, row.nouns))
    return found


def figures(cases: Sequence[Case]) -> dict[str, Figure]:
    """The measures by name; `noun` where some rows have nouns.

    cider-d   0 to 10, where papers write 1 as 10 or 100; `perfect` tells what can be had
    bleu-1..4 0 to 1, of the whole set
    exact     share of captions that are word for word a reference
    noun      share of those whose rows have nouns that name one
    distinct  share of captions that no other caption equals
    """
    said, wanted = [case.words for case in cases], [case.wanted for case in cases]
    likeness = cider_d(wanted)
    often = Counter(said)
    found = {"cider-d": mean([likeness(*pair) for pair in zip(said, wanted, strict=True)])}
    found |= {f"bleu-{n}": each for n, each in enumerate(bleu(said, wanted), 1)}
    found["exact"] = share([case.words in case.wanted for case in cases])
    if any(case.nouns for case in cases):
        found["noun"] = share([*map(has_noun, cases)], [bool(case.nouns) for case in cases])
    found["distinct"] = share([often[words] == 1 for words in said])
    return found


def perfect(cases: Sequence[Case]) -> list[Case]:
    """What nobody could have said better: of each picture's references the one most like all."""
    likeness = cider_d([case.wanted for case in cases])

    def best(case: Case) -> str:
        scores = [likeness(reference, case.wanted) for reference in case.wanted]
        return case.references[scores.index(max(scores))]

    return [replace(case, text=best(case)) for case in cases]


def notes(cases: Sequence[Case]) -> list[str]:
    """What should be known of the measures."""
    if len(cases) >= FEW:
        return []
    return [
        f"CIDEr-D weighs words by how few of the pictures they are said of; "
        f"a set of {len(cases)} tells it little"
    ]


def has_noun(case: Case) -> bool:
    """Whether one of the nouns is in the caption, as it is or in the plural."""
    text = f" {' '.join(case.words)} "
    nouns = [" ".join(words(noun)) for noun in case.nouns]
    return any(f" {noun}{end} " in text for noun in nouns for end in ("", "s", "es"))


def answers_of(
    systems: Sequence[Path], references: Path | None, paired: bool
) -> list[dict[str, Any]]:
    """How like people's each system's captions are, beside what a perfect answer would get."""
    known = rows.references(references) if references else {}
    read = {path: rows.read(path) for path in systems}
    told = {path: cases(read[path], known) for path in systems}
    answers = [
        _answer({"system": str(path)}, figures(some), some)
        | {"perfect": _values(figures(perfect(some)))}
        for path, some in told.items()
    ]
    if paired:
        ours, theirs = (
            [told[path][k] for k in places]
            for path, places in zip(systems, common(read, systems), strict=True)
        )
        one, other = figures(ours), figures(theirs)
        apart = {name: one[name] - other[name] for name in one if name in other}
        answers.append(_answer(difference(systems), apart, ours))
    return answers


def _answer(
    whose: Mapping[str, str], found: Mapping[str, Figure], cases: Sequence[Case]
) -> dict[str, Any]:
    return {
        "metric": "caption",
        **whose,
        **dict.fromkeys(NAMES),
        **_values(found),
        "interval": {name: figure.interval for name, figure in found.items()},
        "n": len(cases),
        "tokenizer": TOKENIZER,
        "notes": notes(cases),
    }


def _values(found: Mapping[str, Figure]) -> dict[str, float]:
    return {name: figure.value for name, figure in found.items()}
