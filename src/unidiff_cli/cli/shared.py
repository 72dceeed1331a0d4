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
        help="A name of `unidiff models list`, a folder, or a Hub id. "
        "By default unidiffuser-v1 if it was pulled, else the bundled model.",
    ),
]
Device = Annotated[
    Literal["auto", "cuda", "mps", "cpu"],
    model_option("--device", envvar="UNIDIFF_DEVICE", help="Where to compute."),
]
Dtype = Annotated[
    Literal["auto", "fp32", "bf16", "fp16"],
    model_option(
        "--dtype",
        envvar="UNIDIFF_DTYPE",
        help="The numbers to compute with; auto is the best that the device does well.",
    ),
]
Memory = Annotated[
    Literal["auto", "low", "min"],
    model_option(
        "--memory",
        envvar="UNIDIFF_MEMORY",
        help="low holds only the parts at work and computes one thing at a time: slower, and "
        "the same results but for rounding, and pictures above the model's own size made of "
        "tiles. min reads the network block by block besides.",
    ),
]
BatchSize = Annotated[
    int | None,
    model_option(
        "--batch-size",
        metavar="N",
        envvar="UNIDIFF_BATCH_SIZE",
        help="Samples at once; it changes speed and memory, on a CPU never the results.",
    ),
]
Steps = Annotated[
    int | None, sampling_option("--steps", metavar="N", help="The model's by default.")
]
Solver = Annotated[
    Literal["dpm++3s", "dpm++2m", "dpm++3m", "unipc", "ddim"] | None,
    sampling_option("--solver", help="The model's by default."),
]
Times = Annotated[
    Literal["uniform", "log-snr"] | None,
    sampling_option(
        "--times",
        help="Where the steps lie: even in the noise level t, as published, or in log-SNR; the "
        "default is the model's.",
    ),
]
Absent = Annotated[
    Literal["fresh", "fixed"],
    sampling_option(
        "--absent",
        help="Noise in the place of what is absent: fresh at every evaluation, as published, "
        "or fixed for a sample.",
    ),
]
Fast = Annotated[
    Literal["off", "safe", "max"],
    sampling_option(
        "--fast",
        help="Compute the network's middle at every second (safe; in joint at each) or third (max) "
        "evaluation. Faster, but not the same result; compare with fewer --steps: docs/fast.md.",
    ),
]
Json = Annotated[
    bool,
    output_option("--json", help="Print a JSON record a line."),
]
Quiet = Annotated[
    bool,
    output_option("--quiet", "-q", help="Say nothing on stderr but errors."),
]
Progress = Annotated[
    Literal["auto", "none", "json"],
    output_option(
        "--progress",
        envvar="UNIDIFF_PROGRESS",
        help="On stderr: auto draws a bar on a terminal, json prints an event a line.",
    ),
]
Force = Annotated[
    bool,
    output_option("--force", "-f", help="Replace the file named with -o."),
]
