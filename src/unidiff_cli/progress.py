"""What a run tells while it goes on; the command line draws it, the library is silent."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Listens to a run. Every method may be called many times."""

    def stage(self, what: str) -> None:
        """A phase begins: "loading uvit", "sampling", "decoding"."""

    def begin(self, items: int, evaluations: int) -> None:
        """So many samples are to come, with so many network evaluations in all."""

    def evaluated(self, samples: int) -> None:
        """One more evaluation, of so many samples at once."""

    def finished(self, samples: int) -> None:
        """So many more samples are done."""


class Silence:
    """A listener that says nothing."""

    def stage(self, what: str) -> None:
        """Nothing."""

    def begin(self, items: int, evaluations: int) -> None:
        """Nothing."""

    def evaluated(self, samples: int) -> None:
        """Nothing."""

    def finished(self, samples: int) -> None:
        """Nothing."""
