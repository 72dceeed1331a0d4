"""A job: one line of what `unidiff batch` takes."""

from __future__ import annotations

from unidiff_cli.batch.jobs import ID, MAX_ID, MAX_JOB_COUNT
from unidiff_cli.core.modes import MODES
from unidiff_cli.schemas.fields import Schema, asked, closed, needs, or_null


def job() -> Schema:
    """The fields of a Request, null where one is not there, and the job's own name."""
    name = {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_ID,
        "description": "Names the job; its answer carries it. By default line-NUMBER.",
    }
    given = asked()
    given["seed"]["description"] = "By default from the run's seed and the custom_id."
    given["count"]["maximum"] = MAX_JOB_COUNT
    mode = {"mode": given.pop("mode")}
    optional = {field: or_null(kind) for field, kind in given.items()}
    return closed(mode, {ID: name, **optional}) | {"allOf": [needs(mode) for mode in MODES]}
