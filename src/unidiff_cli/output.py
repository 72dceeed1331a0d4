"""Where results go: names that are free, refusals before the work, files written whole or not."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from itertools import count
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Any

from unidiff_cli.errors import OutputError, UsageError
from unidiff_cli.metadata import save_options

if TYPE_CHECKING:
    from PIL import Image

    from unidiff_cli.record import Record

DEFAULT_NAME = "{mode}-{seed}-{index}"
FIELDS = ("mode", "seed", "index", "name")
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
QUALITY = 95
"""Of JPEG and WebP."""
LONGEST_NAME = 60


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What a file's name can tell of a sample."""

    mode: str
    seed: int
    index: int
    """The sample's number in this run, from 0."""
    name: str
    """The input's: the stem of its file, the first words of its prompt."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """A file for each sample: named by a template, or the next free one of the default names."""

    template: str
    chosen: bool
    """Whether the user named the files: then an existing one is refused, not stepped around."""
    force: bool = False

    def path(self, sample: Sample) -> Path:
        """The file's name as the template gives it."""
        return Path(self.template.format(**vars(sample)))

    def check(self, samples: Sequence[Sample]) -> None:
        """An error if the files cannot all be written; the folders are made."""
        if not self.chosen:
            make_folder(self.path(samples[0]).parent)
            return
        seen: set[Path] = set()
        for sample in samples:
            path = self.path(sample)
            if path in seen:
                raise UsageError(
                    f"{path} would be written twice.", "Put {index} or {seed} into the name."
                )
            seen.add(path)
            check_new(path, self.force)

    def candidates(self, sample: Sample) -> Iterator[Path]:
        """Names to try, the first free one is taken."""
        if self.chosen:
            return numbered(self.path(sample))
        return (
            Path(self.template.format(**{**vars(sample), "index": index}))
            for index in count(sample.index)
        )

    def save(self, sample: Sample, data: bytes) -> Path:
        """The file that the bytes were written to."""
        if self.force:
            return replace_file(self.path(sample), data)
        return write_new(self.candidates(sample), data)


def choose_files(output: str | None, suffix: str, force: bool) -> Files:
    """What -o says: nothing, a folder, or a file's name; the suffix is what a folder's get."""
    if output is None:
        return Files(template=DEFAULT_NAME + suffix, chosen=False)
    if is_folder(output):
        folder = output.replace("{", "{{").replace("}", "}}")
        return Files(template=os.path.join(folder, DEFAULT_NAME + suffix), chosen=False)
    _check_template(output)
    if suffix in FORMATS:
        check_suffix(output)
    return Files(template=output, chosen=True, force=force)


def check_suffix(output: str) -> None:
    """A UsageError when the name does not end as a picture's does."""
    suffix = Path(output).suffix
    if suffix.lower() not in FORMATS:
        raise UsageError(
            f"{output} ends in {suffix or 'no suffix'}; a picture's name in {', '.join(FORMATS)}.",
            f"Try -o {Path(output).stem or 'out'}.png, or -o {output}/ for a folder.",
        )


def is_folder(output: str) -> bool:
    """Whether -o names a folder: it is one, or ends in a slash."""
    return output.endswith(("/", os.sep)) or os.path.isdir(output)


def is_template(output: str) -> bool:
    """Whether the name has a field in it."""
    try:
        return any(field is not None for _, field, _, _ in Formatter().parse(output))
    except ValueError:
        return True


def _check_template(output: str) -> None:
    """A UsageError when a field of the name is none of ours."""
    try:
        parts = list(Formatter().parse(output))
    except ValueError as error:
        raise UsageError(f"The name {output} cannot be filled in: {error}.") from None
    for _, field, form, conversion in parts:
        if field is None:
            continue
        if field not in FIELDS or conversion:
            raise UsageError(
                f"A name has no field {{{field}}}.",
                f"Fields: {', '.join(f'{{{name}}}' for name in FIELDS)}.",
            )
        if form and not (field in ("seed", "index") and re.fullmatch(r"0?\d{1,2}d?", form)):
            raise UsageError(f"{{{field}:{form}}} is no number's width.", "Example: {index:04}")


def short_name(prompt: str) -> str:
    """The first words of a prompt, fit for a file's name."""
    words = re.sub(r"[\W_]+", "-", prompt.lower()).strip("-")
    return words.encode()[:LONGEST_NAME].decode(errors="ignore").rstrip("-") or "empty"


def check_new(path: Path, force: bool) -> None:
    """An OutputError if the file exists and must not be replaced; its folder is made."""
    if path.is_dir():
        raise OutputError(f"{path} is a folder.", f"Try: -o {path}/")
    if os.path.lexists(path) and not force:
        raise OutputError(f"{path} exists already.", "Choose another name, or add --force.")
    make_folder(path.parent)


def make_folder(folder: Path) -> None:
    """The folder is there and can be written to, else an OutputError."""
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise OutputError(f"The folder {folder} cannot be written to.", "Choose another with -o.")


def numbered(path: Path) -> Iterator[Path]:
    """The name, then the name with -1, -2, ... before its suffix."""
    yield path
    for number in count(1):
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")


def encode(
    picture: Image.Image,
    suffix: str,
    records: Sequence[Record],
    walk: Mapping[str, Any] | None = None,
) -> bytes:
    """The picture as the bytes of a file, with its records or walk in it if there are any."""
    format = FORMATS[suffix.lower()]
    options = save_options(format, records, walk) if records or walk else {}
    if format != "PNG":
        options["quality"] = QUALITY
    buffer = BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def write_new(candidates: Iterator[Path], data: bytes) -> Path:
    """The first candidate that was free, now holding the bytes."""
    for path in candidates:
        if os.path.lexists(path):
            continue
        with _explained(path), _beside(path, data) as temporary:
            try:
                _claim(temporary, path)
            except FileExistsError:
                continue
            return path
    raise AssertionError("candidates never end")


def replace_file(path: Path, data: bytes) -> Path:
    """The file, now holding the bytes, whatever it held before."""
    with _explained(path), _beside(path, data) as temporary:
        os.replace(temporary, path)
    return path


class Lines:
    """A file that grows line by line under a passing name, and gets its own when it is closed."""

    def __init__(self, path: Path, force: bool) -> None:
        self.path, self.force = path, force
        self.passing = path.with_name(f".{secrets.token_hex(8)}.tmp")
        self.size = 0
        with _explained(path):
            self.file = open(self.passing, "xb", buffering=0)  # noqa: SIM115

    def write(self, line: str) -> None:
        """Add a line; it is on the disk at once."""
        data = line.encode() + b"\n"
        with _explained(self.path):
            while data:
                data = data[self.file.write(data) :]
            self.size = self.file.tell()

    def close(self) -> Path | None:
        """The file, which holds all lines that were written whole; None if there are none."""
        try:
            with _explained(self.path):
                self.file.truncate(self.size)
                self.file.close()
                return self._name() if self.size else None
        finally:
            self.passing.unlink(missing_ok=True)

    def _name(self) -> Path:
        if self.force:
            os.replace(self.passing, self.path)
            return self.path
        for path in numbered(self.path):
            with suppress(FileExistsError):
                _claim(self.passing, path)
                return path
        raise AssertionError("names never end")


@contextmanager
def _beside(path: Path, data: bytes) -> Iterator[Path]:
    """The bytes under a passing name in the same folder."""
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _claim(temporary: Path, path: Path) -> None:
    """Give the file its name, or FileExistsError."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        with open(path, "xb"):
            pass
        os.replace(temporary, path)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """What the system refuses becomes an OutputError that names the path."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"{path} cannot be written: {reason}.", "Choose another place with -o."
        ) from error
