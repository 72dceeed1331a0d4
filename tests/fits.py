"""Whether what was printed is what its schema says."""

from __future__ import annotations

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from unidiff_cli.schemas.index import schema


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(schema(name))


def fits(name: str, values: Any) -> Any:
    """The same values; they fit, and with one more field they would not."""
    _validator(name).validate(values)
    assert not _validator(name).is_valid({**values, "one more": {}})
    return values


def removable(name: str, values: Any) -> set[str]:
    """The fields of an object that its schema would not miss."""
    return {
        key
        for key in values
        if _validator(name).is_valid({k: v for k, v in values.items() if k != key})
    }
