"""`python -m unidiff_cli.train CONFIG.toml`: the trainer alone; needs neither typer nor the Hub."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from unidiff_cli.errors import INTERRUPTED, UnidiffError, written
from unidiff_cli.process import begin, ending_in_order


def main() -> int:
    """Train, and return the process's exit code."""
    begin()
    arguments = _arguments()
    with ending_in_order() as came:
        try:
            from unidiff_cli.train.start import Options, train

            train(Options(**vars(arguments)), sys.stderr)
        except UnidiffError as error:
            sys.stderr.write(_told(error, arguments.progress == "json"))
            return error.exit_code
        except KeyboardInterrupt:
            return 128 + came[0] if came else INTERRUPTED
    return 0


def _told(error: UnidiffError, as_event: bool) -> str:
    """What went wrong, and what to try; for programs as the event that unidiff tells it by."""
    if not as_event:
        return f"{error.message}\n" + (f"{error.hint}\n" if error.hint else "")
    return json.dumps({"event": "error", **written(error)}, ensure_ascii=False) + "\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m unidiff_cli.train", description=__doc__)
    parser.add_argument("config", type=Path, nargs="?", help="a TOML file: [part] and [trainer]")
    parser.add_argument("--data", type=Path, help="pictures with captions, to fine-tune on")
    parser.add_argument("--model", help="the model to begin from (default: starter)")
    parser.add_argument("--lora", type=int, help="train low-rank adapters of this rank")
    parser.add_argument("-o", "--output", type=Path, help="folder of the run")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--minutes", type=float, help="stop after so many, and save")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument("--dtype", choices=["fp32", "bf16"])
    parser.add_argument("--seed", type=int)
    parser.add_argument(
        "--progress",
        choices=["auto", "none", "json", "quiet"],
        default="auto",
        help="auto: a bar on a terminal, lines elsewhere; json: an event a line",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
