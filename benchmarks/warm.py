"""What a helper saves: commands from Enter to their end, cold and with one, in turns.

    python benchmarks/warm.py FOLDER [--rounds 10] [--before SOURCES] [--only ROW ...]

A ratio is that of one round; given are medians (lowest..highest). SOURCES is a source tree of an
earlier state, whose cold commands are then measured as well. The row `published` fabricates a model
of the published size in FOLDER (1.9 GB, random weights) and takes the time to the stage "sampling"
at 64 px. Helpers are those of FOLDER alone. Linux; needs psutil.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).parents[1] / "src"
IDLE = 60.0
"""Seconds for which an idle helper is watched."""
Work = Callable[[], float]


def environment(folder: Path, source: Path) -> dict[str, str]:
    """In which helpers have their sockets in the folder."""
    runtime = folder / "run"
    runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
    given = {"XDG_RUNTIME_DIR": str(runtime), "PYTHONPATH": str(source), "HF_HUB_OFFLINE": "1"}
    return {**os.environ, **given}


def command(*arguments: str) -> list[str]:
    """A command line of the source tree that PYTHONPATH names."""
    return [sys.executable, "-c", "from unidiff_cli.cli.app import main; main()", *arguments]


def shell(folder: Path, *lines: list[str], source: Path = HERE) -> Work:
    """A pipe of commands, from start to end."""

    def run() -> float:
        started, stdin, running = time.perf_counter(), subprocess.DEVNULL, []
        for line in lines:
            each = subprocess.Popen(
                line,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment(folder, source),
                cwd=folder,
            )
            running.append(each)
            stdin = each.stdout
        assert running[-1].stdout is not None
        running[-1].stdout.read()
        codes = [each.wait() for each in running]
        assert not any(codes), codes
        return time.perf_counter() - started

    return run


def until_sampling(folder: Path, *arguments: str) -> Work:
    """A command until it tells that it samples; it is let run to its end."""

    def run() -> float:
        started = time.perf_counter()
        running = subprocess.Popen(
            command(*arguments, "--progress", "json"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment(folder, HERE),
            cwd=folder,
        )
        assert running.stderr is not None
        taken = next(
            time.perf_counter() - started
            for line in running.stderr
            if json.loads(line).get("what") == "sampling"
        )
        running.stderr.read()
        assert running.wait() == 0
        return taken

    return run


def turns(work: Mapping[str, Work], rounds: int) -> dict[str, list[float]]:
    """Seconds of each, round by round, after one that does not count."""
    taken: dict[str, list[float]] = {name: [] for name in work}
    for number in range(rounds + 1):
        for name, each in work.items():
            seconds = each()
            if number:
                taken[name].append(seconds)
    return taken


def picture(folder: Path, keep: str, before: Path | None) -> dict[str, Work]:
    """`t2i "a red fox"` of the starter."""
    asked = ("t2i", "a red fox", "--model", "starter", "--seed", "1", "-o", "fox.png", "-f", "-q")
    work = {
        "cold": shell(folder, command(*asked, "--keep", "off")),
        "helper": shell(folder, command(*asked, "--keep", keep)),
    }
    if before is not None:
        work["before"] = shell(folder, command(*asked), source=before)
    return work


def pipe(folder: Path, keep: str, before: Path | None) -> dict[str, Work]:
    """`t2i | i2t | t2i` of the starter."""

    def lines(*options: str) -> list[list[str]]:
        each = ("--model", "starter", "--seed", "1", "-q", *options)
        return [
            command("t2i", "a red fox", "-o", "-", *each),
            command("i2t", "-", *each),
            command("t2i", "-", "-o", "again.png", "-f", *each),
        ]

    work = {
        "cold": shell(folder, *lines("--keep", "off")),
        "helper": shell(folder, *lines("--keep", keep)),
    }
    if before is not None:
        work["before"] = shell(folder, *lines(), source=before)
    return work


def published(folder: Path, keep: str, before: Path | None) -> dict[str, Work]:
    """The published size: from Enter until sampling begins."""
    import torch
    from full_size_memory import fabricate

    model = folder / "v1-bf16"
    fabricate(model, torch.bfloat16)
    asked = ("t2i", "a red fox", "--model", str(model), "--dtype", "bf16", "--seed", "1")
    small = (*asked, "--size", "64x64", "--steps", "1", "-o", "small.png", "-f")
    return {
        "cold": until_sampling(folder, *small, "--keep", "off"),
        "helper": until_sampling(folder, *small, "--keep", keep),
    }


def help_(folder: Path, keep: str, before: Path | None) -> dict[str, Work]:
    """`--help`, which no helper is asked for."""
    work = {"cold": shell(folder, command("--help"))}
    if before is not None:
        work["before"] = shell(folder, command("--help"), source=before)
    return work


ROWS = {"picture": picture, "pipe": pipe, "published": published, "help": help_}


def busy(process: psutil.Process) -> float:
    """Milliseconds that its threads have run; cpu_times() counts in steps of ten."""
    threads = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
    return sum(int(path.read_text().split()[0]) for path in threads) / 1e6


def idle(folder: Path) -> list[dict[str, Any]]:
    """CPU time a minute and memory of each helper, left alone."""
    listed = subprocess.run(
        command("keep", "--json"),
        env=environment(folder, HERE),
        capture_output=True,
        text=True,
        check=True,
    )
    helpers = [json.loads(line) for line in listed.stdout.splitlines()]
    processes = [psutil.Process(helper["process"]) for helper in helpers]
    before = [busy(process) for process in processes]
    time.sleep(IDLE)
    return [
        {
            "model": Path(helper["model"]).name,
            "cpu_ms_a_minute": round((busy(process) - then) * 60 / IDLE, 1),
            "resident_mib": process.memory_info().rss >> 20,
            "own_mib": process.memory_full_info().uss >> 20,
        }
        for helper, process, then in zip(helpers, processes, before, strict=True)
    ]


def spread(values: list[float], unit: str) -> str:
    """Median (lowest..highest)."""
    low, high = min(values), max(values)
    return f"{statistics.median(values):.3g}{unit} ({low:.3g}..{high:.3g})"


def main() -> None:
    """Measure, and print a table and the raw seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--only", nargs="*", choices=[*ROWS, "idle"], default=[*ROWS, "idle"])
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    for name in arguments.only:
        if name in ROWS:
            found[name] = turns(ROWS[name](folder, "1h", arguments.before), arguments.rounds)
            for kind, taken in found[name].items():
                fast = [a / b for a, b in zip(taken, found[name].get("helper", taken), strict=True)]
                print(f"| {name} | {kind} | {spread(taken, ' s')} | {spread(fast, 'x')} |")
    if "idle" in arguments.only:
        found["idle"] = idle(folder)
        print(json.dumps(found["idle"], indent=1))
    (folder / "warm.json").write_text(json.dumps(found, indent=1) + "\n")
    ending = command("keep", "stop", "all")
    subprocess.run(ending, env=environment(folder, HERE), check=False)


if __name__ == "__main__":
    main()
