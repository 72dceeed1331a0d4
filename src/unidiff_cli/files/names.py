"""The names of files: by default free ones, else as the user says, with fields filled in."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from string import Formatter

from unidiff_cli.errors import UsageError
from unidiff_cli.files.output import (
    FORMATS,
    check_new,
    check_suffix,
    check_words,
    is_folder,
    make_folder,
    numbered,
    replace_file,
    write_new,
)

DEFAULT_NAME = "{mode}-{seed}-{index}"
FIELDS = ("mode", "seed", "index", "name")
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

    def sheet(self, first: Sample) -> Path:
        """The name of a sheet beside the pictures: the mode, the first seed and "grid"."""
        folder = self.path(replace(first, name="grid")).parent
        return folder / f"{first.mode}-{first.seed}-grid.png"

    def check(self, samples: Sequence[Sample]) -> None:
        """An error if the files cannot all be written; the folders are made."""
        if not self.chosen:
            for sample in samples[:1]:
                make_folder(self.path(sample).parent)
            return
        seen: set[Path] = set()
        for sample in samples:
            path = self.path(sample)
            if path in seen:
                raise UsageError(
                    "usage.written-twice",
                    f"{path} would be written twice.",
                    "Put {index} or {seed} into the name.",
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
    (check_suffix if suffix in FORMATS else check_words)(output)
    return Files(template=output, chosen=True, force=force)


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
        raise UsageError(
            "usage.output-name", f"The name {output} cannot be filled in: {error}."
        ) from None
    for _, field, form, conversion in parts:
        if field is None:
            continue
        if field not in FIELDS or conversion:
            raise UsageError(
                "usage.output-name",
                f"A name has no field {{{field}}}.",
                f"Fields: {', '.join(f'{{{name}}}' for name in FIELDS)}.",
            )
        if form and not (field in ("seed", "index") and re.fullmatch(r"0?\d{1,2}d?", form)):
            raise UsageError(
                "usage.output-name",
                f"{{{field}:{form}}} is no number's width.",
                "Example: {index:04}",
            )


def short_name(prompt: str) -> str:
    """The first words of a prompt, fit for a file's name."""
    words = re.sub(r"[\W_]+", "-", prompt.lower()).strip("-")
    return words.encode()[:LONGEST_NAME].decode(errors="ignore").rstrip("-") or "empty"
