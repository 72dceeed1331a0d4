"""What `unidiff replay` can be told to make other than it was."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

CHANGES = "Other than recorded"


def _change(name: str, metavar: str) -> Any:
    return typer.Option(name, metavar=metavar, rich_help_panel=CHANGES)


Seed = Annotated[int | None, _change("--seed", "N")]
Steps = Annotated[int | None, _change("--steps", "N")]
Solver = Annotated[str | None, _change("--solver", "NAME")]
Times = Annotated[Literal["uniform", "log-snr"] | None, _change("--times", "NAME")]
Guidance = Annotated[float | None, _change("--guidance", "S")]
Interval = Annotated[str | None, _change("--guidance-interval", "LO,HI")]
Fast = Annotated[Literal["off", "safe", "max"] | None, _change("--fast", "LEVEL")]
Size = Annotated[str | None, _change("--size", "WxH")]
Strength = Annotated[float | None, _change("--strength", "L")]
Negative = Annotated[str | None, _change("--negative", "WORDS")]
TextLevel = Annotated[float | None, _change("--text-level", "L")]
ImageLevel = Annotated[float | None, _change("--image-level", "L")]
