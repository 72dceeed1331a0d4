"""The stages of a walk as they come: files, lines on stdout, and at the end one strip of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unidiff_cli.cli.answers.delivery import check_stdout, one_line
from unidiff_cli.cli.answers.sheets import roomy
from unidiff_cli.cli.terminal.console import Console
from unidiff_cli.errors import UsageError
from unidiff_cli.files.output import (
    check_free,
    check_suffix,
    encode,
    exists,
    is_folder,
    make_folder,
    numbered,
    replace_file,
    write_new,
)
from unidiff_cli.files.record import line

if TYPE_CHECKING:
    from PIL import Image

    from unidiff_cli.walks.walker import Stage


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

    def files(self, stages: int) -> Iterator[Path]:
        """All that a walk of so many stages may write; a stage is a picture or words."""
        if self.strip is None:
            return
        yield self.strip
        for number in range(stages):
            yield from (self.stage(number, suffix) for suffix in {self.strip.suffix, ".txt"})

    def save(self, path: Path, data: bytes) -> Path:
        """The file that was written: this one, or if it is taken the next free one."""
        return replace_file(path, data) if self.force else write_new(numbered(path), data)


def plan_route(
    output: str | None,
    name: str,
    stages: int,
    force: bool,
    json: bool,
    whole: str = "-strip",
    others: bool = False,
) -> Route:
    """Where -o says; free names, or an OutputError where a chosen one is taken.

    With `others`, --force may be meant for files that the user named elsewhere.
    """
    digits = len(str(max(0, stages - 1)))
    if output == "-":
        check_stdout(json)
        return Route(None, Path(name), digits)
    if output is None or is_folder(output):
        if force and not others:
            raise UsageError("--force replaces the files named with -o.", "Add -o FILE.")
        folder = Path(output or ".")
        make_folder(folder)
        routes = (
            Route(folder / f"{stem}{whole}.png", folder / stem, digits)
            for stem in (name if n == 0 else f"{name}.{n}" for n in count())
        )
        return next(route for route in routes if not any(map(exists, route.files(stages))))
    path = Path(output)
    check_suffix(output)
    route = Route(path, path.with_suffix(""), digits, force)
    for each in route.files(stages):
        check_free(each, force)
    make_folder(path.parent)
    return route


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

    @property
    def suffix(self) -> str:
        """Of the pictures."""
        return self.route.strip.suffix if self.route.strip else ".png"

    def add(self, stage: Stage) -> None:
        """Write the stage, and tell of it: the path of a picture, or the words."""
        number = len(self.stages)
        self.stages.append(stage)
        path = None if stage.given or self.route.strip is None else self._write(number, stage)
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
        walk = {**self.about, "stage": number, **words}
        return self.route.save(path, self._encode(stage.image, self.suffix, walk))

    def _encode(self, picture: Image.Image, suffix: str, walk: Mapping[str, Any]) -> bytes:
        return encode(picture, suffix, [], walk if self.metadata else None)

    def finish(self, arrows: bool) -> None:
        """Write the strip of the stages, if anything was made."""
        from unidiff_cli.walks.montage import strip

        if all(stage.given for stage in self.stages):
            return
        panels = [stage.image if stage.image else stage.text or "" for stage in self.stages]
        picture = strip(panels, arrows)
        if self.route.strip is None:
            self.console.answer_bytes(self._encode(picture, self.suffix, self.about))
        else:
            path = roomy(self.route.strip, picture, self.console)
            data = self._encode(picture, path.suffix, self.about)
            self.answer_file("strip", self.route.save(path, data))
            self.console.picture(picture)

    def answer_file(self, what: str, path: Path) -> None:
        """Tell of a file that holds the whole walk; not on stdout where a picture's bytes go."""
        if self.route.strip is None:
            self.console.note(f"{what}: {path}")
            return
        values = {what: str(path), **self.about}
        self.console.answer(line(values) if self.json else str(path))
