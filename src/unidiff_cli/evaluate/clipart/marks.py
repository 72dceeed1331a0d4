"""Marks: what was asked, held against what is seen or said; and their shares by group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from unidiff_cli.evaluate.clipart.claims import Claims
from unidiff_cli.evaluate.intervals import wilson

Marks = Mapping[str, bool]
NAMES = (
    "thing",
    "colour",
    "thing and colour",
    "background",
    "count",
    "two things",
    "relation",
    "all",
)


class View(Protocol):
    """Somebody's view of a picture: the judge's, or a caption's."""

    @property
    def nouns(self) -> Counter[str]: ...
    @property
    def background(self) -> str: ...
    def colour(self, noun: str) -> str: ...
    def relations(self, first: str, second: str) -> frozenset[str]: ...


def marks(asked: Claims, view: View) -> dict[str, bool]:
    """A mark for all that is asked, and none for what is not.

    thing             the one kind that is asked is there
    colour            of each thing whose colour is asked, right
    thing and colour  both, of one kind
    background        right
    count             two, three or four of one kind: so many things are there
    two things        both are there
    relation          both are there and stand as is asked
    all               every one of these
    """
    found: dict[str, bool] = {}
    there = all(view.nouns[thing.noun] for thing in asked.things)
    coloured = [thing for thing in asked.things if thing.colour]
    if len(asked.things) == 2:
        found["two things"] = there
        if asked.relation:
            first, second = (thing.noun for thing in asked.things)
            found["relation"] = asked.relation in view.relations(first, second)
    else:
        found["thing"] = there
        (only,) = asked.things
        if only.count > 1:
            found["count"] = view.nouns.total() == only.count
    if coloured:
        found["colour"] = all(view.colour(thing.noun) == thing.colour for thing in coloured)
        if len(asked.things) == 1:
            found["thing and colour"] = there and found["colour"]
    if asked.background:
        found["background"] = view.background == asked.background
    return found | {"all": all(found.values())}


def told(truth: Claims, caption: Claims) -> dict[str, bool]:
    """The marks of a caption of a picture; relation is marked only where one is told."""
    found = marks(truth, caption)
    if "relation" in found:
        first, second = (thing.noun for thing in truth.things)
        said = caption.relations(first, second)
        del found["relation"]
        if said:
            found["relation"] = said <= truth.relations(first, second)
        del found["all"]
        found["all"] = all(found.values())
    return found


def agreement(caption: Claims, view: View) -> dict[str, bool]:
    """The marks of a picture that came with a caption.

    named  the caption names a thing of this world
    agree  it does, and all things that it names are there, on the background that it tells
    """
    if not caption.things:
        return {"named": False, "agree": False}
    first = Claims(caption.things[:2], caption.background, caption.relation)
    if len(first.things) == 2 and first.things[0].noun == first.things[1].noun:
        first = Claims(first.things[:1], first.background)
    found = marks(first, view)
    there = found.get("thing", True) and found.get("two things", True)
    return {"named": True, "agree": there and found.get("background", True), **found}


def shares(each: Iterable[Marks]) -> dict[str, dict[str, Any]]:
    """For each mark the share of those that have it that it is right of, and how many have it."""
    right: Counter[str] = Counter()
    number: Counter[str] = Counter()
    for one in each:
        number.update(one.keys())
        right.update(name for name, good in one.items() if good)
    return {
        name: {"share": right[name] / n, "n": n, "interval": wilson(right[name], n)}
        for name, n in number.items()
    }
