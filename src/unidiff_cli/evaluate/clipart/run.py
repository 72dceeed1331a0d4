"""The examination from beginning to end: a model sits, a judge looks, a report comes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from unidiff_cli.batch.worker import Spec
from unidiff_cli.evaluate import tables
from unidiff_cli.evaluate.clipart.examination import Examination, open_judge
from unidiff_cli.evaluate.clipart.sitting import Examiner, Sitting
from unidiff_cli.evaluate.run import Measured
from unidiff_cli.progress import Progress
from unidiff_cli.speed.dtype import choose_device


def examine(
    spec: Spec,
    examination: Path | None,
    output: Path | None,
    amount: Mapping[str, int],
    settings: Mapping[str, Any],
    seed: int,
    progress: Progress,
) -> Measured:
    """One report; samples and files are kept where there is an output folder.

    `amount` says how many of what, as `Sitting` calls them; settings are fields of a Request.
    """
    measured = Measured()
    with _folder(output) as folder:
        judge, about = open_judge(examination, choose_device(spec.device))
        asked = Examination.open(examination)
        sitting = Sitting(
            examination=asked, folder=folder, spec=spec, settings=settings, seed=seed, **amount
        )
        made = sitting.make(progress, measured.bad.append)
        examiner = Examiner(sitting, judge, about["nouns"], made)
        report = {
            "metric": "clipart",
            **examiner.report(progress),
            "judge": about["accuracy"],
            "seed": seed,
            **settings,
            **{name: amount[name] for name in ("prompts", "pictures", "pairs")},
            "made_with": dict(made.made_with),
        }
        report["notes"] = tables.clipart_notes(report)
        measured.answers.append(report)
        measured.files = examiner.keep(report) if output else ()
    return measured


@contextmanager
def _folder(output: Path | None) -> Iterator[Path]:
    """The folder for samples; one that is removed afterwards where none is asked for."""
    if output is not None:
        yield output
    else:
        with TemporaryDirectory(prefix="unidiff-clipart-") as name:
            yield Path(name)
