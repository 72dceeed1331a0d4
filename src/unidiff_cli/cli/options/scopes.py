"""Which modes an option means something to."""

from __future__ import annotations

from unidiff_cli.core.modes import Mode, Role


def any_mode(mode: Mode) -> bool:
    """All of them."""
    return True


def makes_pictures(mode: Mode) -> bool:
    """Modes that yield a picture."""
    return "image" in mode.yields


def reads_picture(mode: Mode) -> bool:
    """Modes that are given a picture."""
    return mode.needs == "image"


def describes(mode: Mode) -> bool:
    """Modes that say what a picture shows."""
    return reads_picture(mode) and not makes_pictures(mode)


def makes_text(mode: Mode) -> bool:
    """Modes that yield text."""
    return "text" in mode.yields


def makes_pairs(mode: Mode) -> bool:
    """Modes that yield a picture and its caption."""
    return makes_pictures(mode) and makes_text(mode)


def has_orders(mode: Mode) -> bool:
    """Modes that make two things, in some order."""
    return bool(mode.orders)


def is_guided(mode: Mode) -> bool:
    """Modes with a leg that knows something of the other modality, to be pushed towards."""
    return any(leg.alone(m) != leg for leg in mode.legs for m in leg.which(Role.SAMPLED))


def reads_text(mode: Mode) -> bool:
    """Modes with a leg whose condition is text."""
    return any(leg.text is Role.GIVEN for leg in mode.legs)


def edits(mode: Mode) -> bool:
    """Modes that begin with a picture that is given."""
    return mode.revises


def takes_words(mode: Mode) -> bool:
    """Modes that may be given words."""
    return mode.needs == "text" or mode.revises


def sees(mode: Mode) -> bool:
    """Modes with a leg whose condition is a picture."""
    return any(leg.image is Role.GIVEN for leg in mode.legs)


def fits(mode: Mode) -> bool:
    """Modes that yield a picture for words, which may fit more or less well."""
    return makes_pictures(mode) and (takes_words(mode) or makes_text(mode))
