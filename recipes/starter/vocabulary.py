"""Make the two tokenizers from the captions of a folder of pairs.

    python recipes/starter/vocabulary.py PAIRS OUT

Both are one lower-case byte-level BPE, so that every word has a spelling; they differ in their
special tokens. `clip_tokenizer.json` puts <|startoftext|> before and <|endoftext|> behind, and
fills up with <|endoftext|>; `caption_tokenizer.json` only knows <|EOS|>, its last id.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

LENGTH = 20
LARGEST = 1500
START, END, EOS = "<|startoftext|>", "<|endoftext|>", "<|EOS|>"


def captions(pairs: Path) -> list[str]:
    """Every caption of a folder of pairs."""
    lines = (pairs / "captions.jsonl").read_text(encoding="utf-8").splitlines()
    return [text for line in lines for text in json.loads(line)["captions"]]


def learned(texts: Iterable[str]) -> Tokenizer:
    """A lower-case byte-level BPE without special tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Strip(" ", 1, 0)])
    trainer = trainers.BpeTrainer(
        vocab_size=LARGEST,
        min_frequency=2,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def for_clip(base: Tokenizer) -> Tokenizer:
    """A copy that brackets its tokens and gives LENGTH of them, as CLIP's tokenizer does."""
    tokenizer = Tokenizer.from_str(base.to_str())
    tokenizer.add_special_tokens([START, END])
    ends = [(END, tokenizer.token_to_id(END)), (START, tokenizer.token_to_id(START))]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=ends
    )
    tokenizer.enable_truncation(LENGTH)
    tokenizer.enable_padding(length=LENGTH, pad_id=tokenizer.token_to_id(END), pad_token=END)
    return tokenizer


def for_captions(base: Tokenizer) -> Tokenizer:
    """A copy with <|EOS|> as its last id."""
    tokenizer = Tokenizer.from_str(base.to_str())
    tokenizer.add_special_tokens([EOS])
    return tokenizer


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    base = learned(captions(arguments.pairs))
    arguments.out.mkdir(parents=True, exist_ok=True)
    for_clip(base).save(str(arguments.out / "clip_tokenizer.json"))
    for_captions(base).save(str(arguments.out / "caption_tokenizer.json"))


if __name__ == "__main__":
    main()
