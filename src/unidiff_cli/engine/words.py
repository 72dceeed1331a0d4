"""What is said besides the prompt, as latents: what to keep away from, and further prompts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from unidiff_cli.codecs.text import TextCodec
from unidiff_cli.core.latents import Latent
from unidiff_cli.request import Request


@dataclass(frozen=True)
class Words:
    """Latents of a batch whose requests all say the same besides their prompts."""

    negative: Latent | None = None
    others: tuple[tuple[float, Latent], ...] = ()
    """Each with its weight."""

    @classmethod
    def of(cls, request: Request, samples: int, texts: TextCodec) -> Self:
        """The latents of so many samples of a request."""
        against = "" if request.unconditional == "empty" else request.negative
        return cls(
            None if against is None else texts.encode([against] * samples),
            tuple((weight, texts.encode([more] * samples)) for more, weight in request.also or ()),
        )
