"""What becomes of each sample: files, lines on stdout, records, a contact sheet."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from unidiff_cli.cli.answers.sheets import encode_sheet, roomy
from unidiff_cli.cli.terminal.console import Console, is_terminal
from unidiff_cli.core.modes import Mode
from unidiff_cli.errors import OutputError, UsageError
from unidiff_cli.files.names import Files, Sample, choose_files, is_template
from unidiff_cli.files.output import (
    Lines,
    check_new,
    check_suffix,
    check_words,
    encode,
    is_folder,
    make_folder,
    numbered,
    replace_file,
    write_new,
)
from unidiff_cli.files.record import Record, line

if TYPE_CHECKING:
    from PIL import Image

    from unidiff_cli.request import Output, Result


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Where the results of a run go; made and checked before anything heavy is loaded."""

    mode: Mode
    json: bool = False
    metadata: bool = True
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
    metadata: bool = True,
) -> Plan:
    """The plan, or what is wrong with it: names that clash or are taken, bytes for a terminal."""
    named = output is not None and output != "-" and not is_folder(output)
    if force and not named:
        raise UsageError("--force replaces the file named with -o.", "Add -o FILE.")
    plan = Plan(mode=mode, json=json, metadata=metadata, sheet=grid, force=force)
    single = named and not is_template(output or "")
    if plan.pictures and (output == "-" or single) and len(samples) > 1 and not grid:
        raise UsageError(
            f"-o {output} is one picture, {len(samples)} are to come.",
            "Try -o 'fox-{index}.png', or -o folder/",
        )
    changes: dict[str, object]
    if plan.pictures and output == "-":
        check_stdout(json)
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


def check_stdout(json: bool) -> None:
    """An error when the bytes of a picture cannot go to stdout."""
    if json:
        raise UsageError("Stdout takes the picture or the records, not both.", "Try -o fox.png")
    if sys.stdout is None:
        raise OutputError("Standard output is closed.", "Leave it open: the picture goes there.")
    if is_terminal(sys.stdout):
        raise UsageError("A terminal cannot show a picture's bytes.", "Try: -o - > fox.png")


@dataclass
class Delivery:
    """The results of a run, handed out one by one."""

    plan: Plan
    console: Console
    total: int
    lines: Lines | None = None
    kept: int = 0
    """Samples that are safe, whatever happens next."""
    small: list[tuple[Image.Image, str]] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)

    def deliver(self, sample: Sample, result: Result) -> None:
        """Write what the result holds, and answer with a line of stdout."""
        (output,) = result.outputs
        path = self._save(sample, result, output)
        self.kept += 1
        if self.plan.sheet:
            self._remember(result, output)
        elif output.image is not None:
            self.console.picture(output.image)
        if self.plan.json:
            name = None if path is None or not self.plan.pictures else str(path)
            self.console.answer(line(Record.of(result, [name]).to_json()))
        elif (answer := self._answer(path, output)) is not None:
            self.console.answer(answer)

    def fail(self, result: Result) -> None:
        """Tell of a sample that has an error instead of an output."""
        assert result.error is not None
        self.console.problem(result.error)
        if self.plan.json:
            self.console.answer(line(Record.of(result).to_json()))

    def _save(self, sample: Sample, result: Result, output: Output) -> Path | None:
        """The file that holds the sample, if it has one of its own."""
        plan = self.plan
        if output.image is not None and not (plan.sheet and plan.files is None):
            suffix = plan.files.path(sample).suffix if plan.files else ".png"
            records = [Record.of(result)] if plan.metadata else []
            data = encode(output.image, suffix, records)
            if plan.files:
                return plan.files.save(sample, data)
            self.console.answer_bytes(data)
            if output.text is not None:
                self.console.note(f"caption: {one_line(output.text)}")
        elif plan.files:
            return plan.files.save(sample, f"{output.text}\n".encode())
        elif self.lines:
            self.lines.write(one_line(output.text or ""))
        return None

    def _answer(self, path: Path | None, output: Output) -> str | None:
        """The line of stdout for a sample; None where the answer went elsewhere."""
        plan = self.plan
        if plan.pictures:
            parts = [str(path)] if path else []
            if parts and output.text is not None:
                parts.append(one_line(output.text))
            return "\t".join(parts) or None
        if path is not None:
            return str(path)
        return None if plan.text_file else one_line(output.text or "")

    def _remember(self, result: Result, output: Output) -> None:
        from unidiff_cli.files.grid import cell_side, thumbnail

        assert output.image is not None
        words = output.text if output.text is not None else result.request.given
        seed = f"seed {output.seed}"
        self.small.append(
            (
                thumbnail(output.image, cell_side(self.total)),
                f"{seed}: {words}" if words else seed,
            )
        )
        self.records.append(Record.of(result))

    def finish(self) -> None:
        """Write the sheet of what there is, and name the file of lines."""
        if self.small:
            self._write_sheet()
        written = self.lines.close() if self.lines else None
        if written and self.plan.json:
            self.console.note(f"lines: {written}")
        elif written:
            self.console.answer(str(written))

    def _write_sheet(self) -> None:
        from unidiff_cli.files.grid import contact_sheet

        plan, path = self.plan, self.plan.sheet_file
        pictures, captions = zip(*self.small, strict=True)
        sheet = contact_sheet(pictures, captions)
        records = self.records if plan.metadata else []
        if path is None:
            self.console.answer_bytes(encode_sheet(sheet, ".png", records, self.console))
            return
        path = roomy(path, sheet, self.console)
        data = encode_sheet(sheet, path.suffix, records, self.console)
        if plan.force and plan.files is None:
            path = replace_file(path, data)
        else:
            path = write_new(numbered(path), data)
        self.console.picture(sheet)
        if plan.json:
            self.console.note(f"sheet: {path}")
        else:
            self.console.answer(str(path))


@contextmanager
def delivering(plan: Plan, console: Console, total: int) -> Iterator[Delivery]:
    """A delivery that is finished at the end, also when that comes early."""
    lines = Lines(plan.text_file, plan.force) if plan.text_file else None
    delivery = Delivery(plan, console, total, lines)
    try:
        yield delivery
    finally:
        delivery.finish()


def one_line(text: str) -> str:
    """The text with every line break and tab a space."""
    return " ".join(text.split())
