"""Fewer evaluations against more, on the same prompts, pictures and seeds.

    python benchmarks/steps_by_mode.py USUAL OTHER ...

Each is a folder that `unidiff eval clipart -o` filled; all asked for the same. For every mark: its
share in both, the difference and that difference's standard error, paired by sample. "not worse"
says that no difference of the marks in MARKS falls below its standard error.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections.abc import Mapping
from pathlib import Path

from unidiff_cli.evaluate.clipart import marks as marking
from unidiff_cli.evaluate.clipart.examination import Examination, open_judge
from unidiff_cli.evaluate.clipart.sight import look
from unidiff_cli.files.pictures import open_picture
from unidiff_cli.speed.dtype import choose_device

MARKS = {"t2i": ("thing", "all"), "i2t": ("thing", "all"), "joint": ("agree", "all")}
"""What decides: whether the thing is right, and whether everything is."""
Marks = Mapping[str, bool]


def sitting(folder: Path) -> dict[str, dict[str, Marks]]:
    """Mode -> sample -> its marks."""
    exam, (judge, about) = Examination.open(None), open_judge(None, choose_device("cpu"))
    with open(folder / "results.jsonl", encoding="utf-8") as lines:
        rows = {row["custom_id"]: row for row in map(json.loads, lines)}
    found: dict[str, dict[str, Marks]] = {mode: {} for mode in MARKS}
    drawn = [name for name in rows if name.startswith(("t2i-", "joint-"))]
    pictures = [open_picture(folder / rows[name]["outputs"][0]["image"]) for name in drawn]
    seen = dict(zip(drawn, look(judge, about["nouns"], exam.palette, pictures), strict=True))
    for name, row in rows.items():
        mode, number = name.split("-")[0], int(name.split("-")[1])
        text = row["outputs"][0].get("text") or ""
        if mode == "t2i":
            found[mode][name] = marking.marks(exam.prompts[number].asked, seen[name])
        elif mode == "i2t":
            found[mode][name] = marking.told(exam.shots[number].shows, exam.read(text))
        elif mode == "joint":
            found[mode][name] = marking.agreement(exam.read(text), seen[name])
    return found


def difference(usual: Mapping[str, Marks], other: Mapping[str, Marks], mark: str) -> list[int]:
    """1 where only the other is right, -1 where only the usual is, of the samples that have it."""
    both = [name for name in usual if name in other]
    pairs = [(usual[name].get(mark), other[name].get(mark)) for name in both]
    return [int(b) - int(a) for a, b in pairs if a is not None and b is not None]


def main() -> None:
    """Print a table for each pair of folders."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("usual", type=Path)
    parser.add_argument("others", type=Path, nargs="+")
    arguments = parser.parse_args()
    usual = sitting(arguments.usual)
    print("| mode | other | mark | n | usual | other | difference | not worse |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | --- |")
    for folder in arguments.others:
        other = sitting(folder)
        for mode, marks in MARKS.items():
            for mark in dict.fromkeys([*marks, "colour", "thing and colour", "two things"]):
                found = difference(usual[mode], other[mode], mark)
                if len(found) < 2:
                    continue
                n = len(found)
                shares = [
                    100 * statistics.fmean(bool(m[mark]) for m in side[mode].values() if mark in m)
                    for side in (usual, other)
                ]
                mean, error = (100 * x for x in (statistics.fmean(found), 0.0))
                error = 100 * statistics.stdev(found) / math.sqrt(n)
                verdict = ("yes" if mean >= -error else "no") if mark in marks else ""
                print(
                    f"| {mode} | {folder.name} | {mark} | {n} | {shares[0]:.1f} | {shares[1]:.1f} "
                    f"| {mean:+.1f} +- {error:.1f} | {verdict} |"
                )


if __name__ == "__main__":
    main()
