"""Two systems on the same items: which of them both have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from unidiff_cli.errors import InputError, UsageError
from unidiff_cli.evaluate.rows import Row
from unidiff_cli.files.formats import suffixes

Read = Mapping[Path, Sequence[Row]]
"""The items of each system, and of the references."""


def check_two(systems: Sequence[Path]) -> None:
    """A UsageError unless there are two systems to be compared."""
    if len(systems) != 2:
        raise UsageError(
            "usage.two-wanted",
            f"--paired compares two systems; there are {len(systems)}.",
            "Name two.",
        )


def difference(systems: Sequence[Path]) -> dict[str, str]:
    """Whose figures a difference's are, as JSON values."""
    ours, theirs = map(str, systems)
    return {"system": ours, "minus": theirs}


def common(
    read: Read, systems: Sequence[Path], kept: Mapping[Path, Sequence[int]] | None = None
) -> tuple[list[int], list[int]]:
    """Where the items that both have stand among those that were kept of each, in one order.

    Of items with equal names the first is with the first; an InputError where nothing is in both.
    """
    ours, theirs = (
        [names[k] for k in (kept[path] if kept else range(len(names)))]
        for path, names in ((path, _names(read[path])) for path in systems)
    )
    there = {name: place for place, name in enumerate(_numbered(theirs))}
    both = [(k, there[name]) for k, name in enumerate(_numbered(ours)) if name in there]
    if not both:
        raise InputError(
            "input.not-paired",
            f"{systems[0]} and {systems[1]} have no item in common.",
            f"Items are known by id, or by the picture's name: {ours[0]!r}, {theirs[0]!r}.",
        )
    return [k for k, _ in both], [k for _, k in both]


def _names(rows: Sequence[Row]) -> list[str]:
    """What items are known by: ids, or pictures without their suffix."""
    for row in rows:
        if not row.key:
            raise InputError(
                "input.incomplete",
                f"{row.where} has neither an id nor a picture to be known by.",
                "--paired compares the same items of two systems: give the lines ids.",
            )
    keys = [(row.key, Path(row.key)) for row in rows]
    return [path.stem if path.suffix.lower() in suffixes() else key for key, path in keys]


def _numbered(names: Sequence[str]) -> list[tuple[str, int]]:
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        found.append((name, seen[name]))
        seen[name] += 1
    return found
