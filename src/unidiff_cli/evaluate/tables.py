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


def number(value: float | None, scale: float = 1) -> str | None:
    """Four digits; None where there is no number."""
    return None if value is None else f"{scale * value:.4g}"


def span(interval: Sequence[float] | None, scale: float = 1) -> str | None:
    """From where to where a figure is, 95 times in 100; None where nobody knows."""
    if interval is None:
        return None
    low, high = (f"{scale * end:.3g}" for end in interval)
    return f"{low}..{high}"


def named(answer: Mapping[str, Any]) -> str:
    """Whose figures they are: a system's, or those of one less those of another."""
    return " - ".join(str(answer[name]) for name in ("system", "minus") if name in answer)


def looked(answer: Mapping[str, Any]) -> str:
    """What looked at the pictures: its name, whose weights it has, how it had them resized."""
    said = str(answer["features"])
    if "sha256" in answer and said != "inception":
        said += f" (sha256 {answer['sha256'][:8]})"
    return ", ".join(filter(None, (said, answer.get("resize"))))


def distances(answers: Answers, metric: str) -> Table:
    """Of FID or KID."""
    scale, heading = (1000, "KID x 1000") if metric == "kid" else (1, "FID")
    return ("SYSTEM", heading, "95%", "N", "REFERENCES", "FEATURES"), [
        (
            named(a),
            number(a[metric], scale),
            span(a["interval"], scale),
            *(a["n"], a["n_references"]),
            looked(a),
        )
        for a in answers
    ]


def clip_scores(answers: Answers) -> Table:
    """Of CLIP scores."""
    return ("SYSTEM", "CLIP SCORE", "95%", "N", "CLIP"), [
        (named(a), number(a["clip-score"]), span(a["interval"]), a["n"], a["clip"]) for a in answers
    ]


def own_scores(answers: Answers) -> Table:
    """Of the model's own scores."""
    return ("SYSTEM", "SCORE", "95%", "N", "MODEL"), [
        (named(a), number(a["score"]), span(a["interval"]), a["n"], a["model"]) for a in answers
    ]


def captions(answers: Answers) -> Table:
    """Of the measures of captions: figures, their intervals, and those of perfect answers."""
    names = [name for name in answers[0]["interval"] if name in answers[-1]["interval"]]
    rows: list[Sequence[object]] = []
    for a in answers:
        spans, best = a["interval"], a.get("perfect")
        rows.append((named(a), *(number(a[name]) for name in names), a["n"]))
        rows.append(("  95%", *(span(spans[name]) for name in names), ""))
        if best is not None:
            rows.append(("  perfect", *(number(best[name]) for name in names), ""))
    return ("SYSTEM", *(name.upper() for name in names), "N"), rows


def guidance(report: Mapping[str, Any]) -> Table:
    """A row for each scale, columns for what was measured."""
    columns = [
        ("t2i", "CLIP SCORE, T2I", "clip_score", "interval", 1),
        ("t2i", "FID", "fid", "fid_interval", 1),
        ("t2i", "KID x 1000", "kid", "kid_interval", 1000),
        ("i2t", "CLIP SCORE, I2T", "clip_score", "interval", 1),
    ]
    shown = [
        column
        for column in columns
        if any(each.get(column[0], {}).get(column[2]) is not None for each in report["scales"])
    ]
    body: list[list[object]] = []
    for each in report["scales"]:
        cells: list[object] = [f"{each['guidance']:g}"]
        for mode, _, name, interval, scale in shown:
            found = each.get(mode, {})
            cells += [number(found.get(name), scale), span(found.get(interval), scale)]
        body.append([*cells, max(each.get(mode, {}).get("n", 0) for mode in ("t2i", "i2t"))])
    headings = [cell for _, heading, _, _, _ in shown for cell in (heading, "95%")]
    return ["GUIDANCE", *headings, "N"], body


def clipart(report: Mapping[str, Any]) -> Table:
    """A row for each mode and group of the examination."""
    rows = [
        _group(f"{mode}, {group}", values, values.get("all"))
        for mode in ("t2i", "i2t")
        for group, values in report[mode].items()
    ]
    joint = report["joint"]
    if joint["n"]:
        rows.append(_group(f"joint: {cell(joint['agree'])} agree", joint, joint["agree"]))
    return ["%", *CLIPART.values(), "95%", "CIDER-D", "N"], rows


def _group(name: str, values: Mapping[str, Any], last: Mapping[str, Any] | None) -> list[object]:
    cells = [cell(values.get(column)) for column in CLIPART]
    return [name, *cells, span(last["interval"] if last else None, 100), cider(values), values["n"]]


def cider(values: Mapping[str, Any]) -> str | None:
    """CIDEr-D, and what perfect captions would get."""
    if "cider-d" not in values:
        return None
    best = values.get("perfect cider-d")  # which reports of before do not have
    return f"{values['cider-d']:.2f}" + ("" if best is None else f" of {best:.2f}")


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
