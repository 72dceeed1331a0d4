"""The small world's captions are English."""

from __future__ import annotations

import re

import pytest


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"noun": "fox"}, "a fox"),
        ({"noun": "owl"}, "an owl"),
        ({"noun": "unicorn"}, "a unicorn"),
        ({"noun": "umbrella"}, "an umbrella"),
        ({"noun": "owl", "colour": "red"}, "a red owl"),
        ({"noun": "fox", "colour": "orange"}, "an orange fox"),
        ({"noun": "owl", "small": True}, "a small owl"),
        ({"noun": "grapes", "colour": "purple"}, "purple grapes"),
        ({"noun": "french fries"}, "french fries"),
        ({"noun": "bread"}, "bread"),
        ({"noun": "cup of coffee"}, "a cup of coffee"),
        ({"noun": "glass of milk"}, "a glass of milk"),
        (
            {"noun": "fox", "background": "orange", "style": "flat style"},
            "a fox on an orange background, flat style",
        ),
    ],
)
def test_captions_say_what_they_are_told(said: dict[str, object], text: str) -> None:
    from captions import Description, caption

    assert caption(Description(**said)) == text


def test_every_noun_has_a_fitting_article() -> None:
    from captions import MANY, MASS, Description, caption
    from clipart import nouns

    for noun in nouns().values():
        text = caption(Description(noun))
        bare = noun.replace(" ", "-") in MANY | MASS
        assert bare == (text == noun), text
        if noun.endswith("s") and not noun.endswith(("ss", "us", "octopus")):
            # What looks like a plural and has an article is known to be one thing.
            assert bare or noun in ("tennis", "rhinoceros"), text
        assert bare or re.match(r"(an [aeiou]|a [^aeio])", text), text


def test_captions_fit_the_text_encoder() -> None:
    """Start, words, a comma and end: 16 tokens, where a word of the world is one."""
    from captions import BACKGROUNDS, COLOURS, STYLES, Description, caption
    from clipart import nouns

    longest = max(nouns().values(), key=lambda noun: len(noun.split()))
    text = caption(
        Description(longest, COLOURS[0], BACKGROUNDS[0], next(iter(STYLES.values())), small=True)
    )
    assert 2 + len(re.findall(r"[\w-]+|,", text)) <= 16
