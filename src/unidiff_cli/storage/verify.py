"""Whether a model on this machine is what it should be."""

from __future__ import annotations

import torch

from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.storage.find import Found
from unidiff_cli.storage.layout import PARTS, TOKENIZERS
from unidiff_cli.storage.open import open_found
from unidiff_cli.storage.original import Extras
from unidiff_cli.storage.parts import check, expected, hollow
from unidiff_cli.storage.stored import Tell, Tensors


def verify_weights(found: Found, tell: Tell) -> None:
    """Nothing, or a ModelUnavailable: tensors that do not fit, or are no finite numbers."""
    opened = open_found(found, Extras(), tell)
    for part in PARTS:
        tensors = opened.tensors(part)
        check(part, expected(part, hollow(part, opened.config)), tensors)
        _check_finite(tensors)
        tell(f"{part}: {len(tensors)} tensors, all finite")
    for name in TOKENIZERS:
        tell(f"{name} tokenizer: {opened.tokenizer(name).get_vocab_size()} tokens")


def _check_finite(tensors: Tensors) -> None:
    for stored in tensors.values():
        if not torch.isfinite(stored.load()).all():
            raise ModelUnavailable(
                "model.damaged",
                f"The tensor {stored.origin} holds numbers that are not finite.",
                "The file is damaged, or its training diverged.",
            )
