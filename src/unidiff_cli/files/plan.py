"""Where the samples of a run go: made and checked before anything heavy is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unidiff_cli.core.modes import Mode
from unidiff_cli.errors import UsageError
from unidiff_cli.files.names import Files, Sample, choose_files, is_template
from unidiff_cli.files.output import check_new, check_suffix, check_words, is_folder, make_folder
from unidiff_cli.files.stamp import ALL, Stamp


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Where the results of a run go."""

    mode: Mode
    json: bool = False
    stamp: Stamp = ALL
    files: Files | None = None
    """A file for each sample."""
    to_stdout: bool = False
    """The bytes of the one picture, or of the sheet, go to stdout."""
    text_file: Path | None = None
    """One file for the lines of all samples."""
    sheet: bool = False
    sheet_file: Path | None = None
    """The sheet's name if it goes to a file: the user's, or ours where pictures have files too."""
    force: bool = False

    @property
    def pictures(self) -> bool:
        """Whether the mode makes pictures."""
        return "image" in self.mode.yields

    def paths(self, samples: Sequence[Sample]) -> list[Path]:
        """The files that are to be written, unless something has their names by then."""
        own = [self.files.path(sample) for sample in samples] if self.files else []
        return own + [path for path in (self.text_file, self.sheet_file) if path]


def make_plan(
    mode: Mode,
    samples: Sequence[Sample],
    *,
    output: str | None,
    force: bool = False,
    grid: bool = False,
    json: bool = False,
    stamp: Stamp = ALL,
) -> Plan:
    """The plan, or what is wrong with it: names that clash or are taken."""
    named = output is not None and output != "-" and not is_folder(output)
    if force and not named:
        raise UsageError(
            "usage.needs-option", "--force replaces the file named with -o.", "Add -o FILE."
        )
    plan = Plan(mode=mode, json=json, stamp=stamp, sheet=grid, force=force)
    single = named and not is_template(output or "")
    if plan.pictures and (output == "-" or single) and len(samples) > 1 and not grid:
        raise UsageError(
            "usage.output-name",
            f"-o {output} is one picture, {len(samples)} are to come.",
            "Try -o 'fox-{index}.png', or -o folder/",
        )
    changes: dict[str, object]
    if plan.pictures and output == "-":
        changes = {"to_stdout": True}
    elif plan.pictures and single and grid:
        path = Path(str(output))
        check_suffix(str(path))
        check_new(path, force)
        changes = {"sheet_file": path}
    elif not plan.pictures and single:
        path = Path(str(output))
        check_words(str(path))
        check_new(path, force)
        changes = {"text_file": path}
    elif not plan.pictures and output in (None, "-"):
        changes = {}
    else:
        files = choose_files(output, ".png" if plan.pictures else ".txt", force)
        files.check(samples)
        changes = {"files": files}
        if grid and samples:
            sheet = files.sheet(samples[0])
            make_folder(sheet.parent)
            changes |= {"sheet_file": sheet}
    return Plan(**{**vars(plan), **changes})
