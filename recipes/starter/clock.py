"""What is done of a recipe, how long it took, and how long the rest may take."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from unidiff_cli.train.report import clock as spoken


@dataclass(frozen=True)
class Clock:
    """The stages of a recipe, in their order, with the minutes that each is thought to take.

    `path` keeps for each that was begun the seconds over all sittings, and whether it is done.
    """

    path: Path
    minutes: Mapping[str, float]
    now: Callable[[], float] = time.monotonic

    def kept(self) -> dict[str, dict[str, float]]:
        """What earlier sittings left."""
        if not self.path.exists():
            return {}
        found: dict[str, dict[str, float]] = json.loads(self.path.read_text(encoding="utf-8"))
        return found

    def done(self, stage: str) -> bool:
        """Whether a stage came to its end."""
        return bool(self.kept().get(stage, {}).get("done"))

    @contextmanager
    def running(self, stage: str) -> Iterator[None]:
        """Count the time inside for a stage, which is done if nothing is raised."""
        began, done = self.now(), False
        try:
            yield
            done = True
        finally:
            kept = self.kept()
            seconds = kept.get(stage, {}).get("seconds", 0.0) + self.now() - began
            kept[stage] = {"seconds": round(seconds, 1), "done": done}
            self.path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")

    def left(self) -> float:
        """Seconds that the rest may take, at the pace of what is done."""
        kept = self.kept()
        done = [stage for stage in self.minutes if self.done(stage)]
        thought = 60 * sum(self.minutes[stage] for stage in done)
        pace = sum(kept[stage]["seconds"] for stage in done) / thought if thought else 1.0
        rest = (
            max(0.0, 60 * pace * minutes - kept.get(stage, {}).get("seconds", 0.0))
            for stage, minutes in self.minutes.items()
            if stage not in done
        )
        return sum(rest)

    def line(self, stage: str) -> str:
        """Where a stage stands: "stage 3 of 8, vae; about 10 h 20 min left"."""
        number = list(self.minutes).index(stage) + 1
        spent = self.kept().get(stage, {}).get("seconds", 0.0)
        before = f" after {spoken(spent)}" if spent else ""
        left = f"about {spoken(self.left())} left"
        return f"stage {number} of {len(self.minutes)}, {stage}{before}; {left}"
