"""`unidiff eval fid` and `kid`: how far pictures are from real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from unidiff_cli.cli.options.measures import Features, Paired, Resize, Resizing, Systems
from unidiff_cli.cli.options.shared import Device, Json, Progress, Quiet
from unidiff_cli.cli.terminal.console import Console
from unidiff_cli.cli.terminal.table import tell
from unidiff_cli.request import MAX_SEED, check_whole

References = Annotated[
    Path, typer.Argument(metavar="REFERENCES", help="Real pictures: a folder, or a .jsonl file.")
]


def fid(
    references: References,
    systems: Systems,
    features: Features = "inception",
    resize: Resize = None,
    paired: Paired = False,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
    progress: Progress = "auto",
) -> None:
    """FID: the Frechet distance of pictures from real ones.

    Each system's pictures are compared with the references; lower is better. Under 2048 pictures it
    is unreliable, and a note says so; it is refused if there are no more pictures than numbers in a
    feature. Needs unidiff-cli[eval].
    """
    from unidiff_cli.evaluate.distances import frechet

    network = features, resize, device
    _distances("fid", frechet, references, systems, network, paired, json, Console(quiet, progress))


def kid(
    references: References,
    systems: Systems,
    features: Features = "inception",
    resize: Resize = None,
    subsets: Annotated[int, typer.Option(min=1, metavar="N", help="How many are drawn.")] = 100,
    subset_size: Annotated[
        int, typer.Option(min=2, metavar="N", help="Pictures in each, or all if there are fewer.")
    ] = 1000,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed for drawing the subsets.")] = 0,
    paired: Paired = False,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
    progress: Progress = "auto",
) -> None:
    """KID: the kernel distance of pictures from real ones.

    Each system's pictures are compared with the references; lower is better. It is unbiased, so it
    is given for few pictures too. Needs unidiff-cli[eval].
    """
    from unidiff_cli.evaluate.distances import Distance, Seen, kernel

    check_whole("seed", seed, 0, MAX_SEED)

    def distance(real: Seen, made: Seen) -> Distance:
        return kernel(real, made, subsets=subsets, subset=subset_size, seed=seed)

    network = features, resize, device
    console = Console(quiet, progress)
    _distances("kid", distance, references, systems, network, paired, json, console)


def _distances(
    metric: str,
    distance: Any,
    references: Path,
    systems: list[Path],
    network: tuple[str, Resizing | None, str],
    paired: bool,
    json: bool,
    console: Console,
) -> None:
    """The table of one distance; `distance` takes the references as seen, then a system."""
    from unidiff_cli.evaluate import tables
    from unidiff_cli.evaluate.pairing import check_two
    from unidiff_cli.evaluate.rows import drawn

    if paired:
        check_two(systems)
    read = {path: drawn(path) for path in (references, *systems)}
    with console.listening() as listener:
        listener.stage("loading the libraries")
        from unidiff_cli.evaluate.run import distances

        asked = (metric, distance, references, read, systems, paired)
        measured = distances(*asked, *network, listener)
    table = tables.distances(measured.answers, metric)
    tell(console, measured.answers, json, *table, measured.bad)
