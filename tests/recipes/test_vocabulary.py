"""The tokenizers give back what they are given, and their special ids are where models look."""

from __future__ import annotations

import pytest

TEXTS = ["a red fox", "an owl on a blue background, flat style", "a small fox, 3d style"] * 3


def test_captions_come_back() -> None:
    from vocabulary import EOS, for_captions, learned

    tokenizer = for_captions(learned(TEXTS))
    for text in (*TEXTS, "a zebra (unseen) ñandú"):
        assert tokenizer.decode(tokenizer.encode(text).ids) == text
    assert tokenizer.decode(tokenizer.encode("A Red FOX").ids) == "a red fox"
    assert tokenizer.token_to_id(EOS) == tokenizer.get_vocab_size() - 1


@pytest.mark.parametrize("text", ["a fox", "", "fox " * 40])
def test_clip_gets_its_brackets_and_padding(text: str) -> None:
    from vocabulary import END, LENGTH, START, for_clip, learned

    tokenizer = for_clip(learned(TEXTS))
    ids = tokenizer.encode(text).ids
    start, end = tokenizer.token_to_id(START), tokenizer.token_to_id(END)
    assert len(ids) == LENGTH
    assert (ids[0], ids[-1]) == (start, end)
    words = ids[1 : ids.index(end)]
    assert start not in words
    assert ids[ids.index(end) :] == [end] * (LENGTH - 1 - len(words))
