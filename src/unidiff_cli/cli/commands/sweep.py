"""`unidiff sweep`: one labelled sheet over the values of one option or two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unidiff_cli.cli.answers.loading import load, warn_of_words
from unidiff_cli.cli.answers.sheets import encode_sheet, roomy
from unidiff_cli.cli.answers.travelogue import Route, plan_route
from unidiff_cli.cli.options.axes import Axis, listed, two, whole_numbers
from unidiff_cli.cli.options.ends import Prompts, read_ends
from unidiff_cli.cli.options.options import Options
from unidiff_cli.cli.options.shared import output_option
from unidiff_cli.cli.options.values import parse_interval, parse_size
from unidiff_cli.cli.terminal.console import Console
from unidiff_cli.cli.terminal.sketch import check_apart
from unidiff_cli.errors import SOME_FAILED, UnidiffError, UsageError
from unidiff_cli.files.output import encode
from unidiff_cli.files.record import Record, line
from unidiff_cli.request import MAX_COUNT, Request, check_whole

if TYPE_CHECKING:
    from PIL import Image

    from unidiff_cli.request import Result

SWEPT = "Swept"
EXAMPLES = """\
\b
Examples:
  unidiff sweep "a red fox" --guidance 0,1,3,7 --seed 1-3
  unidiff sweep "a red fox" --solver dpm++2m,unipc,ddim --steps 5,10,20 -o solvers.png
  unidiff sweep "a fox" "an owl" "a hare" --seed 1-4 --each -o sheets/
  unidiff sweep photo.jpg --guidance 1,3,7 --seed 5
"""
LEFT_OUT = {"count", "grid", "format", "caption"}


def _several(name: str, metavar: str, help: str) -> Any:
    return typer.Option(name, metavar=metavar, help=help, rich_help_panel=SWEPT)


Guidance = Annotated[str | None, _several("--guidance", "S,S,...", "The paper's scale, 0 is off.")]
Interval = Annotated[
    str | None,
    _several("--guidance-interval", "LO,HI;...", "Guidance only at noise levels between these."),
]
Steps = Annotated[
    str | None, _several("--steps", "N,N,...", "Network evaluations per leg; 5-8 is 5,6,7,8.")
]
Solver = Annotated[
    str | None, _several("--solver", "NAME,...", "dpm++3s, dpm++2m, dpm++3m, unipc, ddim.")
]
Times = Annotated[str | None, _several("--times", "NAME,...", "uniform, log-snr.")]
Fast = Annotated[str | None, _several("--fast", "LEVEL,...", "off, safe, max.")]
Size = Annotated[
    str | None, _several("--size", "WxH,...", "Width and height in pixels, multiples of 16.")
]
Seed = Annotated[
    str | None, _several("--seed", "N,N,...", "1-3 is 1,2,3; by default a random one, printed.")
]
Each = Annotated[bool, output_option("--each", help="Also write every picture.")]


@dataclass
class Sheet:
    """The cells of a sweep as they come."""

    columns: Axis
    rows: Axis
    results: dict[tuple[int, int], Result] = field(default_factory=dict)

    def draw(self, title: str) -> Image.Image:
        """The table of all pictures; a failed one is its error's sentence."""
        from unidiff_cli.walks.montage import labelled

        cells = [
            [self._cell(column, row) for column in range(len(self.columns.values))]
            for row in range(len(self.rows.values))
        ]
        heads, names = (
            [axis.label(v) if len(axis.values) > 1 else "" for v in axis.values]
            for axis in (self.columns, self.rows)
        )
        return labelled(cells, heads, names, title)

    def _cell(self, column: int, row: int) -> Image.Image | str:
        result = self.results.get((column, row))
        if result is None:
            return ""
        return result.error.message if result.error else result.images[0]


def sweep(
    inputs: Annotated[
        list[str], typer.Argument(metavar="PROMPT|IMAGE...", help="Several are an axis too.")
    ],
    guidance: Guidance = None,
    guidance_interval: Interval = None,
    steps: Steps = None,
    solver: Solver = None,
    times: Times = None,
    fast: Fast = None,
    size: Size = None,
    seed: Seed = None,
    each: Each = False,
    prompts: Prompts = False,
    **options: Any,
) -> None:
    """Show what one or two options do, on a labelled sheet.

    A prompt gives pictures, a picture gives variations. The sheet holds the record of every
    picture in it.
    """
    chosen = Options(**options)
    check_whole("batch-size", chosen.batch_size, 1, MAX_COUNT)
    seeds = whole_numbers("seed", seed)
    seeded = replace(chosen, seed=seeds[0] if seeds else None)
    base = read_ends(inputs, prompts, seeded, many=True)
    requests = [
        each if each.mode == "t2i" else Request(**{**vars(each), "mode": "i2t2i"}) for each in base
    ]
    if len({request.mode for request in requests}) > 1:
        raise UsageError("Some of these are pictures, others prompts.", "Sweep over one kind.")
    kind = "prompt" if requests[0].mode == "t2i" else "image"
    axes = [
        Axis("guidance", listed("guidance", guidance, float)),
        Axis(
            "guidance_interval", listed("guidance-interval", guidance_interval, parse_interval, ";")
        ),
        Axis("steps", whole_numbers("steps", steps)),
        Axis("solver", listed("solver", solver, str)),
        Axis("times", listed("times", times, str)),
        Axis("fast", listed("fast", fast, str)),
        Axis("size", listed("size", size, parse_size)),
        Axis(kind, tuple(getattr(request, kind) for request in requests)),
        Axis("seed", seeds or (requests[0].seed,)),
    ]
    columns, rows = two(axes)
    fixed = {axis.name: axis.values[0] for axis in axes if len(axis.values) == 1}
    # The cells of a column go through the network together where rows are seeds.
    cells = list(product(range(len(columns.values)), range(len(rows.values))))
    orders = [
        replace(
            requests[0],
            **fixed | {columns.name: columns.values[c]} | {rows.name: rows.values[r]},
        )
        for c, r in cells
    ]
    name = f"sweep-{orders[0].seed}"
    single = len(cells) if each else 0
    route = plan_route(chosen.output, name, single, chosen.force, chosen.json, whole="")
    if each and route.strip is None:
        raise UsageError("--each writes files, and -o - none.", "Try -o folder/")
    check_apart(chosen.preview, [*route.files(single), *(request.image for request in requests)])
    console = Console(chosen.quiet, chosen.progress, chosen.show)
    if seed is None:
        console.note(f"seed {orders[0].seed}")
    run(Sheet(columns, rows), cells, orders, chosen, Out(route, console, chosen, each))


@dataclass
class Out:
    """Where cells and the sheet go."""

    route: Route
    console: Console
    chosen: Options
    each: bool
    written: int = 0
    records: list[Record] = field(default_factory=list)

    @property
    def suffix(self) -> str:
        """Of the pictures."""
        return self.route.strip.suffix if self.route.strip else ".png"

    def cell(self, result: Result) -> None:
        """Keep the record of a cell; write its picture and tell of it, if that was asked."""
        image = None
        if result.error is not None:
            self.console.problem(result.error)
        elif self.each:
            record = [] if self.chosen.no_metadata else [Record.of(result)]
            path = self.route.stage(self.written, self.suffix)
            image = str(self.route.save(path, encode(result.images[0], self.suffix, record)))
        self.written += 1
        record_ = Record.of(result, [image] if result.outputs else [])
        if result.error is None:
            self.records.append(record_)
        if self.chosen.json:
            self.console.answer(line(record_.to_json()))
        elif image is not None:
            self.console.answer(image)

    def sheet(self, picture: Image.Image) -> None:
        """Write the sheet with the records of all its pictures."""
        records = [] if self.chosen.no_metadata else self.records
        if self.route.strip is None:
            self.console.answer_bytes(encode_sheet(picture, self.suffix, records, self.console))
            return
        path = roomy(self.route.strip, picture, self.console)
        data = encode_sheet(picture, path.suffix, records, self.console)
        written = str(self.route.save(path, data))
        self.console.picture(picture)
        self.console.answer(line({"sheet": written}) if self.chosen.json else written)


def run(
    sheet: Sheet,
    cells: Sequence[tuple[int, int]],
    orders: Sequence[Request],
    chosen: Options,
    out: Out,
) -> None:
    """Make the cells, then the sheet; typer.Exit when not all could be made."""
    failures: list[UnidiffError] = []
    with out.console.listening() as progress:
        model = load(chosen, out.console, progress)
        warn_of_words(model, [order.prompt for order in orders if order.prompt], out.console)
        resolved = [model.resolve(order) for order in orders]
        try:
            results = model.stream(resolved, batch_size=chosen.batch_size)
            for cell, result in zip(cells, results, strict=True):
                sheet.results[cell] = result
                out.cell(result)
                failures += [result.error] if result.error else []
        finally:
            if out.records:
                out.sheet(sheet.draw(_title(resolved[0], sheet)))
    if failures:
        every = len(failures) == len(cells)
        raise typer.Exit(failures[0].exit_code if every else SOME_FAILED)


def _title(request: Request, sheet: Sheet) -> str:
    """What all cells have in common."""
    swept = {axis.name for axis in (sheet.columns, sheet.rows) if len(axis.values) > 1}
    settings: Mapping[str, str] = {
        "steps": f"{request.steps} steps",
        "solver": str(request.solver),
        "guidance": f"guidance {request.guidance:g}",
        "seed": f"seed {request.seed}",
    }
    given = [] if {"prompt", "image"} & swept else [request.given or ""]
    return ", ".join(given + [words for name, words in settings.items() if name not in swept])
