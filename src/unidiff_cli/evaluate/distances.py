"""How far one set of pictures is from another: the Frechet and the kernel distance of features.

Both are torchmetrics', given features that are made here: each picture is looked at once.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from unidiff_cli.errors import InputError, UnidiffError, UsageError
from unidiff_cli.evaluate.intervals import Figure
from unidiff_cli.evaluate.networks import Network
from unidiff_cli.evaluate.pulls import frechet_pulls, kernel_pulls
from unidiff_cli.evaluate.rows import Picture
from unidiff_cli.files.pictures import open_picture
from unidiff_cli.progress import Progress

ENOUGH_FOR_FID = 2048
"""Below, the Frechet distance says more of the number of samples than of what they are."""
ENOUGH_FOR_KID = 100
BATCH = 16
SUBSETS, SUBSET = 100, 1000


@dataclass(frozen=True)
class Seen:
    """A set of pictures as a network sees them."""

    features: Tensor
    """(N, width) float32."""
    kept: tuple[int, ...]
    """Which of the pictures they are of."""
    bad: tuple[UnidiffError, ...] = ()
    """What is wrong with each picture that could not be read, and is left out."""

    def __len__(self) -> int:
        return len(self.features)

    def only(self, places: Sequence[int]) -> Seen:
        """Some of them, in this order."""
        return Seen(self.features[list(places)], tuple(self.kept[place] for place in places))


@dataclass(frozen=True, kw_only=True)
class Distance:
    """A distance between two sets, and how far it can be trusted."""

    figure: Figure
    """As a figure of the pictures that were made; the references are what they are."""
    deviation: float | None = None
    """Of the kernel distance, between subsets; None where there is only one."""
    notes: tuple[str, ...] = field(default=())


def look(network: Network, pictures: Sequence[Picture], progress: Progress) -> Seen:
    """The features of all pictures that can be read; an InputError when none can."""
    progress.begin(len(pictures), len(pictures))
    rows, kept, bad = [], [], []
    for start in range(0, len(pictures), BATCH):
        paths, batch = pictures[start : start + BATCH], []
        for place, path in enumerate(paths, start):
            try:
                batch.append(open_picture(path))
                kept.append(place)
            except InputError as error:
                bad.append(error)
        if batch:
            rows.append(network.features(batch))
        progress.evaluated(len(paths))
        progress.finished(len(paths))
    if not rows:
        raise bad[0]
    return Seen(torch.cat(rows), tuple(kept), tuple(bad))


def frechet(references: Seen, made: Seen) -> Distance:
    """The Frechet distance of two Gaussians with the sets' means and covariances (FID).

    A UsageError unless each set has more samples than a feature has numbers: otherwise the
    covariance is singular, and the distance says little but how many samples there are.
    """
    fewest, width = min(len(references), len(made)), references.features.shape[1]
    if fewest <= width:
        raise UsageError(
            "usage.too-few",
            f"{fewest} pictures are too few for FID with features of {width} numbers.",
            f"Give more than {width}, or measure with: unidiff eval kid",
        )
    notes = () if fewest >= ENOUGH_FOR_FID else (_unreliable(fewest),)
    frechet_metric, _ = torchmetrics()
    metric = frechet_metric(feature=_Made(width))
    metric.update(references.features.double(), real=True)
    metric.update(made.features.double(), real=False)
    pulls = frechet_pulls(references.features.double(), made.features.double())
    return Distance(figure=Figure(float(metric.compute()), pulls), notes=notes)


def kernel(
    references: Seen,
    made: Seen,
    *,
    subsets: int = SUBSETS,
    subset: int = SUBSET,
    seed: int = 0,
) -> Distance:
    """The squared maximum mean discrepancy with the kernel (x.y / width + 1)^3 (KID), unbiased.

    The mean over `subsets` draws of `subset` samples from each set, or of as many as the smaller
    set has if that is fewer. A UsageError below two samples.
    """
    fewest = min(len(references), len(made))
    if fewest < 2:
        raise UsageError("usage.too-few", "KID needs two pictures in each set.", "Give it more.")
    size, notes = min(subset, fewest), []
    if size < subset:
        notes.append(f"KID is of subsets of {size}, not {subset}: there are no more pictures")
    if fewest < ENOUGH_FOR_KID:
        notes.append(f"{fewest} pictures say little")
    once = len(references) == len(made) == size
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")  # it warns that it keeps all features
        _, kernel_metric = torchmetrics()
        metric = kernel_metric(
            feature=_Made(references.features.shape[1]),
            subsets=1 if once else subsets,
            subset_size=size,
        )
        metric.update(references.features.double(), real=True)
        metric.update(made.features.double(), real=False)
        torch.manual_seed(seed)
        mean, deviation = metric.compute()
    return Distance(
        figure=Figure(float(mean), kernel_pulls(references.features, made.features)),
        deviation=None if once or subsets == 1 else float(deviation),
        notes=tuple(notes),
    )


def report(metric: str, network: Network, distance: Distance) -> dict[str, Any]:
    """The distance as JSON values, with the network that it depends on."""
    return {
        "metric": metric,
        metric: distance.figure.value,
        "interval": distance.figure.interval,
        "deviation": distance.deviation,
        "features": network.name,
        **network.about,
        "width": network.width,
        "notes": [*network.notes, *distance.notes],
    }


def _unreliable(fewest: int) -> str:
    return (
        f"FID of {fewest} pictures is unreliable: it shrinks as they grow in number, "
        f"so compare it only with FID of as many; from {ENOUGH_FOR_FID} on it can be told"
    )


class _Made(nn.Module):
    """Stands where torchmetrics has a network: what comes in are the features."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.num_features = width

    def forward(self, features: Tensor) -> Tensor:
        return features


def torchmetrics() -> tuple[Any, Any]:
    """The classes of the two distances."""
    try:
        from torchmetrics.image.fid import FrechetInceptionDistance
        from torchmetrics.image.kid import KernelInceptionDistance
    except ImportError as error:
        raise UsageError(
            "usage.needs-package",
            "FID and KID need the package torchmetrics.",
            "Install it with: pip install 'unidiff-cli[eval]'",
        ) from error
    return FrechetInceptionDistance, KernelInceptionDistance
