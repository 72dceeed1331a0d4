"""A mode is a path on the square of noise levels (UniDiffuser, arXiv 2303.06555, section 3).

     t_text
       1 +------ i -------+      SAMPLED  its level follows the solver's clock, 1 -> 0
         |              / |      GIVEN    level 0: clean, held still, the condition
        i2t    joint      t      ABSENT   level 1: nothing but noise, marginalised out
         |   /            |
       0 +----- t2i ------+
         0                1  t_image

One network predicts the noise of both modalities at any point of the square. Three roles for
each of two modalities, at least one of them sampled and no two given: five legs exist, and they
are UniDiffuser's five tasks. The variations walk two legs in a row.

A leg need not run along the edge, nor begin in the corner. What is given may be held at a level
above 0, which moves the leg inside: the nearer to the opposite edge, the less it counts. And a
sampled modality that is known may be noised to a first level below 1 and sampled from there
(SDEdit, arXiv 2108.01073): so a picture is edited.

And there is more than one way between two corners. joint takes the diagonal; along two edges, by
`t` and then `t2i`, or by `i` and then `i2t`, a pair has the same distribution, as
p(x, y) = p(y) p(x | y) = p(x) p(y | x).
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import chain

from unidiff_cli.core.pair import MODALITIES, Modality, Pair

TOGETHER = "together"
"""The name of a mode's own order."""


class Role(Enum):
    """What a modality does during a leg."""

    SAMPLED = "sampled"
    GIVEN = "given"
    ABSENT = "absent"


@dataclass(frozen=True)
class Leg(Pair[Role]):
    """One straight path on the square: at least one modality is sampled."""

    first: float = 1.0
    """The level at which it begins: 1 is pure noise, below that what is known is noised to it."""
    level: float = 0.0
    """The level at which what is given is held: 0 is clean, 1 as good as absent."""

    def __post_init__(self) -> None:
        if not self.which(Role.SAMPLED):
            raise ValueError(f"a leg samples at least one modality, got {self}")

    def which(self, role: Role) -> tuple[Modality, ...]:
        """The modalities in this role, the image first."""
        return tuple(m for m in MODALITIES if self[m] is role)

    def alone(self, modality: Modality) -> Leg:
        """The leg that samples `modality` knowing nothing of the other: guidance pushes off it."""
        sampled, absent = Role.SAMPLED, Role.ABSENT
        image, text = (absent, sampled) if modality == "text" else (sampled, absent)
        return replace(self, image=image, text=text)


@dataclass(frozen=True)
class Mode:
    """A task: its name, what it is for, and the legs it walks one after the other."""

    name: str
    help: str
    legs: tuple[Leg, ...]
    orders: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    """Other ways to the same end: by their name, the modes that make it, each given what the one
    before made. `legs` are TOGETHER."""

    @property
    def needs(self) -> Modality | None:
        """What the user must give: what the first leg is given."""
        given = self.legs[0].which(Role.GIVEN)
        return given[0] if given else None

    @property
    def yields(self) -> tuple[Modality, ...]:
        """What the user gets: what the last leg samples, or any where nothing was given."""
        legs = self.legs[-1:] if self.needs else self.legs
        return tuple(m for m in MODALITIES if any(leg[m] is Role.SAMPLED for leg in legs))

    @property
    def revises(self) -> bool:
        """Whether the last leg begins with what the user gave: then the user may give both."""
        return self.legs[-1].first < 1

    def along(
        self,
        given: Container[Modality],
        first: float | None,
        levels: Pair[float],
        order: str = TOGETHER,
    ) -> Mode:
        """The mode's walk for one request, in one of its orders.

        Of what is given already, nothing is sampled on the way; the last leg begins at `first`, if
        that is a number, and what is given is held at its modality's level.
        """
        own = [MODES[name].legs for name in self.orders.get(order, ())]
        *before, last = chain.from_iterable(own or [self.legs])
        before = [leg for leg in before if not all(m in given for m in leg.which(Role.SAMPLED))]
        last = last if first is None else replace(last, first=first)
        legs = (
            replace(leg, level=max((levels[m] for m in leg.which(Role.GIVEN)), default=0.0))
            for leg in (*before, last)
        )
        return replace(self, legs=tuple(legs))


S, G, A = Role.SAMPLED, Role.GIVEN, Role.ABSENT

MODES: dict[str, Mode] = {
    mode.name: mode
    for mode in (
        Mode("t2i", "Make a picture of what a prompt says.", (Leg(S, G),)),
        Mode("i2t", "Say what a picture shows.", (Leg(G, S),)),
        Mode(
            "joint",
            "Make a picture and its caption, from nothing.",
            (Leg(S, S),),
            {"text-first": ("t", "t2i"), "image-first": ("i", "i2t")},
        ),
        Mode("i", "Make a picture, from nothing.", (Leg(S, A),)),
        Mode("t", "Make a sentence, from nothing.", (Leg(A, S),)),
        Mode("i2t2i", "Make a variation of a picture.", (Leg(G, S), Leg(S, G))),
        Mode("t2i2t", "Make a variation of a sentence.", (Leg(S, G), Leg(G, S))),
        Mode("edit", "Change a picture, by a prompt.", (Leg(G, S), Leg(S, G, first=0.6))),
    )
}
