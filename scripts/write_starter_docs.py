"""Write what the bundled model can do into docs/starter.md, from what was measured.

    unidiff eval clipart --model starter -o exam
    python benchmarks/solvers.py starter > solvers.md
    python scripts/write_starter_docs.py exam [--solvers solvers.md]

The tables stand between pairs of marks such as <!-- examination --> and <!-- /examination -->; what
is outside of them is left alone. docs/images/starter-heldout.webp has the first 100 held-out
prompts of the examination, whose order is random: they are not chosen.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from unidiff_cli.evaluate import rows
from unidiff_cli.evaluate.clipart.examination import Examination
from unidiff_cli.evaluate.tables import CLIPART, cell, cider
from unidiff_cli.files.grid import contact_sheet

DOCS = Path(__file__).parents[1] / "docs"
SHEET = "images/starter-heldout.webp"
SHOWN = 100
PAGE = """# The starter

What the bundled model can do, measured with `unidiff eval clipart`; the figures are explained in
[evaluation.md](evaluation.md#clip-art).

<!-- examination -->
<!-- /examination -->

## 100 held-out prompts, not chosen

![100 prompts that were never trained on, and what the starter draws](images/starter-heldout.webp)

## Solvers

<!-- solvers -->
<!-- /solvers -->
"""


def examination(report: Mapping[str, Any]) -> str:
    """The figures as Markdown."""
    head = ["", *(name.lower() for name in CLIPART.values()), "CIDEr-D", "n"]
    lines = [f"| {' | '.join(head)} |", f"| --- |{' ---: |' * (len(head) - 1)}"]
    for mode in ("t2i", "i2t"):
        for group, values in report[mode].items():
            lines.append(_row(f"{mode}, {group}", values))
    if report["joint"]["n"]:
        lines.append(_row("joint", report["joint"]))
        named, agree = report["joint"]["named"]["share"], report["joint"]["agree"]["share"]
        told = f"{named:.0%} of the captions of joint name a thing; {agree:.0%} of the pairs agree."
        lines += ["", told]
    return "\n".join([*lines, "", *(f"- {note}" for note in report["notes"])])


def _row(name: str, values: Mapping[str, Any]) -> str:
    cells = [cell(values.get(column)) or "" for column in CLIPART]
    cells += [cider(values) or "", str(values["n"])]
    return f"| {name} | {' | '.join(cells)} |"


def put(page: str, name: str, text: str) -> str:
    """The page with other text between the marks of a name."""
    marks = re.compile(f"(<!-- {name} -->\n).*(<!-- /{name} -->)", re.DOTALL)
    assert marks.search(page), f"the page has no <!-- {name} -->"
    return marks.sub(lambda found: f"{found[1]}{text}\n{found[2]}", page)


def sheet(folder: Path) -> Image.Image:
    """The samples of the first held-out prompts."""
    made = {row.key: row.image for row in rows.read(folder / "results.jsonl")}
    held = [
        (prompt.text, made[f"t2i-{number:04}"])
        for number, prompt in enumerate(Examination.open().prompts)
        if prompt.group != "trained" and made.get(f"t2i-{number:04}")
    ][:SHOWN]
    pictures = [Image.open(path).convert("RGB") for _, path in held if path]
    whole = contact_sheet(pictures, [text for text, _ in held])
    return whole.resize((whole.width // 2, whole.height // 2), Image.Resampling.LANCZOS)


def main() -> None:
    """Write the page and the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--solvers", type=Path)
    parser.add_argument("--docs", type=Path, default=DOCS)
    arguments = parser.parse_args()
    path = arguments.docs / "starter.md"
    page = path.read_text(encoding="utf-8") if path.exists() else PAGE
    report = json.loads((arguments.folder / "clipart.json").read_text(encoding="utf-8"))
    page = put(page, "examination", examination(report))
    if arguments.solvers:
        page = put(page, "solvers", arguments.solvers.read_text(encoding="utf-8").strip())
    path.write_text(page, encoding="utf-8")
    (arguments.docs / "images").mkdir(exist_ok=True)
    sheet(arguments.folder).save(arguments.docs / SHEET, quality=85, method=6)


if __name__ == "__main__":
    main()
