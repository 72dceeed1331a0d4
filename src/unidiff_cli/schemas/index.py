"""Every schema by its name."""

from __future__ import annotations

from unidiff_cli.errors import UsageError
from unidiff_cli.schemas import figures, told
from unidiff_cli.schemas import record as records
from unidiff_cli.schemas.fields import Schema
from unidiff_cli.schemas.job import job

VERSION = 1
"""Of all of them; it rises when a field goes or comes to mean something else."""
SCHEMAS = {
    "record": ("A sample, as t2i and its like print it with --json, and batch.", records.record),
    "error": ("What went wrong, in a record; all codes.", records.listed_error),
    "event": ("A line of stderr with --progress json.", records.event),
    "job": ("A line of what batch takes.", job),
    "walk": ("A line of chain or interpolate with --json.", told.walk),
    "sweep": ("A line of sweep with --json.", records.sweep),
    "score": ("A picture and how well texts fit it: score --json.", figures.score),
    "info": ("What a picture says of itself: info --json.", told.info),
    "check": ("What was made again, compared: replay --check --json.", told.check),
    "eval": ("A system and how good it is: eval --json.", figures.evaluation),
    "bench": ("How fast a model is: bench --json.", figures.bench),
    "models": ("A model: models list --json, models info --json.", told.models),
    "keep": ("A helper that holds a model: keep --json.", told.keep),
}
"""Name -> what it is of, and what makes it."""


def schema(name: str) -> Schema:
    """One of them, in JSON Schema's draft 2020-12; a UsageError where there is none."""
    if name not in SCHEMAS:
        raise UsageError(
            "usage.choice", f"There is no schema {name!r}.", f"Schemas: {', '.join(SCHEMAS)}."
        )
    said, make = SCHEMAS[name]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:unidiff:schema:{name}:{VERSION}",
        "title": f"unidiff: {name}",
        "description": said,
        **make(),
    }
