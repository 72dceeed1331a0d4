"""What is asked of a walk and what comes of it: plain values, no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from unidiff_cli.request import Request

if TYPE_CHECKING:
    from PIL import Image

    from unidiff_cli.engine.pipeline import UniDiffuser

MOST_STAGES = 10_000
Through = Literal["latents", "words"]


@dataclass(frozen=True)
class Stage:
    """One stop of a walk: a picture or words, and whether they were given rather than made."""

    image: Image.Image | None = None
    text: str | None = None
    given: bool = False
    fidelity: float | None = None
    """PSNR in dB of an end of an interpolation against the VAE's own picture of the input."""


@dataclass(frozen=True)
class Chain:
    """Back and forth between picture and words."""

    start: Request
    rounds: int = 3
    through: Through = "latents"
    name = "chain"
    arrows = True
    """Whether each stage is made of the one before it."""
    like = "i2t2i"
    """The mode whose defaults count: both legs are walked."""

    @property
    def ends(self) -> tuple[Request, ...]:
        """What is given."""
        return (self.start,)

    @property
    def stages(self) -> int:
        """How many there will be: what is given, and of each round a picture and a caption."""
        return 2 * self.rounds + 1

    def about(self, resolved: Request) -> dict[str, Any]:
        """The walk and its settings as plain values; `resolved` is its first end."""
        own = {"walk": self.name, "rounds": self.rounds, "through": self.through}
        return {**own, **_plain(self.start), **_plain(resolved)}

    def __call__(self, model: UniDiffuser) -> Iterator[Stage]:
        """The stages, each as soon as it is made."""
        from unidiff_cli.walks.chain import chain

        return chain(model, self.start, self.rounds, self.through)


@dataclass(frozen=True)
class Interpolation:
    """From one input to another of its kind, in so many stages."""

    first: Request
    second: Request
    stages: int
    ode_steps: int
    name = "interpolate"
    arrows = False
    like = None

    @property
    def ends(self) -> tuple[Request, ...]:
        """Both, as the walk treats them."""
        return replace(self.first, absent="fixed"), replace(self.second, absent="fixed")

    def about(self, resolved: Request) -> dict[str, Any]:
        """The same; the steps of the ODE only where there is one."""
        own = {"walk": self.name, "stages": self.stages, **_plain(self.first)}
        own["to"] = str(self.second.given)
        own |= {"ode_steps": self.ode_steps} if self.first.image is not None else {}
        return {**own, **_plain(resolved)}

    def __call__(self, model: UniDiffuser) -> Iterator[Stage]:
        """The same."""
        from unidiff_cli.walks.interpolate import interpolate

        first, second = self.ends
        return interpolate(model, first, second, self.stages, self.ode_steps)


Walk = Chain | Interpolation


def _plain(request: Request) -> dict[str, Any]:
    """What is asked of every stage, as plain values."""
    values = request.to_json()
    del values["mode"], values["count"]
    if request.size is not None:
        values["size"] = "x".join(map(str, request.size))
    if request.guidance_interval is not None:
        values["guidance_interval"] = ",".join(f"{t:g}" for t in request.guidance_interval)
    return values
