"""Words are those of COCO's tools: the right values are pycocoevalcap 1.2's."""

from __future__ import annotations

import shutil

import pytest

from unidiff_cli.evaluate.words import words

SPLIT = {
    "A red fox, in the snow.": "a red fox in the snow",
    "The dog’s ball isn't red!": "the dog 's ball is n't red",
    "a snow-covered hill -- really": "a snow-covered hill really",
    "2 cafés": "2 cafés",
    "...": "",
    "a sign that says 'fox'": "a sign that says fox",
    'a sign that says "fox"': "a sign that says fox",
    "a sign that says “fox” and ‘dog’": "a sign that says fox and dog",
    "the sign reads 'don't walk'": "the sign reads do n't walk",
    "it is five o'clock": "it is five o'clock",
    "3.5 apples at 12:30 for 1,000 people": "3.5 apples at 12:30 for 1,000 people",
    "at 5 p.m. a dog cannot": "at 5 p.m. a dog can not",
    "7:15pm, 10am, 10:30 a.m.": "7:15 pm 10am 10:30 a.m.",
    "the dogs' balls, can't, won't, ain't": "the dogs balls ca n't wo n't ai n't",
    "it's they've I'm we'll he'd what're": "it 's they 've i 'm we 'll he 'd what 're",
    "rock 'n' roll, y'all, 'tis, gonna": "rock 'n' roll y' all 't is gon na",
    "$5.00 and 50% of it & more, 3+2": "$ 5.00 and 50 % of it & more 3 +2",
    "#1 in #fun by @home": "# 1 in #fun by @home",
    "Mr. Smith on Main St. in the U.S., etc.": "mr. smith on main st. in the u.s. etc.",
    "No. 5 is no. Vitamin c.": "no. 5 is no vitamin c.",
    "two dogs.One cat... and a bird": "two dogs.one cat and a bird",
    "black-and-white/red 1/2 cup, ½ cup": "black-and-white/red 1/2 cup 1/2 cup",
    "a 1990s bus in the '90s -5": "a 1990s bus in the '90s -5",
    "wow!! what?! so; cute: yes": "wow !! what ?! so cute yes",
    "AT&T and a & b": "at&t and a & b",
    "non–stop — 5–6 🦊 fox": "non stop 5 6 fox",
    "mother-in-law's house o'brien's": "mother-in-law 's house o'brien 's",
    "see www.example.com or foo@bar.com": "see www.example.com or foo@bar.com",
}


@pytest.mark.parametrize("text", SPLIT)
def test_words(text: str) -> None:
    assert words(text) == SPLIT[text].split()


def test_words_are_those_of_the_tool_itself() -> None:
    tool = pytest.importorskip("pycocoevalcap.tokenizer.ptbtokenizer")
    if shutil.which("java") is None:
        pytest.skip("PTBTokenizer is a program in Java")
    asked = {number: [{"caption": text}] for number, text in enumerate(SPLIT)}
    found = tool.PTBTokenizer().tokenize(asked)
    assert [found[number][0].split() for number in asked] == [list(words(text)) for text in SPLIT]


def test_brackets_are_dropped_where_the_tool_keeps_their_names() -> None:
    """It writes -lrb-, and COCO's list of punctuation has -LRB-: so to it they are words."""
    assert words("a button (blood type)") == ["a", "button", "blood", "type"]
