"""UniDiffuser as a tool: any of {image, text, nothing} into any of {image, text, both}."""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from unidiff_cli.engine.pipeline import UniDiffuser
    from unidiff_cli.request import Request, Result

__all__ = ["Request", "Result", "UniDiffuser", "__version__"]


def __getattr__(name: str) -> object:
    """Import the heavy half only when it is first asked for (PEP 562)."""
    if name == "UniDiffuser":
        from unidiff_cli.engine.pipeline import UniDiffuser

        return UniDiffuser
    if name in ("Request", "Result"):
        from unidiff_cli import request

        return getattr(request, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
