"""What benchmarks/speed.py found, as tables of docs/performance.md."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from contender import KEPT

from unidiff_cli.engine.bench import operations
from unidiff_cli.nets.uvit import UViTConfig

Row = Mapping[str, Any]
EVALUATIONS = 50
"""Of a picture as published."""


def write_page(page: Path, found: Mapping[str, Row]) -> None:
    """Put each table that can be made between its two markers; the rest of the page stays."""
    text = page.read_text(encoding="utf-8")
    for name, table in TABLES.items():
        if name not in found or (name == "picture" and "evaluation" not in found):
            continue
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        if begin not in text or end not in text:
            raise SystemExit(f"{page} has no place for {name}: {begin} ... {end}")
        made = f"{begin}\n{told(found[name]['machine'])}\n\n{table(found)}\n{end}"
        pattern = f"{re.escape(begin)}.*?{re.escape(end)}"
        text = re.sub(pattern, lambda _, made=made: made, text, flags=re.DOTALL)
    page.write_text(text, encoding="utf-8")


def told(machine: Row) -> str:
    """What a table holds for."""
    can = ", ".join(machine["can"]) or "no bfloat16"
    return (
        f"{machine['cpu']} ({can}), {machine['threads']} threads, torch {machine['torch']}, "
        f"diffusers {machine['diffusers']}:"
    )


def spread(values: Sequence[float], unit: str = "") -> str:
    """Median, lowest and highest."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.3g}{unit} ({low:.3g}..{high:.3g})"


def ratios(slow: Sequence[float], fast: Sequence[float]) -> str:
    """How many times as fast, round by round."""
    return spread([a / b for a, b in zip(slow, fast, strict=True)], "x")


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def evaluation(found: Mapping[str, Row]) -> str:
    """Guided evaluations against diffusers."""
    every = found["evaluation"]["seconds"]
    names = {
        "defaults": f"the defaults: {found['evaluation']['default']}, fp32",
        "bf16": "both bf16",
        "fp32": "both fp32",
    }
    rows = []
    for group, name in names.items():
        seconds = every[group]
        own, other = seconds["ours"], seconds["diffusers"]
        row = (name, spread(own, " s"), spread(other, " s"), ratios(other, own))
        kept = seconds.get(KEPT)
        rows.append((*row, f"{spread(kept, ' s')}: {ratios(kept, own)}" if kept else "-"))
    headings = ("a guided evaluation, 512 px", "unidiff", "diffusers", "times as fast")
    return table((*headings, "diffusers with our memory settings"), rows)


def picture(found: Mapping[str, Row]) -> str:
    """A whole picture at equal error: seconds an evaluation times evaluations."""
    row, seconds = found["picture"], found["evaluation"]["seconds"]["defaults"]
    own = seconds["ours"]
    other = [row["theirs"] * each for each in seconds["diffusers"]]
    rows = [("diffusers' defaults", str(row["theirs"]), spread(other, " s"), "1x")]
    for fast, counted in row["ours"].items():
        name = "`--solver dpm++2m --times log-snr`"
        if fast == "tuned":
            name = "`--solver tuned`"
        elif fast != "off":
            name = f"the same with `--fast {fast}`"
        taken = [counted["evaluations"] * each for each in own]
        told = f"{counted['steps']:.0f}"
        if counted["evaluations"] != counted["steps"]:
            told += f", which cost {counted['evaluations']:.1f}"
        rows.append((name, told, spread(taken, " s"), ratios(other, taken)))
    headings = ("a picture, 512 px", "evaluations", "seconds", "times as fast")
    said = (
        f"The error of diffusers' 50 steps was {100 * row['error']:.2f}% on the bundled model "
        f"({row['samples']} samples, median)."
    )
    return f"{table(headings, rows)}\n\n{said}"


def ceiling(found: Mapping[str, Row]) -> str:
    """What the machine can do, and what share of it an evaluation has."""
    row = found["ceiling"]
    seconds = found.get("evaluation", {}).get("seconds", {})
    work = 2 * operations(UViTConfig(), 64, 64)
    rows = []
    for name, rate in row["operations"].items():
        taken = seconds.get(name, {}).get("ours")
        share = f"{100 * work / statistics.median(taken) / rate:.0f}%" if taken else "-"
        rows.append((name, f"{rate / 1e9:.0f}", share))
    headings = ("matrix product", "GFLOP/s", "share that an evaluation reaches")
    copied = f"Memory is copied at {row['copied'] / 2**30:.1f} GiB/s, read and written."
    return f"{table(headings, rows)}\n\n{copied}"


def scaling(found: Mapping[str, Row]) -> str:
    """Seconds by the side of the picture, and the fit to a L + b L^2."""
    row = found["scaling"]
    tokens = {side: 81 + (int(side) // 16) ** 2 for side in row["seconds"]}
    middle = {side: statistics.median(taken) for side, taken in row["seconds"].items()}
    a, b = fitted([tokens[side] for side in middle], list(middle.values()))
    rows = [
        (
            f"{side} px",
            str(tokens[side]),
            spread(taken, " s"),
            f"{a * tokens[side] + b * tokens[side] ** 2:.3g} s",
        )
        for side, taken in row["seconds"].items()
    ]
    made = EVALUATIONS * middle["512"]
    said = (
        f"In {row['dtype']}, L tokens take {a * 1e3:.3g} ms L + {b * 1e6:.3g} us L^2. A picture of "
        f"512 px in {EVALUATIONS} evaluations takes {made:.0f} s on this machine; a million take "
        f"{made * 1e6 / 3600 / 24 / 365.25:.2g} years of it."
    )
    headings = ("side", "tokens", "a guided evaluation", "fit")
    return f"{table(headings, rows)}\n\n{said}"


def fitted(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """a and b of a x + b x^2, by least squares of the relative error."""
    u = [value / seconds for value, seconds in zip(x, y, strict=True)]
    v = [value**2 / seconds for value, seconds in zip(x, y, strict=True)]
    uu, vv = sum(p * p for p in u), sum(q * q for q in v)
    uv = sum(p * q for p, q in zip(u, v, strict=True))
    determinant = uu * vv - uv * uv
    return (sum(u) * vv - sum(v) * uv) / determinant, (sum(v) * uu - sum(u) * uv) / determinant


def captions(found: Mapping[str, Row]) -> str:
    """The beam search against diffusers."""
    seconds = found["captions"]["seconds"]
    own, other = seconds["ours"], seconds["diffusers"]
    headings = ("a caption of 67 tokens, after sampling", "unidiff", "diffusers", "times as fast")
    row = ("the defaults", spread(own, " s"), spread(other, " s"), ratios(other, own))
    kept = seconds[KEPT]
    return table(
        (*headings, "diffusers with our memory settings"),
        [(*row, f"{spread(kept, ' s')}: {ratios(kept, own)}")],
    )


def start(found: Mapping[str, Row]) -> str:
    """Whole programs."""
    seconds = dict(found["start"]["seconds"])
    seconds["`unidiff t2i` of the starter, a new process"] = seconds.pop("starter")
    rows = [(name, spread(taken, " s")) for name, taken in seconds.items()]
    return table(("from Enter to the end", "seconds"), rows)


def memory(found: Mapping[str, Row]) -> str:
    """Peak memory and loading."""
    row = found["memory"]
    weights, seconds = row["weights_gib"], row["seconds"]
    rows = [("weights of t2i, half precision", f"{weights:.2f} GiB")]
    for memory, run in row["runs"].items():
        peak, size = run["peak_gib"], 100 * (run["peak_gib"] / weights - 1)
        told = f"{peak:.2f} GiB: weights {size:+.0f}%; {run['seconds']:.0f} s"
        rows.append((f"peak of t2i, 512 px, a step, `--memory {memory}`", told))
    rows += [
        ("loading the U-ViT from safetensors", spread(seconds["load"], " s")),
        ("reading the same file", spread(seconds["read"], " s")),
    ]
    return table(("memory and loading", "measured"), rows)


def gpu(found: Mapping[str, Row]) -> str:
    """Evaluations on a GPU by batch, against diffusers and a matrix product; peak memory."""
    row = found["gpu"]
    rows = []
    for samples, seconds in row["seconds"].items():
        own, other = seconds["ours"], seconds["diffusers"]
        rate = 2 * int(samples) * operations(UViTConfig(), 64, 64) / statistics.median(own)
        share = f"{100 * rate / row['operations']:.0f}%"
        taken = (spread([1000 * each for each in seconds], " ms") for seconds in (own, other))
        rows.append((samples, *taken, ratios(other, own), share))
    headings = ("at once", "unidiff", "diffusers", "times as fast", "share of a product's rate")
    peaks = "; ".join(
        f"`{memory}` {run['peak_gib']:.2f} GiB" for memory, run in row["peaks"].items()
    )
    return (
        f"{table(headings, rows)}\n\n{row['gpu']}, both in {row['dtype']}; a guided evaluation at "
        f"512 px, of which a picture as published takes {EVALUATIONS}. A matrix product runs at "
        f"{row['operations'] / 1e12:.0f} TFLOP/s.\n\nMemory of the GPU that PyTorch holds at most "
        f"during t2i, by `--memory`: {peaks}."
    )


TABLES: dict[str, Callable[[Mapping[str, Row]], str]] = {
    each.__name__: each
    for each in (ceiling, evaluation, picture, scaling, captions, start, memory, gpu)
}
