"""The file of a model's own solver, beside its weights."""

from __future__ import annotations

import json
from pathlib import Path

from unidiff_cli.core.tuned import Tuned
from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.errors.system import cannot_write


def read_tuned(path: Path) -> Tuned | None:
    """What is in the file; None where there is no file, ModelUnavailable where it is another."""
    if not path.is_file():
        return None
    try:
        return Tuned.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelUnavailable(
            "model.tuned-solver",
            f"{path} is no tuned solver ({error}).",
            "Remove it, and learn it anew: unidiff tune",
        ) from error


def write_tuned(tuned: Tuned, path: Path) -> None:
    """The file, whole, or as it was before; an OutputError where it cannot be written."""
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.write_text(json.dumps(tuned.to_json(), indent=1) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise cannot_write(
            f"{path} cannot be written",
            error,
            "Name another file with -o, or convert the model into a folder of your own.",
        ) from error
