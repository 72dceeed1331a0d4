"""A model at many guidance scales, the same seeds at each: what UniDiffuser's paper draws.

Its Figures 5 and 6 show FID and CLIP score of t2i, and CLIP score of i2t, as the scale grows. The
samples are a batch in a folder: what a kill interrupts, the same call ends, and more scales can be
asked for later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unidiff_cli.batch.worker import Spec
from unidiff_cli.errors import UsageError
from unidiff_cli.evaluate import samples
from unidiff_cli.evaluate.chart import Panel, Point, png
from unidiff_cli.evaluate.clip import Clip
from unidiff_cli.evaluate.clip_score import clip_score
from unidiff_cli.evaluate.distances import Seen, frechet, kernel, look
from unidiff_cli.evaluate.networks import Network
from unidiff_cli.evaluate.samples import Made, Problem
from unidiff_cli.files.output import replace_file
from unidiff_cli.files.record import line
from unidiff_cli.progress import Progress
from unidiff_cli.request import Request

CHART, REPORT = "guidance.png", "guidance.json"


@dataclass(frozen=True, kw_only=True)
class Study:
    """What is asked: prompts make pictures, pictures are described, at every scale."""

    scales: tuple[float, ...]
    folder: Path
    spec: Spec
    prompts: tuple[str, ...] = ()
    pictures: tuple[Path, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    """steps, solver, ...: fields of a Request."""
    seed: int = 0
    """Of the first prompt and picture at every scale; the next ones have the next seeds."""

    def ids(self, mode: str, scale: float) -> list[str]:
        """The custom_ids of a mode's samples at a scale."""
        number = len(self.prompts if mode == "t2i" else self.pictures)
        return [f"{mode}-{scale:g}-{index:06}" for index in range(number)]

    def jobs(self) -> list[dict[str, Any]]:
        """A line of a batch for each sample; a wrong setting is a UsageError."""
        given: list[tuple[str, list[dict[str, str]]]] = [
            ("t2i", [{"prompt": prompt} for prompt in self.prompts]),
            ("i2t", [{"image": str(path.resolve())} for path in self.pictures]),
        ]
        return [
            {"custom_id": custom_id}
            | Request.from_json(
                {"mode": mode, **one, "seed": self.seed + k, "guidance": scale, **self.settings}
            ).to_json()
            for scale in self.scales
            for mode, each in given
            for k, (custom_id, one) in enumerate(zip(self.ids(mode, scale), each, strict=True))
        ]


def make(study: Study, progress: Progress, problem: Problem) -> Made:
    """Make what is missing of the samples."""
    return samples.make(study.folder, study.jobs(), study.spec, progress, problem)


def measure(
    study: Study,
    made: Made,
    clip: Clip,
    progress: Progress,
    network: Network | None = None,
    references: Seen | None = None,
) -> dict[str, Any]:
    """The report: for each scale the CLIP scores, and the distances from the references."""
    notes = dict.fromkeys([*clip.notes, *(network.notes if network is not None else ())])
    points = []
    for scale in study.scales:
        point: dict[str, Any] = {"guidance": scale}
        for mode in ("t2i", "i2t"):
            found = [made.rows[k] for k in study.ids(mode, scale) if k in made.rows]
            pairs = [row.pair for row in found if row.pair is not None]
            if not pairs:
                continue
            progress.stage(f"scoring {mode} at {scale:g}")
            scores = clip_score(clip, pairs, progress)
            figure = scores.figure
            point[mode] = {
                "n": len(figure),
                "clip_score": figure.value,
                "interval": figure.interval,
                "error": figure.error,
            }
            if mode == "t2i" and network is not None and references is not None:
                seen = look(network, [path for path, _ in pairs], progress)
                point[mode] |= _distances(references, seen, notes)
        points.append(point)
    return {
        "metric": "guidance",
        "clip": clip.name,
        "features": network.name if network is not None else None,
        **(network.about if network is not None else {}),
        "references": len(references) if references is not None else None,
        "seed": study.seed,
        **study.settings,
        "scales": points,
        "notes": list(notes),
        "made_with": dict(made.made_with),
    }


def _distances(references: Seen, seen: Seen, notes: dict[str, None]) -> dict[str, Any]:
    """FID, None where there are too few pictures for it, and KID."""
    near = kernel(references, seen)
    notes.update(dict.fromkeys(near.notes))
    found: dict[str, Any] = {
        "fid": None,
        "kid": near.figure.value,
        "kid_interval": near.figure.interval,
        "kid_deviation": near.deviation,
    }
    try:
        far = frechet(references, seen)
    except UsageError as error:
        notes[error.message.rstrip(".")] = None
    else:
        found |= {"fid": far.figure.value, "fid_interval": far.figure.interval}
        notes.update(dict.fromkeys(far.notes))
    return found


def panels(report: Mapping[str, Any]) -> list[Panel]:
    """CLIP scores by scale; and where there are references, the distance by scale and by score."""
    points = report["scales"]
    scores = {
        mode: [(each["guidance"], each[mode]["clip_score"]) for each in points if mode in each]
        for mode in ("t2i", "i2t")
    }
    drawn = [Panel("CLIP score", "guidance", {mode: c for mode, c in scores.items() if c})]
    for name, factor, title in (("fid", 1, "FID of t2i"), ("kid", 1000, "KID x 1000 of t2i")):
        found = [each for each in points if each.get("t2i", {}).get(name) is not None]
        if not found:
            continue
        far = [factor * each["t2i"][name] for each in found]
        scales = [each["guidance"] for each in found]
        trade: list[Point] = [
            (each["t2i"]["clip_score"], y) for each, y in zip(found, far, strict=True)
        ]
        labels = {point: f"{scale:g}" for point, scale in zip(trade, scales, strict=True)}
        drawn += [
            Panel(title, "guidance", {"t2i": list(zip(scales, far, strict=True))}),
            Panel(f"{title}, at each guidance", "CLIP score", {"t2i": trade}, labels),
        ]
        break
    return drawn


def keep(study: Study, report: Mapping[str, Any]) -> Sequence[Path]:
    """Write the report and its chart into the folder; the two files."""
    text = f"{line(report)}\n"
    return (
        replace_file(study.folder / REPORT, text.encode()),
        replace_file(study.folder / CHART, png(panels(report))),
    )
