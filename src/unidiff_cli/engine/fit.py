"""What is told of a text and a picture: how well they fit. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fit:
    """How well a text fits a picture."""

    text: str
    score: float
    """By how much the words lessen the squared error at best, averaged over draws."""
    error: float | None
    """Its standard error, from one draw of noise to another; None for a single draw."""
    evaluations: int
    """How many draws it got: fewer where it was out of reach early."""

    def to_json(self) -> dict[str, Any]:
        """JSON values, in five digits."""
        error = None if self.error is None else float(f"{self.error:.5g}")
        return {**vars(self), "score": float(f"{self.score:.5g}"), "error": error}
