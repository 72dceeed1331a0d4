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
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from unidiff_cli.core.pair import MODALITIES, Modality, Pair


class Role(Enum):
    """What a modality does during a leg."""

    SAMPLED = "sampled"
    GIVEN = "given"
    ABSENT = "absent"


@dataclass(frozen=True)
class Leg(Pair[Role]):
    """One straight path on the square: at least one modality is sampled."""

    def __post_init__(self) -> None:
        if not self.which(Role.SAMPLED):
            raise ValueError(f"a leg samples at least one modality, got {self}")

    def which(self, role: Role) -> tuple[Modality, ...]:
        """The modalities in this role, the image first."""
        return tuple(m for m in MODALITIES if self[m] is role)

    @staticmethod
    def alone(modality: Modality) -> Leg:
        """The leg that samples `modality` knowing nothing of the other: guidance pushes off it."""
        sampled, absent = Role.SAMPLED, Role.ABSENT
        return Leg(absent, sampled) if modality == "text" else Leg(sampled, absent)


@dataclass(frozen=True)
class Mode:
    """A task: its name, what it is for, and the legs it walks one after the other."""

    name: str
    help: str
    legs: tuple[Leg, ...]

    @property
    def needs(self) -> Modality | None:
        """What the user must give: what the first leg is given."""
        given = self.legs[0].which(Role.GIVEN)
        return given[0] if given else None

    @property
    def yields(self) -> tuple[Modality, ...]:
        """What the user gets: what the last leg samples."""
        return self.legs[-1].which(Role.SAMPLED)


S, G, A = Role.SAMPLED, Role.GIVEN, Role.ABSENT

MODES: dict[str, Mode] = {
    mode.name: mode
    for mode in (
        Mode("t2i", "Make a picture of what a prompt says.", (Leg(S, G),)),
        Mode("i2t", "Say what a picture shows.", (Leg(G, S),)),
        Mode("joint", "Make a picture and its caption, from nothing.", (Leg(S, S),)),
        Mode("i", "Make a picture, from nothing.", (Leg(S, A),)),
        Mode("t", "Make a sentence, from nothing.", (Leg(A, S),)),
        Mode("i2t2i", "Make a variation of a picture.", (Leg(G, S), Leg(S, G))),
        Mode("t2i2t", "Make a variation of a sentence.", (Leg(S, G), Leg(G, S))),
    )
}
