"""What becomes of each cell of a sweep, and of the sheet of them all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from unidiff_cli.cli.answers.loading import load, warn_of_words
from unidiff_cli.cli.answers.sheets import write_sheet
from unidiff_cli.cli.command import leave
from unidiff_cli.cli.options.options import Options
from unidiff_cli.cli.terminal.console import Console, check_stdout
from unidiff_cli.cli.terminal.sketch import check_apart
from unidiff_cli.errors import UnidiffError, UsageError
from unidiff_cli.files.output import encode
from unidiff_cli.files.record import Record, line
from unidiff_cli.files.route import Route, plan_route

if TYPE_CHECKING:
    from PIL import Image

    from unidiff_cli.files.stamp import Stamp
    from unidiff_cli.request import Result
    from unidiff_cli.walks.sweep import Sheet


@dataclass
class SheetDelivery:
    """The pictures of a sweep, handed out one by one."""

    route: Route
    console: Console
    chosen: Options
    stamp: Stamp
    each: bool
    """Whether every picture gets a file."""
    records: list[Record] = field(default_factory=list)

    def deliver(self, number: int, result: Result) -> None:
        """Keep the record of a cell; write its picture and tell of it, if that was asked."""
        image = None
        if result.error is not None:
            self.console.problem(result.error)
        elif self.each:
            path = self.route.stage(number, self.route.suffix)
            data = encode(result.images[0], path.suffix, [Record.of(result)], stamp=self.stamp)
            image = str(self.route.save(path, data))
        own = Record.of(result, [image] if result.outputs else [])
        if result.error is None:
            self.records.append(own)
        if self.chosen.json:
            self.console.answer(line(own.to_json()))
        elif image is not None:
            self.console.answer(image)

    def finish(self, picture: Image.Image) -> None:
        """Write the sheet with the records of all its pictures."""
        route, console = self.route, self.console
        path = write_sheet(
            picture, route.strip, self.records, console, self.stamp, force=route.force
        )
        if path is not None:
            console.picture(picture)
            console.answer(line({"sheet": str(path)}) if self.chosen.json else str(path))


def deliver_sheet(sheet: Sheet, chosen: Options, each: bool) -> None:
    """Make the cells, then the sheet; typer.Exit when not all could be made."""
    requests, seed, stamp = sheet.requests, sheet.requests[0].seed, chosen.stamp()
    single = len(requests) if each else 0
    route = plan_route(chosen.output, f"sweep-{seed}", single, chosen.force, whole="")
    if route.strip is None:
        check_stdout(chosen.json)
    if each and route.strip is None:
        raise UsageError(
            "usage.not-together", "--each writes files, and -o - none.", "Try -o folder/"
        )
    check_apart(chosen.preview, [*route.files(single), *(one.image for one in requests)])
    console = Console(chosen.quiet, chosen.progress, chosen.show)
    if chosen.seed is None:
        console.note(f"seed {seed}")
    delivery, failures = SheetDelivery(route, console, chosen, stamp, each), list[UnidiffError]()
    with console.listening() as progress:
        model = load(chosen, console, progress)
        warn_of_words(model, [one.prompt for one in requests if one.prompt], console)
        resolved = [model.resolve(one) for one in requests]
        try:
            for result in model.stream(resolved, batch_size=chosen.batch_size):
                sheet.results.append(result)
                delivery.deliver(len(sheet.results) - 1, result)
                failures += [result.error] if result.error else []
        finally:
            if delivery.records:
                delivery.finish(sheet.draw(resolved[0], stamp.prompt))
    leave(failures, len(requests))
