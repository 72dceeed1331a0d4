"""What `--best-of N` gains on the bundled model: held-out prompts, marked by its judge.

    python benchmarks/best_of.py FOLDER --skip 83 --prompts 83 --of 6

Two groups of prompts that were held out, in random order: two things, and one kind of thing in a
colour. All N samples of each are drawn, marked and written to FOLDER; a second run goes on where
the first was stopped. The first sample is what comes without `--best-of`. The table has its share,
the share of the one that is kept, their difference (paired by prompt), that of all N, and what a
choice by the judge itself would reach.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from unidiff_cli.engine.best import candidates, fit
from unidiff_cli.engine.pipeline import UniDiffuser
from unidiff_cli.evaluate.clipart import marks as marking
from unidiff_cli.evaluate.clipart.examination import Examination, Prompt, open_judge
from unidiff_cli.evaluate.clipart.sight import look
from unidiff_cli.evaluate.intervals import Figure, mean, share
from unidiff_cli.request import Request

GROUPS = ("two things", "thing and colour")
"""Each the mark that decides."""


def asked(exam: Examination) -> Iterator[tuple[str, Prompt]]:
    """The held-out prompts of both groups, in turn."""
    order = [prompt for prompt in exam.prompts if prompt.group == "combination"]
    random.Random(3).shuffle(order)
    pairs = [prompt for prompt in order if len(prompt.asked.things) == 2]
    single = [p for p in order if len(p.asked.things) == 1 and p.asked.things[0].colour]
    for both in zip_longest(pairs, single):
        yield from ((g, prompt) for g, prompt in zip(GROUPS, both, strict=True) if prompt)


def draw(folder: Path, skipped: int, prompts: int, count: int) -> None:
    """Draw, mark and write what the folder does not have yet."""
    exam, (judge, about), model = Examination.open(), open_judge(), UniDiffuser.load("starter")
    results = folder / "results.jsonl"
    done = {row["prompt"] for row in rows(results)}
    some = islice(enumerate(asked(exam)), 2 * skipped, 2 * (skipped + prompts))
    for place, (group, prompt) in some:
        if prompt.text in done:
            continue
        best = Request(mode="t2i", prompt=prompt.text, seed=1000 + place, best_of=count)
        request = model.resolve(best)
        outputs = [model.run(one).outputs[0] for one in candidates(request)]
        pictures = [output.image for output in outputs if output.image is not None]
        for k, picture in enumerate(pictures):
            picture.save(folder / f"{place}-{k}.png")
        seen = look(judge, about["nouns"], exam.palette, pictures)
        row = {
            "place": place,
            "group": group,
            "prompt": prompt.text,
            "right": [marking.marks(prompt.asked, view)[group] for view in seen],
            "fits": [fit(model, request, output) for output in outputs],
        }
        with results.open("a", encoding="utf-8") as lines:
            print(json.dumps(row), file=lines)


def rows(results: Path) -> list[dict[str, Any]]:
    """What was written so far."""
    return [json.loads(line) for line in results.open(encoding="utf-8")] if results.exists() else []


def main() -> None:
    """Print a table of what all runs into the folder came to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--prompts", type=int, default=40, help="of each group")
    parser.add_argument("--skip", type=int, default=0, help="so many of each group before them")
    parser.add_argument("--of", type=int, default=6)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    draw(arguments.folder, arguments.skip, arguments.prompts, arguments.of)
    print("| | n | the first | the kept one | difference | all | the judge's choice |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for group in GROUPS:
        some = [row for row in rows(arguments.folder / "results.jsonl") if row["group"] == group]
        first = [row["right"][0] for row in some]
        kept = [row["right"][row["fits"].index(max(row["fits"]))] for row in some]
        gain = mean([int(b) - int(a) for a, b in zip(first, kept, strict=True)])
        told = (share(first), share(kept), gain, share(each(some)), share(any_of(some)))
        print(f"| {group} | {len(some)} | {' | '.join(in_words(one) for one in told)} |")


def each(some: Sequence[dict[str, Any]]) -> list[bool]:
    """Whether each sample is right."""
    return [right for row in some for right in row["right"]]


def any_of(some: Sequence[dict[str, Any]]) -> list[bool]:
    """Whether any sample of each prompt is right."""
    return [any(row["right"]) for row in some]


def in_words(figure: Figure) -> str:
    """In per cent, with its interval."""
    low, high = figure.interval or (figure.value, figure.value)
    return f"{100 * figure.value:.0f} ({100 * low:.0f} to {100 * high:.0f})"


if __name__ == "__main__":
    main()
