"""What options of several commands have in common: where help shows them, and whole options."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

import typer

sampling_option = partial(typer.Option, rich_help_panel="Sampling")
model_option = partial(typer.Option, rich_help_panel="Model")
output_option = partial(typer.Option, rich_help_panel="Output")

Model = Annotated[
    str | None,
    model_option(
        "--model",
        "-m",
        metavar="NAME",
        envvar="UNIDIFF_MODEL",
        help="A name from `unidiff models list`, a folder, or a Hub id. "
        "By default unidiffuser-v1 if it is in the Hub's cache, else the bundled model.",
    ),
]
Device = Annotated[
    Literal["auto", "cuda", "mps", "cpu"],
    model_option("--device", envvar="UNIDIFF_DEVICE", help="Where to compute."),
]
Dtype = Annotated[
    Literal["auto", "fp32", "bf16", "fp16", "int8"],
    model_option(
        "--dtype",
        envvar="UNIDIFF_DTYPE",
        help="The number format to compute in; auto is the best that the device handles well, int8 "
        "the fastest for a large model on a CPU that multiplies it, less exact: docs/fast.md.",
    ),
]
Memory = Annotated[
    Literal["auto", "low", "min"],
    model_option(
        "--memory",
        envvar="UNIDIFF_MEMORY",
        help="low holds only the parts in use and computes one thing at a time: slower, with "
        "the same results but for rounding; pictures above the model's own size are made of "
        "tiles. min also reads the network block by block.",
    ),
]
Keep = Annotated[
    str | None,
    model_option(
        "--keep",
        metavar="TIME",
        envvar="UNIDIFF_KEEP",
        help="Leave the model loaded, in a process that later commands find and use until nobody "
        "has for so long: 10m, 2h; unidiff keep lists and ends them. off uses none that is there. "
        "Not on Windows.",
    ),
]
BatchSize = Annotated[
    int | None,
    model_option(
        "--batch-size",
        metavar="N",
        envvar="UNIDIFF_BATCH_SIZE",
        help="Samples at a time; changes speed and memory, but on a CPU never the results.",
    ),
]
Glob = Annotated[
    str | None,
    typer.Option(
        "--glob",
        metavar="PATTERN",
        help="Of folders take only files like that, for example '*.jpg' or 'cats/*'.",
        rich_help_panel="Input",
    ),
]
Steps = Annotated[
    int | None, sampling_option("--steps", metavar="N", help="The model's by default.")
]
Solver = Annotated[
    Literal["dpm++3s", "dpm++2m", "dpm++3m", "unipc", "ddim", "tuned"] | None,
    sampling_option("--solver", help="The model's by default."),
]
Times = Annotated[
    Literal["uniform", "log-snr"] | None,
    sampling_option(
        "--times",
        help="How the steps are spaced: evenly in the noise level t, as published, or in log-SNR; "
        "the default is the model's.",
    ),
]
Absent = Annotated[
    Literal["fresh", "fixed"],
    sampling_option(
        "--absent",
        help="The noise that stands for an input that is not there: fresh at every evaluation, as "
        "published, or fixed for a sample.",
    ),
]
Fast = Annotated[
    Literal["off", "safe", "max"],
    sampling_option(
        "--fast",
        help="Compute the network's middle only at every second evaluation (safe; at all of them "
        "where picture and caption form together) or every third (max). Faster, but not the same "
        "result; compare with fewer --steps: docs/fast.md.",
    ),
]
Json = Annotated[
    bool,
    output_option("--json", help="Print one JSON record per line."),
]
Quiet = Annotated[
    bool,
    output_option("--quiet", "-q", help="Print only errors on stderr."),
]
Progress = Annotated[
    Literal["auto", "none", "json"],
    output_option(
        "--progress",
        envvar="UNIDIFF_PROGRESS",
        help="On stderr: auto draws a bar on a terminal, json prints one event per line.",
    ),
]
NO_METADATA = output_option(
    "--no-metadata",
    help="Do not record in pictures how they were made, and that a model made them.",
)
NO_PROMPT = output_option(
    "--no-prompt",
    help="Leave the prompt out of what pictures record, and off sheets; the rest is recorded.",
)
SIGN = output_option(
    "--sign",
    metavar="CERT,KEY",
    envvar="UNIDIFF_SIGN",
    help="Sign pictures: Content Credentials with this certificate and key, two PEM files. "
    "Needs unidiff-cli[c2pa]: docs/credentials.md.",
)
Force = Annotated[
    bool,
    output_option("--force", "-f", help="Replace the file named with -o."),
]
