"""Samples that a study or an examination wants: a batch in a folder, made once.

The same call finishes what a kill interrupted; samples asked for later are added.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unidiff_cli.batch.order import Order
from unidiff_cli.batch.worker import Spec
from unidiff_cli.errors import UnidiffError, UsageError, again
from unidiff_cli.evaluate import rows
from unidiff_cli.files.output import make_folder, replace_file
from unidiff_cli.files.record import line
from unidiff_cli.progress import Progress

JOBS, RESULTS = "jobs.jsonl", "results.jsonl"
Problem = Callable[[UnidiffError], None]


@dataclass(frozen=True)
class Made:
    """The samples in a folder."""

    rows: Mapping[str, rows.Row]
    """By custom_id; those that failed are not among them."""
    made_with: Mapping[str, str]


def make(
    folder: Path, jobs: Sequence[Mapping[str, Any]], spec: Spec, progress: Progress, bad: Problem
) -> Made:
    """Make what is missing of the samples that the lines of a batch ask for."""
    make_folder(folder)
    text = "".join(f"{line(job)}\n" for job in jobs)
    replace_file(folder / JOBS, text.encode())
    order = Order(jobs=folder / JOBS, folder=folder, spec=spec)
    progress.stage("sampling")
    with order.begun() as run:
        progress.begin(len(jobs), len(jobs))
        for reply in run.replies():
            if not reply.answer.ok:
                _complain(reply.answer.values["error"], reply.kept, folder, bad)
            progress.evaluated(1)
            progress.finished(1)
        run.store.tidy([job["custom_id"] for job in jobs])
        made_with = run.model.made_with
    return Made({row.key: row for row in rows.read(folder / RESULTS)}, made_with)


def _complain(error: Mapping[str, str], kept: bool, folder: Path, bad: Problem) -> None:
    if not kept:
        raise UsageError(
            "usage.other-settings",
            f"{folder} holds results of other prompts or settings.",
            "Choose another folder with -o, or remove this one.",
        )
    bad(again(error))
