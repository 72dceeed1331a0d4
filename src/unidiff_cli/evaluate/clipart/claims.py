"""What is said of a picture of the clip-art world: by a prompt, by a caption, or by who drew it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

NUMBERS = {"two": 2, "three": 3, "four": 4}
BESIDE = frozenset(("left of", "right of", "next to"))
OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
RELATION = re.compile(r"\b(left of|right of|next to|above|below)\b")
BACKGROUND = re.compile(r"\b(?:on|in|with|before|against) an? (\w+) background\b")
WORD = re.compile(r"[a-z0-9'-]+")
LONGEST = 4
"""Words of the longest noun."""
BEFORE = 3
"""Words before a noun among which its number and its colour are looked for."""


@dataclass(frozen=True, slots=True)
class Thing:
    """Some of one kind; of a colour, where one is told."""

    noun: str
    colour: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Claims:
    """One kind of thing, two, or none that is known; nothing is said of what is ""."""

    things: tuple[Thing, ...]
    background: str = ""
    relation: str = ""
    """How the first of two stands to the second: left of, right of, next to, above, below."""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The claims in a JSON object: {"things": [[noun, colour, count], ...], ...}."""
        things = tuple(Thing(*one) for one in values["things"])
        return cls(things, values.get("background", ""), values.get("relation", ""))

    @property
    def nouns(self) -> Counter[str]:
        """How many of each are told."""
        found: Counter[str] = Counter()
        for thing in self.things:
            found[thing.noun] += thing.count
        return found

    def colour(self, noun: str) -> str:
        """The colour that is told of a noun, or ""."""
        return next((t.colour for t in self.things if t.noun == noun and t.colour), "")

    def relations(self, first: str, second: str) -> frozenset[str]:
        """What is told, or follows, of how the first stands to the second."""
        if len(self.things) < 2 or not self.relation:
            return frozenset()
        told = [thing.noun for thing in self.things[:2]]
        if told not in ([first, second], [second, first]):
            return frozenset()
        swapped = told == [second, first]
        relation = OPPOSITE.get(self.relation, self.relation) if swapped else self.relation
        return frozenset((relation, "next to") if relation in BESIDE else (relation,))


def read(caption: str, nouns: Mapping[str, str], colours: frozenset[str]) -> Claims:
    """What a caption tells; `nouns` has the noun for each way to write it, plurals too."""
    text = caption.lower()
    ground = BACKGROUND.search(text)
    words = WORD.findall(text[: ground.start()] + " . " + text[ground.end() :] if ground else text)
    things: list[Thing] = []
    at, free = 0, 0  # where to look next, and from where words may belong to the next noun
    while at < len(words):
        length = next(
            (n for n in range(LONGEST, 0, -1) if " ".join(words[at : at + n]) in nouns), 0
        )
        if not length:
            at += 1
            continue
        before = words[max(free, at - BEFORE) : at]
        colour = next((word for word in reversed(before) if word in colours), "")
        count = next((NUMBERS[word] for word in before if word in NUMBERS), 1)
        things.append(Thing(nouns[" ".join(words[at : at + length])], colour, count))
        at = free = at + length
    relation = RELATION.search(text) if len(things) > 1 else None
    background = ground.group(1) if ground else ""
    return Claims(tuple(things), background, relation.group(1) if relation else "")
