"""What a helper may be asked to do, each by its name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unidiff_cli.engine.model import Model

METHODS = ("usual_batch", "strange_words", "unread", "answers", "fits", "walk")
"""Of the model. What it is to walk is a value that travels: a row of `travel.CLASSES`."""
FUNCTIONS: Mapping[str, str] = {"about": "unidiff_cli.keep.held", "warm": "unidiff_cli.keep.held"}
"""Function of the model -> its module."""


def perform(model: Model, name: str, *arguments: Any) -> Any:
    """Do it with a model that is loaded in this process."""
    if name in METHODS:
        return getattr(model, name)(*arguments)
    return getattr(import_module(FUNCTIONS[name]), name)(model, *arguments)
