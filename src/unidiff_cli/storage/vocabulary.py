"""Tokenizers: CLIP's and the captioner's, from any of the files that they are published in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.storage.checkpoint import TokenizerName

START, END = "<|startoftext|>", "<|endoftext|>"
EOS = "<|EOS|>"
"""Ends a caption: one more token behind GPT-2's."""
CLIP_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
Merges = list[tuple[str, str]]


def clip_tokenizer(vocabulary: Mapping[str, int], merges: Merges) -> Tokenizer:
    """CLIP's tokenizer: lower case, START in front and END behind."""
    tokenizer = Tokenizer(
        models.BPE(vocab=dict(vocabulary), merges=merges, end_of_word_suffix="</w>", unk_token=END)
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(CLIP_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([START, END])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (START, END)],
    )
    return tokenizer


def caption_tokenizer(vocabulary: Mapping[str, int], merges: Merges) -> Tokenizer:
    """GPT-2's tokenizer with EOS as its last token."""
    tokenizer = Tokenizer(models.BPE(vocab=dict(vocabulary), merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([END, EOS])
    return tokenizer


_BUILDERS = {"clip": clip_tokenizer, "caption": caption_tokenizer}
_NEEDED = {"clip": (START, END), "caption": (EOS,)}


def read_tokenizer(path: Path, name: TokenizerName) -> Tokenizer:
    """The tokenizer in a tokenizer.json, or in a folder with that or vocab.json and merges.txt."""
    if path.is_dir() and (path / "tokenizer.json").is_file():
        path = path / "tokenizer.json"
    if not path.exists():
        raise ModelUnavailable("model.tokenizer", f"The {name} tokenizer {path} is missing.")
    try:
        tokenizer = _from_words(path, name) if path.is_dir() else Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise ModelUnavailable(
            "model.tokenizer", f"{path} holds no tokenizer ({error})."
        ) from error
    if name == "caption" and tokenizer.token_to_id(EOS) is None:
        tokenizer.add_special_tokens([EOS])
    for token in _NEEDED[name]:
        if tokenizer.token_to_id(token) is None:
            raise ModelUnavailable(
                "model.tokenizer", f"{path} is no {name} tokenizer: it has no token {token}."
            )
    return tokenizer


def _from_words(folder: Path, name: TokenizerName) -> Tokenizer:
    vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()
    needed = (START, END) if name == "clip" else (END,)
    if lacking := [token for token in needed if token not in vocabulary]:
        raise ValueError(f"vocab.json lacks {lacking[0]}")
    pairs = [line.split(" ") for line in lines if line and not line.startswith("#version")]
    return _BUILDERS[name](vocabulary, [(left, right) for left, right in pairs])
