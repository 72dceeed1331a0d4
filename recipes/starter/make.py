"""Make the starter: one command, one configuration, nine stages, in any number of sittings.

    python recipes/starter/make.py OUT [--small] [--art FOLDER] [--from-nothing]

OUT gets everything: the art, the scenes, a run for each training, and at the end the model in
OUT/starter and what it can do in OUT/examination. Stop it with Ctrl-C and give the same command
again: stages that are done are passed over, a training goes on at its last checkpoint.
`starter.toml` has every number; `small.toml` has those that differ for a trial of minutes.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clipart import HERE
from clock import Clock
from stages import STAGES, Kitchen

from unidiff_cli.train.report import Report, reporting


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """The base with the tables and values of `over` in their places."""
    return {
        **base,
        **{
            name: merged(base.get(name, {}), value) if isinstance(value, Mapping) else value
            for name, value in over.items()
        },
    }


def configuration(small: bool) -> dict[str, Any]:
    """What starter.toml says, perhaps with small.toml over it."""
    files = ["starter.toml", *(["small.toml"] if small else [])]
    whole: dict[str, Any] = {}
    for name in files:
        whole = merged(whole, tomllib.loads((HERE / name).read_text(encoding="utf-8")))
    return whole


def make(folder: Path, config: Mapping[str, Any], art: Path | None, report: Report) -> None:
    """Do what is left to do in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    clock = Clock(folder / "clock.json", {name: config["minutes"][name] for name in STAGES})
    kitchen = Kitchen(folder.resolve(), config, art or folder.resolve() / "art", report)
    for name, stage in STAGES.items():
        if not clock.done(name):
            report.note(clock.line(name))
            with clock.running(name):
                stage(kitchen)
    report.note(f"done: {folder / 'starter'}, examined in {folder / 'examination'}")


def cleared(folder: Path) -> None:
    """Remove what earlier sittings made; a folder that is something else stays, and is an error."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / "clock.json").exists():
            raise SystemExit(f"{folder} is no folder of this recipe's: choose another.")
        shutil.rmtree(folder)


def main() -> None:
    """Make the starter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--small", action="store_true", help="a trial of minutes")
    parser.add_argument("--art", type=Path, help="a set that build.py made; no npm is needed then")
    parser.add_argument("--from-nothing", action="store_true", help="forget earlier sittings")
    arguments = parser.parse_args()
    if arguments.from_nothing:
        cleared(arguments.out)
    try:
        with reporting("auto", sys.stderr) as report:
            make(arguments.out, configuration(arguments.small), arguments.art, report)
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
