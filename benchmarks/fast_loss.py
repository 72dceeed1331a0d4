"""What `--fast` costs and gains, mode by mode: python benchmarks/fast_loss.py [--model starter]

For each mode the same samples are made without the cache, with each plan, and with fewer steps at
the same cost: a plan that does not beat those is not worth having. To tune the table in
unidiff_cli/speed/cache.py, name plans: --plans 1:0.25 2:0.25 3:0.4 (most in a row : threshold).

Pictures: PSNR in dB to those without the cache, the median and the worst. Captions: how many are
the same words. Gain: evaluations' blocks computed without the cache, over those with it.
"""

from __future__ import annotations

import argparse
import math
import statistics
from dataclasses import replace
from typing import Any

from unidiff_cli.core.modes import MODES
from unidiff_cli.core.sampler import Sampler
from unidiff_cli.engine.pipeline import UniDiffuser
from unidiff_cli.files.pictures import psnr
from unidiff_cli.request import Output, Request
from unidiff_cli.speed.cache import PLANS, Plan, SkipCache

PROMPTS = ("a red fox", "an owl", "a yellow car", "an apple", "a house", "a blue fish")


def gain(caches: list[SkipCache]) -> float:
    """Blocks without the cache for each block with it."""
    share = sum(each.reused for each in caches) / sum(each.evaluations for each in caches)
    blocks = 2 * len(caches[0].net.in_blocks) + 1
    return 1 / (1 - share * (1 - 2 * caches[0].outer / blocks))


def make(
    model: UniDiffuser, requests: list[Request], **changes: Any
) -> tuple[list[Output], list[SkipCache]]:
    """One sample of each request, and the caches that were used."""
    caches: list[SkipCache] = []

    def watch(sampler: Sampler) -> Sampler:
        cache = vars(sampler.predict)["cache"]
        caches.extend([] if cache is None else [cache])
        return sampler

    asked = [replace(request, **changes) for request in requests]
    results = replace(model, watch=watch).stream(asked)
    return [result.outputs[0] for result in results], caches


def compare(mode: str, made: list[Output], plain: list[Output]) -> str:
    """How near the samples are to the plain ones."""
    said = []
    if "image" in MODES[mode].yields:
        near = [psnr(a.image, b.image) for a, b in zip(made, plain, strict=True)]  # type: ignore[arg-type]
        said.append(f"{statistics.median(near):.1f} dB, worst {min(near):.1f}")
    if "text" in MODES[mode].yields:
        equal = sum(a.text == b.text for a, b in zip(made, plain, strict=True))
        said.append(f"{equal} of {len(made)} captions")
    return "; ".join(said)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="starter")
    parser.add_argument("--seeds", type=int, default=2, help="samples of each prompt")
    parser.add_argument("--modes", nargs="*", default=list(MODES))
    parser.add_argument("--plans", nargs="*", default=[], help="MOST:THRESHOLD")
    options = parser.parse_args()
    plans = dict(PLANS)
    for text in options.plans:
        most, threshold = text.split(":")
        plans[text] = Plan(int(most), float(threshold))
    model = UniDiffuser.load(options.model, device="cpu", dtype="fp32")
    seeds = range(1, 1 + options.seeds)
    drawn = [Request(mode="t2i", prompt=text, seed=seed) for text in PROMPTS for seed in seeds]
    pictures = [output.image for output in make(model, drawn)[0]]
    print("| mode | plan | gain | result | fewer steps at that cost |\n|---|---|---|---|---|")
    for mode in options.modes:
        given: dict[str | None, list[dict[str, Any]]] = {
            "text": [{"prompt": each.prompt} for each in drawn],
            "image": [{"image": image} for image in pictures],
            None: [{} for _ in drawn],
        }
        requests = [
            model.resolve(Request(mode=mode, seed=100 + n, **each))
            for n, each in enumerate(given[MODES[mode].needs])
        ]
        plain, _ = make(model, requests)
        for name, plan in plans.items():
            PLANS["max"] = plan  # the level that any mode may use
            made, caches = make(model, requests, fast="max")
            times = gain(caches)
            steps = math.ceil((requests[0].steps or 0) / times)
            fewer, _ = make(model, requests, steps=steps)
            print(
                f"| {mode} | {name} | {times:.2f} | {compare(mode, made, plain)} "
                f"| {steps} steps: {compare(mode, fewer, plain)} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
