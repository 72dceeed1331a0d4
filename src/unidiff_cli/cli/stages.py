"""The stages of a walk as they come: files, lines on stdout, and at the end one strip of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unidiff_cli.cli.console import Console
from unidiff_cli.cli.delivery import one_line
from unidiff_cli.errors import OutputError, UsageError
from unidiff_cli.output import (
    check_new,
    check_suffix,
    encode,
    is_folder,
    make_folder,
    numbered,
    replace_file,
    write_new,
)
from unidiff_cli.record import line

if TYPE_CHECKING:
    from PIL import Image

    from unidiff_cli.journeys import Stage


@dataclass(frozen=True)
class Route:
    """Where the files of a walk go."""

    strip: Path | None
    """None sends the strip's bytes to stdout, and nothing else is written."""
    stem: Path
    """Stage 3 is the stem with -3 and a suffix behind it."""
    digits: int
    force: bool = False

    def stage(self, number: int, suffix: str) -> Path:
        """The file of a stage."""
        return self.stem.with_name(f"{self.stem.name}-{number:0{self.digits}}{suffix}")

    def save(self, path: Path, data: bytes) -> Path:
        """The file that was written: this one, or if it is taken the next free one."""
        return replace_file(path, data) if self.force else write_new(numbered(path), data)


def plan_route(
    output: str | None, name: str, stages: int, force: bool, json: bool, whole: str = "-strip"
) -> Route:
    """Where -o says; free names, or an OutputError where a chosen one is taken."""
    digits = len(str(stages - 1))
    if output == "-":
        if json:
            raise UsageError("Stdout takes the picture or the records, not both.", "Try -o fox.png")
        if sys.stdout.isatty():
            raise UsageError("A terminal cannot show a picture's bytes.", "Try: -o - > fox.png")
        return Route(None, Path(name), digits)
    if output is None or is_folder(output):
        if force:
            raise UsageError("--force replaces the files named with -o.", "Add -o FILE.")
        folder = Path(output or ".")
        make_folder(folder)
        routes = (
            Route(folder / f"{stem}{whole}.png", folder / stem, digits)
            for stem in (name if n == 0 else f"{name}.{n}" for n in count())
        )
        return next(route for route in routes if not _taken(route, stages))
    path = Path(output)
    check_suffix(output)
    check_new(path, force)
    route = Route(path, path.with_suffix(""), digits, force)
    if not force and (taken := _taken(route, stages)):
        raise OutputError(f"{taken} exists already.", "Choose another name, or add --force.")
    return route


def _taken(route: Route, stages: int) -> Path | None:
    """A file that stands where the walk would write."""
    suffixes = {route.strip.suffix if route.strip else ".png", ".txt"}
    own = (route.stage(number, suffix) for number in range(stages) for suffix in suffixes)
    return next((path for path in (route.strip, *own) if path and path.exists()), None)


@dataclass
class Travelogue:
    """The stages of a walk so far."""

    route: Route
    console: Console
    about: Mapping[str, Any]
    """The walk and its settings, as plain values: for metadata and --json."""
    json: bool = False
    metadata: bool = True
    stages: list[Stage] = field(default_factory=list)
    files: int = 0

    @property
    def suffix(self) -> str:
        """Of the pictures."""
        return self.route.strip.suffix if self.route.strip else ".png"

    def add(self, stage: Stage) -> None:
        """Write the stage, and tell of it: the path of a picture, or the words."""
        number = len(self.stages)
        self.stages.append(stage)
        path = None if stage.given or self.route.strip is None else self._write(number, stage)
        self.files += path is not None
        if self.route.strip is None:
            return
        if self.json:
            words = {"text": stage.text} if stage.text is not None else {}
            image = {"image": str(path)} if stage.image is not None and path else {}
            close = {} if stage.fidelity is None else {"psnr": round(min(stage.fidelity, 99.0), 1)}
            given = {"given": True} if stage.given else {}
            self.console.answer(line({"stage": number, **given, **image, **words, **close}))
        elif stage.text is not None:
            self.console.answer(one_line(stage.text))
        elif path is not None:
            self.console.answer(str(path))

    def _write(self, number: int, stage: Stage) -> Path:
        if stage.image is None:
            path = self.route.stage(number, ".txt")
            return self.route.save(path, f"{stage.text}\n".encode())
        before = self.stages[number - 1] if number else None
        words = {"text": before.text} if before and before.text is not None else {}
        path = self.route.stage(number, self.suffix)
        return self.route.save(
            path, self._encode(stage.image, {**self.about, "stage": number, **words})
        )

    def _encode(self, picture: Image.Image, walk: Mapping[str, Any]) -> bytes:
        return encode(picture, self.suffix, [], walk if self.metadata else None)

    def finish(self, arrows: bool) -> None:
        """Write the strip of the stages, if anything was made."""
        from unidiff_cli.strips import strip

        if all(stage.given for stage in self.stages):
            return
        panels = [stage.image if stage.image else stage.text or "" for stage in self.stages]
        picture = strip(panels, arrows)
        data = self._encode(picture, self.about)
        if self.route.strip is None:
            self.console.answer_bytes(data)
        else:
            self.answer_file("strip", self.route.save(self.route.strip, data))
            self.console.picture(picture)

    def answer_file(self, what: str, path: Path) -> None:
        """Tell of a file that holds the whole walk."""
        values = {what: str(path), **self.about}
        self.console.answer(line(values) if self.json else str(path))
