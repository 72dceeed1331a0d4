"""What can be made again of what a picture or a record describes.

A record comes from anybody. It is read as typed data, bounded in size; no file that it names is
opened, and of the models that it names only those of the registry.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unidiff_cli.core.modes import MODES
from unidiff_cli.errors import InputError, UnidiffError, UsageError
from unidiff_cli.files.metadata import read_metadata
from unidiff_cli.files.names import Sample
from unidiff_cli.files.plan import Plan, make_plan
from unidiff_cli.files.record import Record
from unidiff_cli.registry import MODELS, Place
from unidiff_cli.request import Request

if TYPE_CHECKING:
    from unidiff_cli.speed.memory import Memory

RECORD_FILES = (".json", ".jsonl", ".ndjson")
MAX_FILE = 2**24
MAX_LINE = 2**20
"""Bytes of a file with one document, and of a line of one with many."""
MAX_COUNT = 1000
"""Samples that one record may ask for."""
MAX_THREADS = 256
DTYPES = ("fp32", "bf16", "fp16", "int8")
SPARING: tuple[Memory, ...] = ("low", "min")


@dataclass(frozen=True, kw_only=True)
class Original:
    """A record, and where it was found."""

    name: str
    """The file, with the line or the number of the record where there are more."""
    record: Record
    picture: Path | None = None
    """The picture that the record is of."""


def originals(path: Path) -> Iterator[Original | UnidiffError]:
    """The records in a picture, a JSON or a JSONL file; an error in the place of a bad one."""
    if path.suffix.lower() in RECORD_FILES:
        yield from _in_file(path)
        return
    metadata = read_metadata(path)
    if metadata.problem:
        raise InputError(
            f"{path} has a record that cannot be understood: {metadata.problem}.",
            "Was it changed, or made by a later version?",
        )
    if metadata.walk:
        raise InputError(
            f"{path} is of a walk ({metadata.walk.get('walk')}), which is made again only whole.",
            f"unidiff info {path} tells its settings.",
        )
    if not metadata.records:
        raise InputError(
            f"{path} does not say how it was made.",
            "Only pictures that unidiff made can be replayed; other programs drop what they say.",
        )
    alone = len(metadata.records) == 1
    for number, record in enumerate(metadata.records, start=1):
        name = str(path) if alone else f"{path}, picture {number}"
        yield Original(name=name, record=record, picture=path if alone else None)


def _in_file(path: Path) -> Iterator[Original | UnidiffError]:
    """The records of a text file, one after the other."""
    try:
        with open(path, "rb") as file:
            if path.suffix.lower() == ".json":
                lines: Iterator[bytes] = iter([file.read(MAX_FILE + 1)])
                most, alone = MAX_FILE, True
            else:
                lines = iter(lambda: file.readline(MAX_LINE + 1), b"")
                most, alone = MAX_LINE, False
            for number, line in enumerate(lines, start=1):
                name = str(path) if alone else f"{path}, line {number}"
                if len(line) > most:
                    raise InputError(f"{name} is longer than {most} bytes.", "Is it a record?")
                if line.strip():
                    yield from _on_line(name, line)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Check the path.") from error


def _on_line(name: str, line: bytes) -> Iterator[Original | UnidiffError]:
    """The record of a line, or the records of a document that has a list of them."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        yield InputError(f"{name} is no JSON ({error}).", "Pictures and JSON records are replayed.")
        return
    several = isinstance(values, dict) and isinstance(values.get("records"), list)
    for each in values["records"] if several else [values]:
        try:
            if isinstance(each, dict) and each.get("status") == "error":
                raise UsageError("it is that of a failure.")
            yield Original(name=name, record=Record.from_json(each))
        except UnidiffError as error:
            yield InputError(f"{name} is no record to repeat: {error.message}", error.hint)


def request_of(original: Original, changes: Mapping[str, Any], image: str | None) -> Request:
    """The request to make again, or a UsageError; its picture is the one given here."""
    request = original.record.request
    if request.count > (1 if original.picture else MAX_COUNT):
        raise UsageError(
            f"{original.name} asks for {request.count} samples.",
            "Ask for them yourself: unidiff batch --schema shows how.",
        )
    if MODES[request.mode].needs == "image":
        if image is None:
            raise UsageError(
                f"{original.name} was made of the picture {request.given!r}, "
                "which is not opened on a record's word.",
                "Name the picture: --image FILE",
            )
        changes = {**changes, "image": image}
    return replace(request, **changes)


def check_comparable(original: Original) -> None:
    """A UsageError when there is nothing that a new one could be compared with."""
    texts = any(output.text is not None for output in original.record.outputs)
    if original.picture is None and not texts:
        raise UsageError(
            f"{original.name} holds neither picture nor words to compare with.",
            "Name the picture itself: the file that a record names is not opened, and a sheet's "
            "small copies are not compared.",
        )


def place_of(record: Record, model: str | None, device: str | None, dtype: str | None) -> Place:
    """What to make it with: what is given, else what is recorded and known here."""
    made_with, recorded = record.made_with, record.made_with.get("model")
    if model is None and recorded is not None and recorded not in MODELS:
        raise UsageError(
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
    model: str | None = None
    device: str | None = None
    dtype: str | None = None
    compared: bool = False
    """Whether what comes out is to be compared with what is there."""

    def task(self, original: Original, first: int) -> Task:
        """The task, whose samples are numbered from `first`; an error where it cannot be made."""
        request = request_of(original, self.changes, self.image)
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
    tasks: Sequence[Task], *, output: str | None, force: bool, json: bool
) -> dict[bool, Plan]:
    """Where pictures go, and where words alone do, by whether these are pictures."""
    plans = {}
    for pictures in {task.pictures: None for task in tasks}:
        some = [task for task in tasks if task.pictures is pictures]
        samples = [sample for task in some for sample in task.samples]
        walk = some[0].request.walk
        plans[pictures] = make_plan(walk, samples, output=output, force=force, json=json)
    return plans
