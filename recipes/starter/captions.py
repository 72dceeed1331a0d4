"""What the small world's captions say: one thing, perhaps its colour, size, background, style."""

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


@dataclass(frozen=True, slots=True)
class Description:
    """What a caption may tell of one picture."""

    noun: str
    colour: str = ""  # said before the noun
    background: str = ""  # "" where nothing is said of it
    style: str = ""
    small: bool = False


def with_article(phrase: str, noun: str) -> str:
    """`phrase`, which ends in `noun`, with "a", "an" or nothing before it, as English wants."""
    last = noun.split(" of ")[0].replace(" ", "-")
    if last in MANY or last in MASS:
        return phrase
    return f"{'an' if VOWEL_SOUND.match(phrase) else 'a'} {phrase}"


def caption(said: Description) -> str:
    """One lower-case sentence part, such as "a small red fox on a blue background, flat style"."""
    words = [*(["small"] if said.small else []), *([said.colour] if said.colour else []), said.noun]
    text = with_article(" ".join(words), said.noun)
    if said.background:
        text += f" on {with_article(said.background, 'background')} background"
    return f"{text}, {said.style}" if said.style else text
