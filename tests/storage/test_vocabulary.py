"""Tokenizers as transformers builds them from the same words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from tests.storage import make
from unidiff_cli.storage.open import open_checkpoint
from unidiff_cli.storage.vocabulary import (
    END,
    EOS,
    START,
    caption_tokenizer,
    clip_tokenizer,
    read_tokenizer,
)

TEXTS = (
    "a red fox",
    "  An   elephant\tunder\n the SEA!! ",
    "it's 2024, they'll've been İstanbul's finest",
    "naïve café, Zürich; 東京 🦊🦊 — “quoted”",
    "e\u0301 é 1234567 ...",
    "<|endoftext|> inside",
    "",
)
MERGES = [("r", "e"), ("re", "d</w>"), ("f", "o"), ("fo", "x</w>"), ("t", "h"), ("th", "e</w>")]
CAPTION_MERGES = [("r", "e"), ("re", "d"), ("Ġ", "red"), ("f", "o"), ("fo", "x"), ("Ġ", "fox")]


def words(name: str, merges: list[tuple[str, str]]) -> dict[str, int]:
    """The bytes and what the merges make of them, numbered."""
    bytes_of: Any = open_checkpoint("tiny").tokenizer(name)  # type: ignore[arg-type]
    tokens = [t for t, _ in sorted(bytes_of.get_vocab().items(), key=lambda item: item[1])]
    tokens = [token for token in tokens if token not in (START, END, EOS)]
    tokens += ["".join(pair) for pair in merges]
    tokens += [START, END] if name == "clip" else [END]
    return {token: index for index, token in enumerate(tokens)}


def test_clip_as_transformers_builds_it() -> None:
    from transformers import CLIPTokenizer

    vocabulary = words("clip", MERGES)
    theirs = CLIPTokenizer(vocab=vocabulary, merges=MERGES)
    ours = clip_tokenizer(vocabulary, MERGES)
    for text in TEXTS:
        assert ours.encode(text).ids == theirs(text)["input_ids"], text
    assert "red</w>" in ours.encode("a red fox").tokens


def test_captions_as_transformers_builds_them() -> None:
    from transformers import GPT2Tokenizer

    vocabulary = words("caption", CAPTION_MERGES)
    theirs = GPT2Tokenizer(vocab=vocabulary, merges=CAPTION_MERGES)
    ours = caption_tokenizer(vocabulary, CAPTION_MERGES)
    for text in TEXTS:
        ids = ours.encode(text).ids
        assert ids == theirs(text)["input_ids"], text
        assert ours.decode(ids) == theirs.decode(ids, skip_special_tokens=True)
    assert ours.token_to_id(EOS) == len(vocabulary)
    assert "Ġfox" in ours.encode("a red fox").tokens


@pytest.mark.parametrize("name", ["clip", "caption"])
def test_both_kinds_of_files(tmp_path: Path, name: Any) -> None:
    merges = MERGES if name == "clip" else CAPTION_MERGES
    vocabulary = words(name, merges)
    build = clip_tokenizer if name == "clip" else caption_tokenizer
    built = build(vocabulary, merges)
    make.write_words(tmp_path / "words", Tokenizer.from_str(built.to_str()), drop=(EOS,))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges), ""]
    (tmp_path / "words" / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    built.save(str(tmp_path / "tokenizer.json"))
    for path in (tmp_path / "words", tmp_path / "tokenizer.json", tmp_path):
        read = read_tokenizer(path, name)
        for text in TEXTS:
            assert read.encode(text).ids == built.encode(text).ids


def test_neither_padding_nor_truncating(tmp_path: Path) -> None:
    from unidiff_cli.storage.convert import convert
    from unidiff_cli.storage.original import Extras

    folder = convert("tiny", tmp_path / "ours", extras=Extras())
    path = folder / "clip_tokenizer.json"
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_padding(length=9)
    tokenizer.enable_truncation(4)
    tokenizer.save(str(path))
    assert len(Tokenizer.from_file(str(path)).encode("a red fox").ids) == 9
    ids = open_checkpoint(str(folder)).tokenizer("clip").encode("a red fox, running").ids
    assert ids == open_checkpoint("tiny").tokenizer("clip").encode("a red fox, running").ids
