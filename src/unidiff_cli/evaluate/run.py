"""The measures of pictures, from what systems made to an answer for each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unidiff_cli.errors import UnidiffError
from unidiff_cli.evaluate import clip_score as scoring
from unidiff_cli.evaluate import guidance, networks
from unidiff_cli.evaluate.chart import Panel, png
from unidiff_cli.evaluate.distances import Distance, Seen, look, report, torchmetrics
from unidiff_cli.evaluate.rows import Picture
from unidiff_cli.progress import Progress
from unidiff_cli.speed.dtype import choose_device


@dataclass
class Measured:
    """JSON values for each system, and what is wrong with the pictures that were left out."""

    answers: list[dict[str, Any]] = field(default_factory=list)
    bad: list[UnidiffError] = field(default_factory=list)
    files: Sequence[Path] = ()
    """What was written."""


def distances(
    metric: str,
    distance: Callable[[Seen, Seen], Distance],
    references: Path,
    pictures: Mapping[Path, Sequence[Picture]],
    systems: Sequence[Path],
    features: str,
    device: str,
    progress: Progress,
) -> Measured:
    """How far each system's pictures are from the references'."""
    progress.stage(f"loading {features}")
    network, seen = networks.open_network(features, choose_device(device)), {}
    measured = Measured()
    for path, found in pictures.items():
        progress.stage(f"looking at {path}")
        seen[path] = look(network, found, progress)
        measured.bad += seen[path].bad
    for path in systems:
        about = {"system": str(path), "references": str(references)}
        result = distance(seen[references], seen[path])
        counts = {"n": len(seen[path]), "n_references": len(seen[references])}
        measured.answers.append(about | report(metric, network, result) | counts)
    return measured


def clip_scores(
    pairs: Mapping[Path, Sequence[tuple[Picture, str]]],
    systems: Sequence[Path],
    clip: str,
    device: str,
    progress: Progress,
) -> tuple[Measured, bytes]:
    """How well each system's pictures and words agree; and the chart of it, a PNG."""
    progress.stage(f"loading {clip}")
    network = networks.open_clip(clip, choose_device(device))
    measured, curves = Measured(), {}
    for path in systems:
        progress.stage(f"looking at {path}")
        scores = scoring.clip_score(network, pairs[path], progress)
        measured.bad += scores.bad
        curves[str(path)] = scoring.histogram(scores)
        measured.answers.append(
            {
                "metric": "clip-score",
                "system": str(path),
                "clip-score": scores.mean,
                "error": scores.error,
                "n": len(scores.each),
                "clip": clip,
                "notes": [],
            }
        )
    return measured, png([Panel("Share of the pairs", "CLIP score", curves)])


def study(
    asked: guidance.Study,
    references: Path | None,
    pictures: Sequence[Picture],
    features: str,
    clip: str,
    device: str,
    progress: Progress,
) -> Measured:
    """A model at many guidance scales; with references, FID and KID from their pictures too."""
    asked.jobs()  # a wrong setting is told before anything is loaded
    measured, place = Measured(), choose_device(device)
    scorer, network, real = networks.open_clip(clip, place), None, None
    if pictures:
        torchmetrics()  # sampling is long: what is missing is told before it
        network = networks.open_network(features, place)
        progress.stage(f"looking at {references}")
        real = look(network, pictures, progress)
        measured.bad += real.bad
    made = guidance.make(asked, progress, measured.bad.append)
    measured.answers.append(guidance.measure(asked, made, scorer, progress, network, real))
    measured.files = guidance.keep(asked, measured.answers[0])
    return measured
