"""A part of the jobs, the same on every machine that is asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Self

from unidiff_cli.errors import UsageError


@dataclass(frozen=True)
class Shard:
    """Part `number` of `of`, from 1. A job belongs to the shard that its custom_id hashes to:
    neither its place in the file nor the other jobs matter."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The shard of "2/8", or a UsageError."""
        number, slash, of = text.partition("/")
        whole = slash and number.isdecimal() and of.isdecimal()
        if not whole or not 1 <= int(number) <= int(of):
            raise UsageError(
                "usage.form",
                f"A shard is a number of a number, the first is 1, got {text!r}.",
                "Example: --shard 2/8",
            )
        return cls(int(number), int(of))

    def __contains__(self, custom_id: str) -> bool:
        digest = blake2b(custom_id.encode(), digest_size=8, person=b"shard").digest()
        return int.from_bytes(digest, "little") % self.of == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"
