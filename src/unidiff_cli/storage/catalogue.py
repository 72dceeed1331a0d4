"""What is known of models, as JSON values: those that have a name, and one that is here."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.model_config import Sampling
from unidiff_cli.registry import Row
from unidiff_cli.storage.find import Found, find
from unidiff_cli.storage.layout import digest, layout_of
from unidiff_cli.storage.sizes import config_in


def described(row: Row) -> dict[str, Any]:
    """A row as JSON values, with what of it is on this machine."""
    found, why = None, None
    try:
        found = find(row.name)
    except ModelUnavailable as error:
        why = error.message
    folder = found.folder if found else None
    size = row.size if row.kind == "hub" else _bytes(folder)
    return {
        "name": row.name,
        "summary": row.summary,
        "kind": row.kind,
        "license": row.license,
        "repo": row.repo or None,
        "size": size,
        "here": found is not None,
        "path": str(folder) if folder else None,
        "revision": found.revision if found else None,
        "why": why,
    }


def known_of(found: Found) -> dict[str, Any]:
    """A model that is here, as JSON values; what does not apply is left out."""
    folder, row = found.folder, found.row
    if folder is None:
        assert row is not None
        assert row.config is not None
        config = row.config
    else:
        config = config_in(folder, found.shown, found.license)
    values = {
        "name": config.name,
        "summary": row.summary if row else None,
        "license": config.license,
        "folder": str(folder) if folder else None,
        "layout": layout_of(folder) if folder else None,
        "revision": found.revision or (digest(folder) if folder else None),
        "size": _bytes(folder) or None,
        "picture_size": config.size,
        "text_tokens": config.text_tokens,
        "v1_data": "web, internal" if config.data_types else None,
        "sampling": _usual(config.sampling),
    }
    return {key: value for key, value in values.items() if value is not None}


def _usual(sampling: Sampling) -> dict[str, Any]:
    """The defaults; an order is only in the row of the mode that has several."""
    return {key: value for key, value in asdict(sampling).items() if key != "order"}


def _bytes(folder: Path | None) -> int:
    files = folder.rglob("*") if folder else ()
    return sum(path.stat().st_size for path in files if path.is_file())
