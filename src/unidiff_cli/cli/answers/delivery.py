"""What becomes of each sample: files, lines on stdout, records, a contact sheet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from unidiff_cli.cli.answers.sheets import write_sheet
from unidiff_cli.cli.terminal.console import Console
from unidiff_cli.errors import UnidiffError
from unidiff_cli.files.names import Sample
from unidiff_cli.files.output import Lines, encode
from unidiff_cli.files.plan import Plan
from unidiff_cli.files.record import Record, line

if TYPE_CHECKING:
    from PIL import Image

    from unidiff_cli.request import Output, Result


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

    def hand_out(self, samples: Sequence[Sample], results: Iterable[Result]) -> list[UnidiffError]:
        """Deliver each sample as it comes; the errors of those that failed."""
        failures = []
        for sample, result in zip(samples, results, strict=True):
            if result.error is None:
                self.deliver(sample, result)
            else:
                self.fail(result)
                failures.append(result.error)
        return failures

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
            data = encode(output.image, suffix, [Record.of(result)], stamp=plan.stamp)
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
        if not self.plan.stamp.prompt and words == result.request.prompt:
            words = None
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

        plan = self.plan
        pictures, captions = zip(*self.small, strict=True)
        sheet = contact_sheet(pictures, captions)
        force = plan.force and plan.files is None
        path = write_sheet(
            sheet, plan.sheet_file, self.records, self.console, plan.stamp, force=force
        )
        if path is None:
            return
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
