"""What can be made again of what a picture or a record describes.

A record comes from anybody. It is read as typed data, bounded in size; no file that it names is
opened, and of the models that it names only those of the registry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unidiff_cli.core.modes import MODES
from unidiff_cli.errors import UnidiffError, UsageError
from unidiff_cli.files.names import Sample
from unidiff_cli.files.originals import Original, originals
from unidiff_cli.files.plan import Plan, make_plan
from unidiff_cli.files.record import Record
from unidiff_cli.files.stamp import Stamp
from unidiff_cli.files.streams import settled
from unidiff_cli.registry import MODELS, Place
from unidiff_cli.request import Request, picture_name

if TYPE_CHECKING:
    from unidiff_cli.speed.memory import Memory

MAX_COUNT = 1000
"""Samples that one record may ask for."""
MAX_THREADS = 256
DTYPES = ("fp32", "bf16", "fp16", "int8")
SPARING: tuple[Memory, ...] = ("low", "min")


def request_of(original: Original, wish: Wish) -> Request:
    """The request to make again, or a UsageError; its pictures are those given here."""
    changes: Mapping[str, Any] = wish.changes
    request = original.record.request
    if request.count > (1 if original.picture else MAX_COUNT):
        raise UsageError(
            "usage.too-many",
            f"{original.name} asks for {request.count} samples.",
            "Ask for them yourself: unidiff batch --schema shows how.",
        )
    if MODES[request.mode].needs == "image":
        if wish.image is None:
            raise UsageError(
                "usage.untold",
                f"{original.name} was made of the picture {picture_name(request.image)!r}, "
                "which is not opened on a record's word.",
                "Name the picture: --image FILE",
            )
        changes = {**changes, "image": str(settled(Path(wish.image)))}
    if original.record.withheld and wish.prompt is None:
        raise UsageError(
            "usage.untold",
            f"{original.name} does not say its prompt, which was left out on purpose.",
            "Give it: --prompt TEXT",
        )
    if wish.prompt is not None:
        changes = {**changes, "prompt": wish.prompt}
    if request.mask is not None or wish.mask is not None:
        if wish.mask is None:
            raise UsageError(
                "usage.untold",
                f"{original.name} was made with the mask {picture_name(request.mask)!r}, "
                "which is not opened on a record's word.",
                "Name the mask: --mask FILE",
            )
        changes = {**changes, "mask": str(settled(Path(wish.mask)))}
    return replace(request, **changes)


def check_comparable(original: Original) -> None:
    """A UsageError when there is nothing that a new one could be compared with."""
    texts = any(output.text is not None for output in original.record.outputs)
    if original.picture is None and not texts:
        raise UsageError(
            "usage.untold",
            f"{original.name} holds neither picture nor words to compare with.",
            "Name the picture itself: the file that a record names is not opened, and a sheet's "
            "small copies are not compared.",
        )


def place_of(record: Record, model: str | None, device: str | None, dtype: str | None) -> Place:
    """What to make it with: what is given, else what is recorded and known here."""
    made_with, recorded = record.made_with, record.made_with.get("model")
    if model is None and recorded is not None and recorded not in MODELS:
        raise UsageError(
            "usage.untold",
            f"It was made with the model {recorded!r}, which is not opened on a record's word.",
            "Name the model: --model NAME",
        )
    number, threads = made_with.get("dtype"), made_with.get("threads", "")
    known = threads.isascii() and threads.isdecimal() and len(threads) < 4
    return Place(
        model=model or recorded,
        device=device or ("cpu" if made_with.get("device") == "cpu" else "auto"),
        dtype=dtype or (number if number in DTYPES else "auto"),
        threads=min(MAX_THREADS, max(1, int(threads))) if known else None,
        memory=next((m for m in SPARING if m == made_with.get("memory")), "auto"),
    )


@dataclass(frozen=True, kw_only=True)
class Task:
    """One record to be made again."""

    original: Original
    request: Request
    place: Place
    samples: tuple[Sample, ...]
    """Those of all tasks are numbered through."""

    @property
    def pictures(self) -> bool:
        """Whether it makes pictures, not words alone."""
        return "image" in self.request.walk.yields


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be other than recorded."""

    changes: Mapping[str, Any]
    """Fields of the request."""
    image: str | None = None
    """The picture that it was made of."""
    prompt: str | None = None
    mask: str | None = None
    """The mask of its edit."""
    model: str | None = None
    device: str | None = None
    dtype: str | None = None
    compared: bool = False
    """Whether what comes out is to be compared with what is there."""

    def task(self, original: Original, first: int) -> Task:
        """The task, whose samples are numbered from `first`; an error where it cannot be made."""
        request = request_of(original, self)
        if self.compared:
            check_comparable(original)
        place = place_of(original.record, self.model, self.device, self.dtype)
        request = request.seeded()
        name = (original.picture or Path("replay")).stem
        samples = tuple(
            Sample(mode=request.mode, seed=(request.seed or 0) + k, index=first + k, name=name)
            for k in range(request.count)
        )
        return Task(original=original, request=request, place=place, samples=samples)


def tasks_in(files: Iterable[str], wish: Wish) -> tuple[list[Task], list[UnidiffError]]:
    """What can be made again, and what is wrong with the rest."""
    tasks: list[Task] = []
    errors: list[UnidiffError] = []
    for file in files:
        found = originals(Path(file))
        while True:
            try:
                original = next(found, None)
                if original is None:
                    break
                if not isinstance(original, Original):
                    raise original
                tasks.append(wish.task(original, sum(len(task.samples) for task in tasks)))
            except UnidiffError as error:
                errors.append(error)
    return tasks, errors


def plans_for(
    tasks: Sequence[Task], *, output: str | None, force: bool, json: bool, stamp: Stamp
) -> dict[bool, Plan]:
    """Where pictures go, and where words alone do, by whether these are pictures."""
    plans = {}
    for pictures in {task.pictures: None for task in tasks}:
        some = [task for task in tasks if task.pictures is pictures]
        samples = [sample for task in some for sample in task.samples]
        walk = some[0].request.walk
        plans[pictures] = make_plan(
            walk, samples, output=output, force=force, json=json, stamp=stamp
        )
    return plans
