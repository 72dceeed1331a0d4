"""Writing results: refusals before the work, then files that are whole or not there."""

from __future__ import annotations

import math
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unidiff_cli.errors import OutputError, UsageError
from unidiff_cli.errors.system import cannot_write
from unidiff_cli.files.stamp import ALL, Stamp

if TYPE_CHECKING:
    from PIL import Image

    from unidiff_cli.files.record import Record
    from unidiff_cli.files.signing import Source

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
QUALITY = 95
"""Of JPEG and WebP."""
LONGEST = {"JPEG": 65_500, "WEBP": 16_383}
"""Pixels that a side may have; a PNG's has more than any memory holds."""


def check_suffix(output: str, option: str = "-o") -> None:
    """A UsageError when the name does not end as a picture's does."""
    suffix = Path(output).suffix
    if suffix.lower() not in FORMATS:
        folder = f", or -o {output}/ for a folder" if output and option == "-o" else ""
        raise UsageError(
            "usage.output-name",
            f"{output or 'An empty name'} ends in {suffix or 'no suffix'}; a picture's name in "
            f"{', '.join(FORMATS)}.",
            f"Try {option} {Path(output).stem or 'out'}.png{folder}.",
        )


def check_words(output: str) -> None:
    """A UsageError when the name of a file for words ends as a picture's does."""
    suffix = Path(output).suffix
    if suffix.lower() in FORMATS:
        raise UsageError(
            "usage.output-name",
            f"{output} is a picture's name, and words are to come.",
            f"Try -o {Path(output).stem or 'out'}.txt",
        )


def is_folder(output: str) -> bool:
    """Whether -o names a folder: it is one, or ends in a slash."""
    return output.endswith(("/", os.sep)) or os.path.isdir(output)


def check_new(path: Path, force: bool) -> None:
    """An OutputError if the file cannot be written or must not be; its folder is made."""
    check_free(path, force)
    make_folder(path.parent)


def check_free(path: Path, force: bool) -> None:
    """An OutputError if what has the name must not be replaced, or no file can have it."""
    if not exists(path):
        return
    if os.path.isdir(path):
        raise OutputError(
            "output.no-file", f"{path} is a folder.", f"Name a file in it: -o {path / 'NAME'}"
        )
    # To replace a device or a pipe would take it away from whoever uses it.
    if os.path.exists(path) and not os.path.isfile(path):
        raise OutputError(
            "output.no-file",
            f"{path} is a device or a pipe, which no file takes the place of.",
            f"Send standard output there: -o - > {path}",
        )
    if not force:
        raise OutputError(
            "output.exists", f"{path} exists already.", "Choose another name, or add --force."
        )


def exists(path: Path) -> bool:
    """Whether something has the name, a link to nothing too; OutputError if nothing can have it."""
    with explained(path):
        try:
            path.lstat()
        except FileNotFoundError:
            return False
    return True


def make_folder(folder: Path) -> None:
    """The folder is there and can be written to, else an OutputError."""
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise OutputError(
            "output.unwritable",
            f"The folder {folder} cannot be written to.",
            "Choose another with -o.",
        )


def numbered(path: Path) -> Iterator[Path]:
    """The name, then the name with -1, -2, ... before its suffix."""
    yield path
    for number in count(1):
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")


def bears(suffix: str, picture: Image.Image) -> bool:
    """Whether the format allows a picture of this size."""
    return max(picture.size) <= LONGEST.get(FORMATS[suffix.lower()], math.inf)


def encode(
    picture: Image.Image,
    suffix: str,
    records: Sequence[Record],
    walk: Mapping[str, Any] | None = None,
    stamp: Stamp = ALL,
    inputs: Iterable[Source] = (),
) -> bytes:
    """The picture as a file's bytes; the stamp says what of records, walk and `inputs` it tells."""
    format = FORMATS[suffix.lower()]
    if not bears(suffix, picture):
        raise OutputError(
            "output.too-large",
            f"{picture.width} x {picture.height} pixels are too many for a {suffix}.",
            "Choose a name that ends in .png.",
        )
    options = stamp.options(format, records, walk)
    if format != "PNG":
        options["quality"] = QUALITY
    buffer = BytesIO()
    picture.save(buffer, format, **options)
    return stamp.seal(buffer.getvalue(), format, records, walk, inputs)


def prepare() -> None:
    """Import all that `encode` needs for a picture; before there is one, if there is time."""
    from PIL.Image import preinit

    from unidiff_cli.files import metadata  # noqa: F401
    from unidiff_cli.files.profile import marked_srgb

    marked_srgb()
    preinit()


def write_new(candidates: Iterator[Path], data: bytes) -> Path:
    """The first candidate that was free, now holding the bytes."""
    for path in candidates:
        if os.path.lexists(path):
            continue
        with explained(path), _beside(path, data) as temporary:
            try:
                _claim(temporary, path)
            except FileExistsError:
                continue
            return path
    raise AssertionError("candidates never end")


def replace_file(path: Path, data: bytes) -> Path:
    """The file, now holding the bytes, whatever it held before."""
    with explained(path), _beside(path, data) as temporary:
        os.replace(temporary, path)
    return path


def save(path: Path, data: bytes, force: bool) -> Path:
    """The file that was written: this one, or if it is taken and not forced the next free one."""
    return replace_file(path, data) if force else write_new(numbered(path), data)


class Lines:
    """A file that grows line by line under a passing name, and gets its own when it is closed."""

    def __init__(self, path: Path, force: bool) -> None:
        self.path, self.force = path, force
        self.passing = path.with_name(f".{secrets.token_hex(8)}.tmp")
        self.size = 0
        with explained(path):
            self.file = open(self.passing, "xb", buffering=0)  # noqa: SIM115

    def write(self, line: str) -> None:
        """Add a line; it is on the disk at once."""
        data = line.encode() + b"\n"
        with explained(self.path):
            while data:
                data = data[self.file.write(data) :]
            self.size = self.file.tell()

    def close(self) -> Path | None:
        """The file, which holds all lines that were written whole; None if there are none."""
        try:
            with explained(self.path):
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
def alone(lock: Path, taken: str) -> Iterator[None]:
    """No other process is inside with this file; OutputError, as `taken` says it, where one is."""
    from filelock import FileLock, Timeout  # here, since it takes time that --help has not

    held = FileLock(lock, timeout=0)
    with explained(lock.parent):
        try:
            held.acquire()
        except Timeout:
            raise OutputError(
                "output.busy", taken, "Wait for it, or choose another folder with -o."
            ) from None
    try:
        yield
    finally:
        held.release()


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """What the system refuses becomes an OutputError that names the path."""
    try:
        yield
    except OSError as error:
        raise cannot_write(
            f"{path} cannot be written", error, "Choose another name or place with -o."
        ) from error
