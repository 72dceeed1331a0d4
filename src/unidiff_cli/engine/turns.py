"""A pair that is made in turn: first the one, then the other of what is finished."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from unidiff_cli.errors import UnidiffError
from unidiff_cli.request import Output, Request

Made = list[Output | UnidiffError]


def in_turn(
    modes: tuple[str, ...], batch: list[Request], make: Callable[[list[Request]], Made]
) -> Made:
    """Samples of requests alike, by two modes after each other; what fails does so at its turn.

    What is handed on is the words or the picture, not its latent, which sampling leaves a little
    off: sample s is what the two commands make of seed s, one after the other.
    """
    first, second = modes
    made = make([replace(one, mode=first, order=None) for one in batch])
    given = [
        replace(one, mode=second, order=None, prompt=known.text, image=known.image)
        for one, known in zip(batch, made, strict=True)
        if isinstance(known, Output)
    ]
    rest = iter(make(given) if given else [])
    return [_both(known, next(rest)) if isinstance(known, Output) else known for known in made]


def _both(known: Output, other: Output | UnidiffError) -> Output | UnidiffError:
    if isinstance(other, UnidiffError):
        return other
    text = other.text if known.text is None else known.text
    return replace(other, image=known.image or other.image, text=text)
