"""The tables that measures are shown in: headings, and a row for each system, scale or group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Table = tuple[Sequence[str], Sequence[Sequence[object]]]
Answers = Sequence[Mapping[str, Any]]

CLIPART = {
    "thing": "THING",
    "colour": "COLOUR",
    "thing and colour": "BOTH",
    "background": "GROUND",
    "count": "COUNT",
    "two things": "TWO",
    "relation": "RELATION",
    "all": "ALL",
}
"""What the examination marks, and how a table calls it."""


def number(value: float | None, deviation: float | None = None, scale: float = 1) -> str | None:
    """Four digits, and after a +- how far it may be off; None where there is no number."""
    if value is None:
        return None
    off = "" if deviation is None else f" +- {scale * deviation:.2g}"
    return f"{scale * value:.4g}{off}"


def distances(answers: Answers, metric: str, features: str) -> Table:
    """Of FID or KID."""
    scale, heading = (1000, "KID x 1000") if metric == "kid" else (1, "FID")
    return ("SYSTEM", heading, "N", "REFERENCES", "FEATURES"), [
        (a["system"], number(a[metric], a["deviation"], scale), a["n"], a["n_references"], features)
        for a in answers
    ]


def clip_scores(answers: Answers) -> Table:
    """Of CLIP scores."""
    return ("SYSTEM", "CLIP SCORE", "N", "CLIP"), [
        (a["system"], number(a["clip-score"], a["error"]), a["n"], a["clip"]) for a in answers
    ]


def captions(answers: Answers) -> Table:
    """Of the measures of captions."""
    apart = ("metric", "system", "n", "tokenizer", "notes")
    names = [name for name in answers[0] if name not in apart]
    return ("SYSTEM", *(name.upper() for name in names), "N"), [
        (a["system"], *(number(a[name]) for name in names), a["n"]) for a in answers
    ]


def guidance(report: Mapping[str, Any]) -> Table:
    """A row for each scale, columns for what was measured."""
    columns = [
        ("t2i", "CLIP SCORE, T2I", "clip_score", "error", 1),
        ("t2i", "FID", "fid", "", 1),
        ("t2i", "KID x 1000", "kid", "kid_deviation", 1000),
        ("i2t", "CLIP SCORE, I2T", "clip_score", "error", 1),
    ]
    shown = [
        column
        for column in columns
        if any(each.get(column[0], {}).get(column[2]) is not None for each in report["scales"])
    ]
    body: list[list[object]] = []
    for each in report["scales"]:
        cells: list[object] = [f"{each['guidance']:g}"]
        for mode, _, name, deviation, scale in shown:
            found = each.get(mode, {})
            cells.append(number(found.get(name), found.get(deviation), scale))
        body.append([*cells, max(each.get(mode, {}).get("n", 0) for mode in ("t2i", "i2t"))])
    return ["GUIDANCE", *(heading for _, heading, _, _, _ in shown), "N"], body


def clipart(report: Mapping[str, Any]) -> Table:
    """A row for each mode and group of the examination."""
    rows: list[list[object]] = []
    for mode in ("t2i", "i2t"):
        for group, values in report[mode].items():
            cells = [cell(values.get(name)) for name in CLIPART]
            score = values.get("cider-d")
            cells.append(None if score is None else f"{score:.2f}")
            rows.append([f"{mode}, {group}", *cells, values["n"]])
    joint = report["joint"]
    if joint["n"]:
        cells = [cell(joint.get(name)) for name in CLIPART]
        rows.append([f"joint: {cell(joint['agree'])} agree", *cells, None, joint["n"]])
    return ["%", *CLIPART.values(), "CIDER-D", "N"], rows


def cell(value: Mapping[str, Any] | None) -> str | None:
    """A share in percent, and in brackets what real pictures get."""
    if value is None:
        return None
    real = value.get("real")
    return f"{100 * value['share']:.0f}" + ("" if real is None else f" ({100 * real:.0f})")


def clipart_notes(report: Mapping[str, Any]) -> list[str]:
    """What of the examination is no share."""
    judge = report["judge"]
    notes = [
        f"the judge names {judge['known']:.0%} of the drawings that it learned from, and "
        f"{judge['unseen']:.0%} of those that it did not"
    ]
    for one in report["seeds"]:
        apart = "" if one["unlike"] is None else f"; between seeds 1 - cosine {one['unlike']:.2f}"
        notes.append(f"{one['prompt']!r} is right for {one['right']} of {one['n']} seeds{apart}")
    if report["nearest"]:
        made, real = report["nearest"]["made"], report["nearest"]["real"]
        notes.append(
            f"likeness to the nearest drawing that the starter learned from: {made:.3f}; of real "
            f"drawings that it did not: {real:.3f}"
        )
    if report["paint"]:
        notes.append(_paint(report["paint"]))
    return notes


def _paint(paint: Mapping[str, Any]) -> str:
    """How flat the pictures are, and how white their corners."""
    said = [f"{paint['made']['flat']['mean']:.3f}"]
    if interval := paint["made"]["flat"]["interval"]:
        said.append("({:.3f} to {:.3f})".format(*interval))
    said.append(f"of what is drawn is flat, and {paint['real']['flat']['mean']:.3f} of real ones")
    if corners := paint["made"].get("corners"):
        said.append(f"; corners on white: {corners['mean']:.1f}, spread {corners['spread']:.1f}")
    return " ".join(said).replace(" ;", ";")
