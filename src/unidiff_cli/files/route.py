"""Where the files of a walk go: one for all of it, and one for each stage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from unidiff_cli.errors import UsageError
from unidiff_cli.files.output import check_free, check_suffix, exists, is_folder, make_folder, save


@dataclass(frozen=True)
class Route:
    """The files of a walk."""

    strip: Path | None
    """Of all stages; None sends the strip's bytes to stdout, and nothing else is written."""
    stem: Path
    """Stage 3 is the stem with -3 and a suffix behind it."""
    digits: int
    force: bool = False

    @property
    def suffix(self) -> str:
        """Of the pictures."""
        return self.strip.suffix if self.strip else ".png"

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
        return save(path, data, self.force)


def plan_route(
    output: str | None,
    name: str,
    stages: int,
    force: bool,
    whole: str = "-strip",
    others: bool = False,
) -> Route:
    """Where -o says; free names, or an OutputError where a chosen one is taken.

    With `others`, --force may be meant for files that the user named elsewhere.
    """
    digits = len(str(max(0, stages - 1)))
    if output == "-":
        return Route(None, Path(name), digits)
    if output is None or is_folder(output):
        if force and not others:
            raise UsageError(
                "usage.needs-option", "--force replaces the files named with -o.", "Add -o FILE."
            )
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
