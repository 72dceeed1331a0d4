"""Everything in UniDiffuser comes in twos: one for the image, one for the text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, Literal, Self, TypeVar

Modality = Literal["image", "text"]
MODALITIES: tuple[Modality, Modality] = ("image", "text")

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Pair(Generic[T]):
    """One value for each modality."""

    image: T
    text: T

    def __getitem__(self, modality: Modality) -> T:
        return self.image if modality == "image" else self.text

    def put(self, modality: Modality, value: T) -> Self:
        """The same pair with another value for one modality."""
        if modality == "image":
            return replace(self, image=value)
        return replace(self, text=value)

    def map(self, function: Callable[[T], U]) -> Pair[U]:
        """The pair of what `function` makes of each value."""
        return Pair(function(self.image), function(self.text))
