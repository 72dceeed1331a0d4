"""The measures of pictures, from what systems made to an answer for each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from unidiff_cli.engine.opening import open_model
from unidiff_cli.errors import UnidiffError
from unidiff_cli.evaluate import clip_score as scoring
from unidiff_cli.evaluate import guidance, networks, rows
from unidiff_cli.evaluate.chart import Panel, png
from unidiff_cli.evaluate.clip import open_clip
from unidiff_cli.evaluate.distances import Distance, Seen, look, report, torchmetrics
from unidiff_cli.evaluate.intervals import Figure, mean
from unidiff_cli.evaluate.own_score import own_score
from unidiff_cli.evaluate.pairing import Read, common, difference
from unidiff_cli.evaluate.resizing import Resize
from unidiff_cli.evaluate.rows import Picture
from unidiff_cli.progress import Progress
from unidiff_cli.registry import Place
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
    read: Read,
    systems: Sequence[Path],
    paired: bool,
    features: str,
    resize: Resize | None,
    device: str,
    progress: Progress,
) -> Measured:
    """How far each system's pictures are from the references'; two also on the same items."""
    progress.stage(f"loading {features}")
    network, seen = networks.open_network(features, choose_device(device), resize), {}
    measured = Measured()
    for path, items in read.items():
        progress.stage(f"looking at {path}")
        seen[path] = look(network, [row.image for row in items if row.image], progress)
        measured.bad += seen[path].bad
    real = seen[references]

    def answer(whose: dict[str, str], result: Distance, n: int) -> None:
        about = {**whose, "references": str(references)}
        counts = {"n": n, "n_references": len(real)}
        measured.answers.append(about | report(metric, network, result) | counts)

    for path in systems:
        answer({"system": str(path)}, distance(real, seen[path]), len(seen[path]))
    if paired:
        places = common(read, systems, {path: each.kept for path, each in seen.items()})
        some = [seen[path].only(each) for path, each in zip(systems, places, strict=True)]
        one, other = (distance(real, each) for each in some)
        apart = Distance(figure=one.figure - other.figure, notes=one.notes)
        answer(difference(systems), apart, len(some[0]))
    return measured


def clip_scores(
    read: Read,
    systems: Sequence[Path],
    paired: bool,
    clip: str,
    device: str,
    progress: Progress,
) -> tuple[Measured, bytes]:
    """How well each system's pictures and words agree; and the chart of it, a PNG."""
    progress.stage(f"loading {clip}")
    network = open_clip(clip, choose_device(device))
    measured, scores = _scored(
        *(read, systems, paired, partial(scoring.clip_score, network)),
        *("clip-score", {"clip": clip, "notes": list(network.notes)}, progress),
    )
    curves = {str(path): scoring.histogram(each) for path, each in scores.items()}
    return measured, png([Panel("Share of the pairs", "CLIP score", curves)])


def own_scores(
    read: Read, systems: Sequence[Path], paired: bool, place: Place, progress: Progress
) -> Measured:
    """How well each system's pictures and words agree, as a model itself sees it."""
    model = open_model(place, progress)
    about = {"model": model.made_with["model"], "notes": []}
    judge = partial(own_score, model)
    return _scored(read, systems, paired, judge, "score", about, progress)[0]


def _scored(
    read: Read,
    systems: Sequence[Path],
    paired: bool,
    judge: Callable[[Sequence[tuple[Picture, str]], Progress], scoring.Scores],
    metric: str,
    about: Mapping[str, Any],
    progress: Progress,
) -> tuple[Measured, dict[Path, scoring.Scores]]:
    """What a judge says of each system's pairs, and of the difference of two."""
    measured, scores = Measured(), dict[Path, scoring.Scores]()

    def answer(whose: dict[str, str], figure: Figure) -> None:
        values = {"interval": figure.interval, "error": figure.error, "n": len(figure)}
        score = {"metric": metric, **whose, metric: figure.value}
        measured.answers.append({**score, **values, **about})

    for path in systems:
        progress.stage(f"looking at {path}")
        scores[path] = judge(rows.pairs(read[path]), progress)
        measured.bad += scores[path].bad
        answer({"system": str(path)}, scores[path].figure)
    if paired:
        places = common(read, systems, {path: each.kept for path, each in scores.items()})
        one, other = (
            mean([scores[path].each[k] for k in each])
            for path, each in zip(systems, places, strict=True)
        )
        answer(difference(systems), one - other)
    return measured, scores


def study(
    asked: guidance.Study,
    references: Path | None,
    pictures: Sequence[Picture],
    features: str,
    resize: Resize | None,
    clip: str,
    device: str,
    progress: Progress,
) -> Measured:
    """A model at many guidance scales; with references, FID and KID from their pictures too."""
    asked.jobs()  # a wrong setting is told before anything is loaded
    measured, place = Measured(), choose_device(device)
    scorer, network, real = open_clip(clip, place), None, None
    if pictures:
        torchmetrics()  # sampling is long: what is missing is told before it
        network = networks.open_network(features, place, resize)
        progress.stage(f"looking at {references}")
        real = look(network, pictures, progress)
        measured.bad += real.bad
    made = guidance.make(asked, progress, measured.bad.append)
    measured.answers.append(guidance.measure(asked, made, scorer, progress, network, real))
    measured.files = guidance.keep(asked, measured.answers[0])
    return measured
