"""A model sits the examination: its samples, and the marks that they get."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unidiff_cli.batch.worker import Spec
from unidiff_cli.errors import UsageError
from unidiff_cli.evaluate import samples
from unidiff_cli.evaluate.captions import Case, figures, perfect
from unidiff_cli.evaluate.clipart import drawing
from unidiff_cli.evaluate.clipart import marks as marking
from unidiff_cli.evaluate.clipart.claims import Claims
from unidiff_cli.evaluate.clipart.examination import GROUPS, Examination, Prompt, Shot
from unidiff_cli.evaluate.clipart.flat import paint
from unidiff_cli.evaluate.clipart.judge import Judge
from unidiff_cli.evaluate.clipart.sight import Sight, look
from unidiff_cli.evaluate.samples import Made, Problem
from unidiff_cli.files.output import make_folder, replace_file
from unidiff_cli.files.pictures import open_picture
from unidiff_cli.files.record import line
from unidiff_cli.progress import Progress
from unidiff_cli.request import Request

OFTEN = "a red fox"
"""What is asked for with many seeds, and shown."""
NEXT = 10_000
"""Between the seeds of two parts of the examination."""
REPORT, BARS, NEAREST = "clipart.json", "clipart.png", "nearest.png"
SHOWN = 48
"""Samples that are shown beside the drawing that they are likest to."""


@dataclass(frozen=True, kw_only=True)
class Sitting:
    """How much of the examination, and with which settings."""

    examination: Examination
    folder: Path
    spec: Spec
    prompts: int
    pictures: int
    pairs: int
    seeds: int
    """How many of OFTEN, and of each of the `varied` prompts."""
    varied: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0

    @property
    def repeated(self) -> list[tuple[str, Claims]]:
        """The prompts that are made with many seeds, and what they ask; none without prompts."""
        if not self.prompts:
            return []
        some = self.examination.prompts[: min(self.varied, self.prompts)]
        return [(OFTEN, self.examination.read(OFTEN)), *((one.text, one.asked) for one in some)]

    def jobs(self) -> list[dict[str, Any]]:
        """A line of a batch for each sample; a wrong setting is a UsageError."""
        asked = [
            *(
                (f"t2i-{k:04}", {"mode": "t2i", "prompt": prompt.text}, k)
                for k, prompt in self._asked
            ),
            *(
                (f"again-{k:02}-{n:02}", {"mode": "t2i", "prompt": text}, NEXT * (k + 1) + n)
                for k, (text, _) in enumerate(self.repeated)
                for n in range(self.seeds)
            ),
            *(
                (f"i2t-{k:04}", {"mode": "i2t", "image": str(self._file(k).resolve())}, k)
                for k, _ in self._shown
            ),
            *((f"joint-{k:04}", {"mode": "joint"}, k) for k in range(self.pairs)),
        ]
        return [
            {"custom_id": name}
            | Request.from_json({**one, "seed": self.seed + seed, **self.settings}).to_json()
            for name, one, seed in asked
        ]

    @property
    def _asked(self) -> Iterable[tuple[int, Prompt]]:
        return enumerate(self.examination.prompts[: self.prompts])

    @property
    def _shown(self) -> Iterable[tuple[int, Shot]]:
        return enumerate(self.examination.shots[: self.pictures])

    def _file(self, number: int) -> Path:
        return self.folder / "pictures" / f"{number:04}.webp"

    def make(self, progress: Progress, problem: Problem) -> Made:
        """Make what is missing of the samples; the real pictures are laid out in the folder."""
        jobs = self.jobs()
        make_folder(self.folder / "pictures")
        for number, shot in self._shown:
            file = self._file(number)
            if not file.exists():
                replace_file(file, shot.file)
            elif file.read_bytes() != shot.file:
                raise UsageError(
                    "usage.other-settings",
                    f"{self.folder} holds samples of another examination.",
                    "Choose another folder with -o, or remove this one.",
                )
        return samples.make(self.folder, jobs, self.spec, progress, problem)


@dataclass(frozen=True)
class Examiner:
    """Marks the samples of a sitting."""

    sitting: Sitting
    judge: Judge
    words: Sequence[str]
    made: Made

    def report(self, progress: Progress) -> dict[str, Any]:
        """All figures, as JSON values; those of real pictures beside those that need the judge."""
        exam = self.sitting.examination
        progress.stage("looking at the pictures")
        shots, made = [shot.picture for shot in exam.shots], self._pictures("t2i")
        real, drawn = list(self.see(shots)), list(made.values())
        seen = dict(zip(made, self.see(drawn), strict=True))
        progress.stage("reading the captions")
        return {
            "t2i": self._t2i(seen, real),
            "i2t": self._i2t(),
            "joint": self._joint(),
            "seeds": self._seeds(),
            "nearest": self._nearest(seen, real),
            "paint": {"made": _paint(drawn, seen.values()), "real": _paint(shots, real)}
            if drawn
            else {},
        }

    def keep(self, report: Mapping[str, Any]) -> list[Path]:
        """Write the report and its pictures into the folder; the files."""
        exam, some = self.sitting.examination, list(self._pictures("t2i").values())[:SHOWN]
        files = {REPORT: f"{line(report)}\n".encode()}
        if report["t2i"] or report["i2t"]:
            files[BARS] = drawing.bars(report)
        if some:
            copies = drawing.likest(list(self.see(some)), exam.features, exam.thumbs)
            files[NEAREST] = drawing.beside(some, copies)
        return [replace_file(self.sitting.folder / name, data) for name, data in files.items()]

    def see(self, pictures: Sequence[Image.Image]) -> Iterable[Sight]:
        """What the judge sees."""
        return look(self.judge, self.words, self.sitting.examination.palette, pictures)

    def _pictures(self, mode: str) -> dict[int, Image.Image]:
        """The pictures of a mode that were made, by their number."""
        return {
            int(name.split("-")[1]): open_picture(row.image)
            for name, row in sorted(self.made.rows.items())
            if name.startswith(f"{mode}-") and row.image is not None
        }

    def _t2i(self, seen: Mapping[int, Sight], real: Sequence[Sight]) -> dict[str, Any]:
        exam = self.sitting.examination
        found = {}
        for group in GROUPS:
            each = [
                marking.marks(exam.prompts[k].asked, sight)
                for k, sight in seen.items()
                if exam.prompts[k].group == group
            ]
            true = [
                marking.marks(shot.shows, sight)
                for shot, sight in zip(exam.shots, real, strict=True)
                if shot.group == group
            ]
            judged = marking.shares(true)
            values = {
                name: {**value, "real": judged.get(name, {}).get("share")}
                for name, value in marking.shares(each).items()
            }
            if each:
                found[group] = {"n": len(each), **values}
        return found

    def _i2t(self) -> dict[str, Any]:
        exam, found = self.sitting.examination, {}
        for group in GROUPS:
            each, cases = [], []
            for number, shot in enumerate(exam.shots):
                row = self.made.rows.get(f"i2t-{number:04}")
                if shot.group == group and row is not None and row.text is not None:
                    each.append(marking.told(shot.shows, exam.read(row.text)))
                    cases.append(Case(row.text, shot.captions))
            if each:
                score, best = (figures(some)["cider-d"] for some in (cases, perfect(cases)))
                found[group] = {
                    "n": len(each),
                    "cider-d": score.value,
                    "cider-d interval": score.interval,
                    "perfect cider-d": best.value,
                    **marking.shares(each),
                }
        return found

    def _joint(self) -> dict[str, Any]:
        exam, pictures = self.sitting.examination, self._pictures("joint")
        sights = self.see(list(pictures.values()))
        each = [
            marking.agreement(exam.read(self.made.rows[f"joint-{k:04}"].text or ""), sight)
            for k, sight in zip(pictures, sights, strict=True)
        ]
        return {"n": len(each), **marking.shares(each)}

    def _seeds(self) -> list[dict[str, Any]]:
        """For each prompt of many seeds: how often it is right, and how unlike the samples are."""
        found = []
        for k, (text, asked) in enumerate(self.sitting.repeated):
            rows = [self.made.rows.get(f"again-{k:02}-{n:02}") for n in range(self.sitting.seeds)]
            pictures = [open_picture(row.image) for row in rows if row and row.image]
            if not pictures:
                continue
            sights = list(self.see(pictures))
            right = sum(marking.marks(asked, sight)["all"] for sight in sights)
            found.append(
                {
                    "prompt": text,
                    "n": len(sights),
                    "right": right,
                    "unlike": unlike([s.features for s in sights if s.features is not None]),
                    "pixels": pixels_apart(pictures),
                }
            )
        return found

    def _nearest(self, seen: Mapping[int, Sight], real: Sequence[Sight]) -> dict[str, float]:
        """How like the likest drawing that was learned from is; and to real ones that were not."""
        exam = self.sitting.examination
        new = [
            sight
            for shot, sight in zip(exam.shots, real, strict=True)
            if shot.group == "drawing" and len(shot.shows.things) == 1
        ]
        return (
            {
                "made": float(
                    np.median([nearest(exam.features, sight)[1] for sight in seen.values()])
                ),
                "real": float(np.median([nearest(exam.features, sight)[1] for sight in new])),
            }
            if seen and new
            else {}
        )


def _paint(pictures: Sequence[Image.Image], sights: Iterable[Sight]) -> dict[str, Any]:
    return paint(pictures, [sight.background == "white" for sight in sights])


def nearest(features: NDArray[np.float32], sight: Sight) -> tuple[int, float]:
    """Which drawing is the likest by the judge's features, and the cosine."""
    assert sight.features is not None
    likeness = features @ sight.features
    best = int(likeness.argmax())
    return best, float(likeness[best])


def unlike(features: Sequence[NDArray[np.float32]]) -> float | None:
    """One less the cosine, averaged over all pairs; None for fewer than two."""
    each = [1 - float(one @ other) for one, other in combinations(features, 2)]
    return sum(each) / len(each) if each else None


def pixels_apart(pictures: Sequence[Image.Image]) -> float | None:
    """The mean difference of pixels in 0..1, averaged over all pairs; None for fewer than two."""
    arrays = [np.asarray(picture, np.float32) / 255 for picture in pictures]
    each = [float(np.abs(one - other).mean()) for one, other in combinations(arrays, 2)]
    return sum(each) / len(each) if each else None
