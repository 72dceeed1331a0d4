"""Making again what a picture or a record describes, and comparing the new one with the old.

A record comes from anybody. It is read as typed data, bounded in size; no file that it names is
opened, and of the models that it names only those of the registry.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unidiff_cli.core.modes import MODES
from unidiff_cli.errors import InputError, UnidiffError, UsageError
from unidiff_cli.files import pictures
from unidiff_cli.files.metadata import read_metadata
from unidiff_cli.files.output import FORMATS, encode
from unidiff_cli.files.pictures import open_picture
from unidiff_cli.files.record import Record
from unidiff_cli.registry import MODELS
from unidiff_cli.request import Request, Result

if TYPE_CHECKING:
    from PIL import Image

    from unidiff_cli.speed.memory import Memory

RECORD_FILES = (".json", ".jsonl", ".ndjson")
MAX_FILE = 2**24
MAX_LINE = 2**20
"""Bytes of a file with one document, and of a line of one with many."""
MAX_COUNT = 1000
"""Samples that one record may ask for."""
MAX_THREADS = 256
DTYPES = ("fp32", "bf16", "fp16")
SPARING: tuple[Memory, ...] = ("low", "min")
INFINITE = float("inf")


@dataclass(frozen=True, kw_only=True)
class Original:
    """A record, and where it was found."""

    name: str
    """The file, with the line or the number of the record where there are more."""
    record: Record
    picture: Path | None = None
    """The picture that the record is of."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """What to make it with: as recorded, where that is possible here."""

    model: str | None
    device: str
    dtype: str
    threads: int | None = None
    memory: Memory = "auto"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How near the new samples are to the old ones."""

    same: bool
    psnr: float | None = None
    """In dB, infinite for equal pixels; None without two pictures of the same size."""
    findings: tuple[str, ...] = ()
    differences: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """What was recorded and what is now, where that is not the same."""

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        near = {} if self.psnr in (None, INFINITE) else {"psnr": round(self.psnr or 0.0, 2)}
        return {
            "same": self.same,
            **near,
            "findings": list(self.findings),
            "differences": {name: list(pair) for name, pair in self.differences.items()},
        }


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


def compare(original: Original, result: Result) -> Comparison:
    """Pixels with pixels, captions with captions, settings with settings."""
    record = original.record
    findings: list[str] = []
    same: list[bool] = []
    near: float | None = None
    new_image = result.outputs[0].image
    if original.picture is not None and new_image is not None:
        near = psnr(open_picture(original.picture), _as_saved(new_image, original.picture))
        same.append(near == INFINITE)
        findings.append(_pixels(near))
    elif new_image is not None:
        findings.append("no picture to compare with")
    for old, new in zip(record.outputs, result.outputs, strict=False):
        if old.text is not None and new.text is not None:
            same.append(old.text == new.text)
            findings.append("same words" if same[-1] else f"other words: {new.text!r}")
    return Comparison(
        same=bool(same) and all(same),
        psnr=near,
        findings=tuple(findings),
        differences=_differences(record, result),
    )


def _differences(record: Record, result: Result) -> dict[str, tuple[str, str]]:
    old = {**record.request.settings(), **record.made_with, "prompt": record.request.prompt}
    new = {**result.request.settings(), **result.made_with, "prompt": result.request.prompt}
    changed = {
        name: (str(old[name]), str(new.get(name)))
        for name in old
        if old[name] is not None and str(old[name]) != str(new.get(name))
    }
    # A setting that is there only now was left open then; a library was not looked for.
    chosen = result.request.settings().items()
    return changed | {name: ("open", str(value)) for name, value in chosen if name not in old}


def _pixels(near: float | None) -> str:
    if near is None:
        return "a picture of another size"
    return "same pixels" if near == INFINITE else f"other pixels, {near:.1f} dB PSNR"


def _as_saved(picture: Image.Image, path: Path) -> Image.Image:
    """The picture as it would come out of a file like that one: JPEG and WebP lose a little."""
    suffix = path.suffix if path.suffix.lower() in FORMATS else ".png"
    return open_picture(BytesIO(encode(picture, suffix, [])))


def psnr(first: Image.Image, second: Image.Image) -> float | None:
    """The peak signal-to-noise ratio in dB; infinite for equal, None for unequal sizes."""
    return pictures.psnr(first, second) if first.size == second.size else None
