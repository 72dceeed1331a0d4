"""The small world's captions are English."""

from __future__ import annotations

import re
from typing import Any

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
def test_captions_say_what_they_are_told(said: dict[str, Any], text: str) -> None:
    from captions import Description, Thing, caption

    about = {key: said.pop(key) for key in ("background", "style") if key in said}
    assert caption(Description((Thing(**said),), **about)) == text


@pytest.mark.parametrize(
    ("relation", "number", "text"),
    [
        ("left of", 0, "a red fox to the left of two owls"),
        ("left of", 1, "two owls to the right of a red fox"),
        ("left of", 2, "a red fox next to two owls"),
        ("left of", 3, "two owls next to a red fox"),
        ("left of", 4, "a red fox and two owls"),
        ("above", 0, "a red fox above two owls"),
        ("above", 1, "two owls below a red fox"),
        ("above", 2, "a red fox and two owls"),
    ],
)
def test_two_things_and_how_they_stand(relation: str, number: int, text: str) -> None:
    from captions import RELATIONS, Description, Thing, caption

    things = (Thing("fox", "red"), Thing("owl", count=2))
    wording = RELATIONS[relation][number]
    assert caption(Description(things, wording)) == text
    said = Description(things, wording, "orange", "flat style")
    assert caption(said) == f"{text} on an orange background, flat style"


def test_every_wording_is_tried_above() -> None:
    from captions import RELATIONS

    assert {name: len(wordings) for name, wordings in RELATIONS.items()} == {
        "left of": 5,
        "above": 3,
    }


@pytest.mark.parametrize(
    ("noun", "many"),
    [
        ("fox", "foxes"),
        ("fish", "fish"),
        ("mouse", "mice"),
        ("goose", "geese"),
        ("wolf", "wolves"),
        ("maple leaf", "maple leaves"),
        ("giraffe", "giraffes"),
        ("cup of coffee", "cups of coffee"),
        ("glass of milk", "glasses of milk"),
        ("butterfly", "butterflies"),
        ("monkey", "monkeys"),
        ("bus", "buses"),
        ("church", "churches"),
        ("paintbrush", "paintbrushes"),
        ("box", "boxes"),
        ("tomato", "tomatoes"),
        ("volcano", "volcanoes"),
        ("tornado", "tornadoes"),
        ("mango", "mangoes"),
        ("avocado", "avocados"),
        ("snowman", "snowmen"),
        ("scarf", "scarves"),
        ("car", "cars"),
    ],
)
def test_plurals(noun: str, many: str) -> None:
    from captions import Thing, phrase, plural

    assert plural(noun) == many
    assert phrase(Thing(noun, "red", 3)) == f"three red {many}"


def test_every_noun_has_a_fitting_article() -> None:
    from captions import Thing, phrase, stands_bare
    from clipart import nouns

    for noun in nouns().values():
        text = phrase(Thing(noun))
        bare = stands_bare(noun)
        assert bare == (text == noun), text
        if noun.endswith("s") and not noun.endswith(("ss", "us", "octopus")):
            # What looks like a plural and has an article is known to be one thing.
            assert bare or noun == "rhinoceros", text
        assert bare or re.match(r"(an [aeiou]|a [^aeio])", text), text


def test_captions_fit_the_text_encoder() -> None:
    """Start, words, a comma and end, where a word of the world is one token."""
    from captions import BACKGROUNDS, COLOURS, RELATIONS, STYLES, Description, Thing, caption
    from vocabulary import LENGTH

    style, wording = next(iter(STYLES.values())), RELATIONS["left of"][0]
    small = (Thing("magnifying glass", COLOURS[0], small=True),)
    two = (Thing("fox", COLOURS[0]), Thing("fire truck", COLOURS[0]))
    for said in (
        Description(small, "", BACKGROUNDS[0], style),
        Description(two, wording, BACKGROUNDS[0]),
        Description(two, wording, "", style),
    ):
        assert 2 + len(re.findall(r"[\w-]+|,", caption(said))) <= LENGTH
