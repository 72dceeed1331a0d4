"""Randomness that is keyed, never running: the same keys give the same numbers in any order."""

from __future__ import annotations

from hashlib import blake2b

import torch


def key(*parts: int | str) -> int:
    """A number below 2**63 that depends on every part and on their order."""
    digest = blake2b(":".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(*parts: int | str, device: torch.device | str = "cpu") -> torch.Generator:
    """A fresh generator on `device`, seeded with `key(*parts)`."""
    return torch.Generator(device).manual_seed(key(*parts))
