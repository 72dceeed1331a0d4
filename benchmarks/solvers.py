"""How far each solver is from the ODE's solution, by evaluations of the network.

    python benchmarks/solvers.py MODEL [--mode t2i] [--evaluations 5,8,10,15,20,30,50] > table.md

The solution is taken from many small steps (third-order multistep, evenly spaced in log-SNR). What
stands for an absent modality is one noise for all evaluations of a sample, so there is an ODE to be
solved. A number is the error's root mean square in the sampled latents, in percent of theirs,
averaged over the samples; guidance is the model's own unless given. The model's tuned solver, if it
has one, has a row with the numbers of evaluations that it was learned for.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from unidiff_cli import Request, UniDiffuser
from unidiff_cli.core.latents import Latent, Latents
from unidiff_cli.core.sampler import Sampler, as_solver
from unidiff_cli.core.solver import SOLVERS, TIMES
from unidiff_cli.core.tuned import LEGS, NAME, tuned

PROMPTS = (
    "a red fox",
    "a car on a blue background",
    "a pizza",
    "a green guitar",
)
REFERENCE = "dpm++3m"


def starting(
    model: UniDiffuser,
    mode: str,
    guidance: float | None,
    prompts: Sequence[str] = PROMPTS,
    size: tuple[int, int] | None = None,
) -> tuple[Sampler, Latents]:
    """A sampler for the prompts, whose solver and times are to be put in, and what it starts with.

    The samples have the seeds 0, 1, ...
    """
    given = {"prompt": prompts[0]} if mode == "t2i" else {}
    request = Request(mode=mode, seed=0, guidance=guidance, size=size, absent="fixed", **given)
    request = model.resolve(request)
    width, height = request.size or (0, 0)
    noise = model.parts.noise(list(range(len(prompts))), width, height)
    known = noise.latents(0, "start")
    if mode == "t2i":
        known = known.put("text", model.parts.codecs(model.dtype)[1].encode(list(prompts)))
    return model.sampler(request, noise, model.dtype), known


def solved(
    sampler: Sampler, known: Latents, mode: str, solver: str, times: Sequence[float]
) -> Latent:
    """What the solver makes of the noise: the picture's latents, or the text's."""
    walk = Request(mode=mode, **({"prompt": ""} if mode == "t2i" else {})).walk
    steps = {walk.legs[0]: times} if solver == NAME else {}
    method = as_solver(SOLVERS.get(solver, tuned))
    sampler = replace(sampler, solver=method, times=times, steps=steps)
    with torch.inference_mode():
        return sampler.walk(walk, known)[walk.yields[0]]


def error(found: Latent, true: Latent) -> float:
    """The root mean square of the difference, as a share of the true one's; mean of the samples."""
    return float(errors(found, true).mean())


def errors(found: Latent, true: Latent) -> torch.Tensor:
    """(B,): that of each sample."""
    off, size = (_squares(latent) for latent in (found - true, true))
    return (off / size).sqrt()


def _squares(latent: Latent) -> torch.Tensor:
    """(B,): the sum of the squares of all numbers of a sample."""
    return torch.stack([part.double().square().flatten(1).sum(1) for part in latent.parts]).sum(0)


def table(
    rows: Sequence[tuple[str, str, Sequence[float | None]]], evaluations: Sequence[int]
) -> str:
    """Markdown: a row for each solver and choice of times, the best of a column in bold."""
    columns = zip(*(errors for _, _, errors in rows), strict=True)
    best = [min(value for value in column if value is not None) for column in columns]
    lines = [
        f"| solver | times | {' | '.join(map(str, evaluations))} |",
        f"| --- | --- |{' ---: |' * len(evaluations)}",
    ]
    for solver, times, errors in rows:
        cells = [
            "-"
            if value is None
            else f"**{100 * value:.2f}**"
            if value == low
            else f"{100 * value:.2f}"
            for value, low in zip(errors, best, strict=True)
        ]
        lines.append(f"| `{solver}` | `{times}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--mode", choices=("t2i", "i", "t", "joint"), default="t2i")
    parser.add_argument("--evaluations", default="5,8,10,15,20,30,50")
    parser.add_argument("--reference", type=int, default=1000, help="evaluations of the reference")
    parser.add_argument("--guidance", type=float)
    parser.add_argument("--prompts", type=Path, help="a file with one a line; as many samples")
    parser.add_argument("--side", type=int, help="of the picture, in pixels")
    parser.add_argument("--solvers", default=",".join(SOLVERS))
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    evaluations = [int(number) for number in arguments.evaluations.split(",")]
    model = UniDiffuser.load(arguments.model, device=arguments.device, dtype="fp32")
    prompts = arguments.prompts.read_text().splitlines() if arguments.prompts else PROMPTS
    size = (arguments.side, arguments.side) if arguments.side else None
    sampler, known = starting(model, arguments.mode, arguments.guidance, prompts, size)

    def run(solver: str, times: str, steps: int) -> Latent:
        print(f"{solver}, {times}, {steps}", file=sys.stderr, flush=True)
        clock = TIMES[times](steps, sampler.schedule)
        return solved(sampler, known, arguments.mode, solver, clock)

    true = run(REFERENCE, "log-snr", arguments.reference)
    rows: list[tuple[str, str, list[float | None]]] = [
        (solver, times, [error(run(solver, times, steps), true) for steps in evaluations])
        for solver in arguments.solvers.split(",")
        for times in TIMES
    ]
    if model.tuned is not None:
        learned = model.tuned.of(LEGS[arguments.mode])
        ends = {
            steps: solved(sampler, known, arguments.mode, NAME, learned[steps])
            for steps in evaluations
            if steps in learned
        }
        off = {steps: error(end, true) for steps, end in ends.items()}
        rows.append((NAME, "its own", [off.get(steps) for steps in evaluations]))
    print(
        f"`{arguments.mode}`, {len(prompts)} samples, guidance {sampler.guidance:g}; error in %, "
        f"by evaluations, against {arguments.reference}:\n"
    )
    print(table(rows, evaluations))


if __name__ == "__main__":
    main()
