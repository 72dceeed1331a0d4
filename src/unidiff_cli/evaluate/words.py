"""Captions as words: as COCO's tools split them, with Stanford's PTBTokenizer 3.4.1, lower case.

Theirs is a program in Java; this is its rules as far as captions meet them, in one expression.
What still differs is in docs/evaluation.md; `TOKENIZER` names it beside every result.
"""

from __future__ import annotations

import re

TOKENIZER = "python"
SAME = str.maketrans(
    {
        "’": "'",
        **dict.fromkeys("‘–—…", " "),
        "½": "1/2",
        "¼": "1/4",
        "¾": "3/4",
        "€": "$",
        "£": "#",
    }
)
"""What the tokenizer takes for something else, or drops between words."""
ABBREVIATED = (
    "mr|mrs|ms|dr|st|jr|sr|prof|gen|col|capt|sgt|lt|vs|etc|inc|co|dept|ave|rd|mt|ft|ph\\.d"
    "|jan|feb|mar|apr|aug|sept?|oct|nov|dec"
)
"""Words that keep their full stop."""
TOKEN = re.compile(
    rf"""
      https?://\S+ | www\.\S+ | [\w.+-]+@[\w-]+(?:\.\w+)+
    | (?<!\w)(?:[a-z]\.)+(?:[a-z](?!\w))?(?!\w)                      # p.m.  u.s.  t.v  vitamin c.
    | \b(?:{ABBREVIATED})\.(?!\w) | \bno\.(?=\s\d)
    | \d+:\d\d(?=[ap]\.?m\b)                                    # 10:30am, but 10am is one word
    | (?:\+|(?<!\w)-)\.?\d[\d.,:/-]*(?<=\d) | (?<![\d.])\.\d+
    | \b(?:can(?=not\b) | gon(?=na\b) | got(?=ta\b) | gim(?=me\b) | lem(?=me\b)
        | wan(?=na\b(?!-)) | y'(?=(?:all|know)\b))
    | \b(?:(?:[dlo]|qu)'[^\W\d_]{{2,}} | ma'am | s'mores | hawai'i | [cn]'est)
    | n't\b | '(?:s|m|d|re|ve|ll|em|til|cause)\b | (?<!\w)'\d\ds?\b
    | '(?:n'|n\b|t(?=(?:is|was)\b))
    | (?-i:[A-Z]+&[A-Z]+\b) | c\+\+ | c\#
    | (?:(?!n't\b)\w)+
      (?:(?: [-/] | (?<=[^\W\d_])[.!?](?=[^\W\d_]) | (?<=\d)[.,:](?=\d)) (?:(?!n't\b)\w)+)*
    | [#@][^\W\d]\w* | [!?]{{2,}}
    | [^\w\s"'`.,!?:;()\[\]{{}}«»“”„\-\u200d\ufe00-\ufe0f\U00010000-\U0010ffff]
    """,
    re.IGNORECASE | re.VERBOSE,
)


def words(text: str) -> list[str]:
    """The words of a caption, without quotes, brackets, commas and full stops."""
    return [token.lower() for token in TOKEN.findall(text.translate(SAME))]
