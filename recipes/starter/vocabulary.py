"""Make the two tokenizers from the captions of a folder of pairs.

Both are one lower-case byte-level BPE, so that every word has a spelling; they differ in their
special tokens. `clip_tokenizer.json` puts <|startoftext|> before and <|endoftext|> behind, and
fills up with <|endoftext|>; `caption_tokenizer.json` only knows <|EOS|>, its last id.
"""

from __future__ import annotations

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

from unidiff_cli.storage.checkpoint import TokenizerName

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


def make(pairs: Path, out: Path) -> None:
    """Write both files."""
    base = learned(captions(pairs))
    out.mkdir(parents=True, exist_ok=True)
    for_clip(base).save(str(out / "clip_tokenizer.json"))
    for_captions(base).save(str(out / "caption_tokenizer.json"))


def sizes(folder: Path, name: TokenizerName) -> dict[str, int]:
    """What a network has to be told of a tokenizer: arguments of CLIPTextConfig or GPT2Config."""
    tokenizer = Tokenizer.from_file(str(folder / f"{name}_tokenizer.json"))
    if name == "caption":
        end = tokenizer.token_to_id(EOS)
        return {"vocab_size": end + 1, "bos_token_id": end, "eos_token_id": end}
    start, end = (tokenizer.token_to_id(token) for token in (START, END))
    return {
        "vocab_size": tokenizer.get_vocab_size(),
        "max_position_embeddings": LENGTH,
        "bos_token_id": start,
        "eos_token_id": end,
        "pad_token_id": end,
    }
