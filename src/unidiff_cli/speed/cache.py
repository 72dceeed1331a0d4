"""The U-ViT's own cache: its outer blocks at every evaluation, its middle only now and then.

From one evaluation to the next, the middle of a diffusion network changes little (DeepCache,
arXiv 2312.00858). A U-ViT's long skips pair its first in-blocks with its last out-blocks: these
are computed anew, and what reaches them from the middle is extrapolated, on a line through the
last two times that it was computed. That is done a few times in a row at most, and only until the
output of the first block has moved too far (the criterion of ParaAttention's first-block cache).

Both were measured on the bundled model (docs/fast.md): the line is much nearer than the last value
alone, and every second evaluation is better than as many chosen by the first block, which moves
alike at all levels. There, fewer steps do as well in the same time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from unidiff_cli.core.modes import Mode, Role
from unidiff_cli.core.pair import MODALITIES
from unidiff_cli.core.sampler import Levels
from unidiff_cli.nets.uvit import Noises, UViT

Fast = Literal["off", "safe", "max"]
Place = tuple[int, int]
"""A row of the network's batch: which point of the evaluation, of which sample."""


@dataclass(frozen=True)
class Plan:
    """When the middle is computed again."""

    most: int
    """Evaluations in a row without it."""
    threshold: float
    """The relative change of the first block's output from which the middle is computed again."""


PLANS: dict[str, Plan] = {"safe": Plan(1, 0.25), "max": Plan(2, 0.25)}
"""Chosen with benchmarks/fast_loss.py."""
OUTER_SHARE = 5
"""One in so many of the in-blocks, and of the out-blocks, is an outer one: 3 of v1's 15."""


@dataclass(frozen=True)
class Kept:
    """What one place remembers from the last times that its middle was computed."""

    time: float
    first: Tensor  # (L, D), behind the first block
    middle: Tensor  # (L, D), before the outer out-blocks
    before: tuple[float, Tensor] | None = None
    """The time and the middle of the time before the last."""
    reused: int = 0
    """How often in a row it has been drawn on."""

    def at(self, time: float) -> Tensor:
        """The middle (L, D) as it should be by now."""
        if self.before is None:
            return self.middle
        then, other = self.before
        # After a short step a long one would be a shot in the dark: never extrapolate further than
        # the last two are apart.
        share = min(1.0, (time - self.time) / (self.time - then))
        return self.middle + share * (self.middle - other)


@dataclass
class SkipCache:
    """A U-ViT that remembers the output of its middle, separately for each point of each sample.

    Each row decides by its own numbers, so a sample does not depend on its batch.
    """

    net: UViT
    plan: Plan
    evaluations: int = 0
    """Rows that the network was asked for."""
    reused: int = 0
    """Those of them whose middle was not computed."""
    kept: dict[Place, Kept] = field(default_factory=dict)
    last: Levels | None = None

    @property
    def outer(self) -> int:
        """How many in-blocks and out-blocks are computed at every evaluation."""
        return max(1, len(self.net.in_blocks) // OUTER_SHARE)

    def begin(self, levels: Levels) -> None:
        """Say at which levels the first point of the coming evaluation is.

        Along a walk levels only fall, and one does at every evaluation: anything else is the
        beginning of another walk, which must know nothing of this one.
        """
        last = self.last
        if last is None or levels == last or any(levels[m] > last[m] for m in MODALITIES):
            self.kept.clear()
        self.last = levels

    def __call__(
        self,
        places: Sequence[Place],
        levels: Sequence[Levels],
        image: Tensor,
        clip: Tensor,
        text: Tensor,
        t_image: Tensor,
        t_text: Tensor,
        data_type: Tensor | None = None,
    ) -> Noises:
        """What the network's own forward takes and gives, for rows at these places and levels."""
        net, outer, half = self.net, self.outer, len(self.net.in_blocks)
        times = [clock(each) for each in levels]
        x = net.embed(image, clip, text, t_image, t_text, data_type)
        x, skips = net.enter(x, 0, outer)
        stale = self._stale(places, levels, skips[0])
        if stale:
            # Without a copy where all rows are stale: then this is the plain forward.
            y = x if len(stale) == len(places) else x[stale]
            y, inner = net.enter(y, outer, half)
            y = net.leave(net.mid_block(y), inner, 0, half - outer)
            for row, middle in zip(stale, y, strict=True):
                place, old = places[row], self.kept.get(places[row])
                before = None if old is None else (old.time, old.middle)
                self.kept[place] = Kept(times[row], skips[0][row], middle, before)
        self.evaluations += len(places)
        self.reused += len(places) - len(stale)
        if len(stale) < len(places):
            rows = zip(places, times, strict=True)
            y = torch.stack([self.kept[place].at(time) for place, time in rows])
            for place in (place for row, place in enumerate(places) if row not in stale):
                self.kept[place] = replace(self.kept[place], reused=self.kept[place].reused + 1)
        y = net.leave(y, skips, half - outer, half)
        return net.head(y, image.shape[-2], image.shape[-1])

    def _stale(self, places: Sequence[Place], levels: Sequence[Levels], first: Tensor) -> list[int]:
        """The rows whose middle has to be computed, by the output (B, L, D) of the first block."""
        known = {
            row: self.kept[place]
            for row, place in enumerate(places)
            if place in self.kept and self.kept[place].reused < self.plan.most
        }
        if not known:
            return list(range(len(places)))
        moved = [self._moved(kept.first, first[row], levels[row]) for row, kept in known.items()]
        # One wait for the device, however many rows there are.
        distances = dict(zip(known, torch.stack(moved).tolist(), strict=True))
        near = {row for row, distance in distances.items() if distance < self.plan.threshold}
        return [row for row in range(len(places)) if row not in near]

    def _moved(self, then: Tensor, now: Tensor, levels: Levels) -> Tensor:
        """How far (L, D) has moved, at the tokens of what the solver moves.

        The others are no measure: what is given stays, and absent noise may be drawn anew.
        """
        config = self.net.config
        start = 3 if config.data_types else 2
        end = start + config.text_tokens
        tokens = {"text": slice(start, end), "image": slice(end, None)}
        sampled = [m for m in MODALITIES if 0 < levels[m] < 1]
        before, after = (torch.cat([x[tokens[m]] for m in sampled]).float() for x in (then, now))
        moved: Tensor = (after - before).norm() / before.norm()
        return moved


def clock(levels: Levels) -> float:
    """The time of the solver at a point: the level that is neither given nor absent."""
    between = [levels[m] for m in MODALITIES if 0 < levels[m] < 1]
    return between[0] if between else 1.0


def skip_cache(net: UViT, fast: Fast, mode: Mode) -> SkipCache | None:
    """The cache for a value of `fast`; None for "off", and for "safe" where a leg samples pairs.

    Picture and words settle what they will be of by small differences: with an extrapolated
    middle, fewer pairs agree.
    """
    paired = any(leg.which(Role.SAMPLED) == MODALITIES for leg in mode.legs)
    if fast == "off" or (fast == "safe" and paired):
        return None
    return SkipCache(net, PLANS[fast])
