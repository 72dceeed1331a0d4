"""What the small world's captions say, and the English they say it in.

One thing, two to four of it, or two things and how they stand; perhaps colours, size, background
and style. The grammar is the tables of this file: `caption` only puts them together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")
BACKGROUNDS = (
    "white",
    "black",
    "gray",
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "purple",
    "pink",
)
STYLES = {
    "noto": "cartoon style",
    "twemoji": "flat style",
    "fluent-3d": "3d style",
    "fluent-flat": "minimal style",
    "noto-v1": "blob style",
    "fxemoji": "bold style",
    "streamline": "outline style",
}
COUNTS = {1: "", 2: "two", 3: "three", 4: "four"}
# Where the first of two things stands -> what is then true to say.
RELATIONS = {
    "left of": (
        "{first} to the left of {second}",
        "{second} to the right of {first}",
        "{first} next to {second}",
        "{second} next to {first}",
        "{first} and {second}",
    ),
    "above": (
        "{first} above {second}",
        "{second} below {first}",
        "{first} and {second}",
    ),
}
# Nouns that stand without an article: many of them, or none that could be counted.
MANY = frozenset(
    (
        *("blueberries", "cherries", "french-fries", "glasses", "grapes", "headphones", "jeans"),
        *("pancakes", "peanuts", "scissors", "shorts", "socks", "sunglasses"),
    )
)
MASS = frozenset(
    (
        *("bread", "broccoli", "cheese", "corn", "fire", "garlic", "popcorn", "soap"),
        *("spaghetti", "sushi", "yarn"),
    )
)
VOWEL_SOUND = re.compile(r"^(?:[aeio]|u(?!ni))", re.IGNORECASE)
SAME_IN_PLURAL = frozenset(("deer", "fish", "jellyfish", "sheep", "shrimp", "squid"))
IRREGULAR = {
    "goose": "geese",
    "mouse": "mice",
    "snowman": "snowmen",
    "scarf": "scarves",
}
PLURALS = (  # the first ending that fits
    ("wolf", "wolves"),
    ("leaf", "leaves"),
    ("tomato", "tomatoes"),
    ("mango", "mangoes"),
    ("volcano", "volcanoes"),
    ("tornado", "tornadoes"),
    *((f"{consonant}y", f"{consonant}ies") for consonant in "bcdfghklmnprstv"),
    *((hiss, f"{hiss}es") for hiss in ("s", "x", "ch", "sh")),
    ("", "s"),
)


@dataclass(frozen=True, slots=True)
class Thing:
    """What may be told of one thing, or of some of one kind."""

    noun: str
    colour: str = ""  # said before the noun
    count: int = 1
    small: bool = False


@dataclass(frozen=True, slots=True)
class Description:
    """What a caption may tell of one picture; nothing is said of what is ""."""

    things: tuple[Thing, ...]  # one, or two
    wording: str = ""  # of two: one of RELATIONS
    background: str = ""
    style: str = ""


def stands_bare(noun: str) -> bool:
    """Whether a noun takes no article and cannot be counted: grapes, bread."""
    return noun.replace(" ", "-") in MANY | MASS


def with_article(phrase: str, noun: str) -> str:
    """`phrase`, which ends in `noun`, with "a", "an" or nothing before it, as English wants."""
    if stands_bare(noun):
        return phrase
    return f"{'an' if VOWEL_SOUND.match(phrase) else 'a'} {phrase}"


def plural(noun: str) -> str:
    """More than one of a noun that can be counted: "foxes", "cups of coffee"."""
    first, of, rest = noun.partition(" of ")
    if of:
        return f"{plural(first)}{of}{rest}"
    before, space, last = noun.rpartition(" ")
    if last in SAME_IN_PLURAL:
        return noun
    if last not in IRREGULAR:
        old, new = next((old, new) for old, new in PLURALS if last.endswith(old))
        return f"{before}{space}{last.removesuffix(old)}{new}"
    return f"{before}{space}{IRREGULAR[last]}"


def phrase(thing: Thing) -> str:
    """A thing with its words: "a small red fox", "two red foxes"."""
    before = [*(["small"] if thing.small else []), *([thing.colour] if thing.colour else [])]
    if thing.count > 1:
        return " ".join([COUNTS[thing.count], *before, plural(thing.noun)])
    return with_article(" ".join([*before, thing.noun]), thing.noun)


def caption(said: Description) -> str:
    """One lower-case sentence part, such as "a small red fox on a blue background, flat style"."""
    first, *others = (phrase(thing) for thing in said.things)
    text = said.wording.format(first=first, second=others[0]) if others else first
    if said.background:
        text += f" on {with_article(said.background, 'background')} background"
    return f"{text}, {said.style}" if said.style else text
