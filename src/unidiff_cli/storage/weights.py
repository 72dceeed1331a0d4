"""The weights of one part, as diffusers and transformers write them: in one file or in several,
with a variant in their names (fp16) or without. No torch here.

    model.safetensors                             model.fp16.safetensors
    model-00001-of-00002.safetensors, ...         model.fp16-00001-of-00002.safetensors, ...
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

WHOLE = (
    "diffusion_pytorch_model.safetensors",
    "model.safetensors",
    "diffusion_pytorch_model.bin",
    "pytorch_model.bin",
)
"""The names of weights in one file, best first: safetensors hold no code and load mapped."""
NAME = re.compile(
    r"(?P<stem>\w+?)(?:\.(?P<variant>\w+))?(?:-(?P<number>\d{5})-of-(?P<of>\d{5}))?"
    r"\.(?P<suffix>safetensors|bin)"
)


def weights(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """(the best of the weights among a folder's file names, what is missing of them).

    Without a variant before those with one, as these are of less precision; what is whole before
    what is not. Both are empty where there are none.
    """
    sets: dict[tuple[bool, int, str, int], set[int]] = defaultdict(set)
    spelled: dict[tuple[bool, int, str, int], str] = {}
    for name in names:
        found = NAME.fullmatch(name)
        if found is None or f"{found['stem']}.{found['suffix']}" not in WHOLE:
            continue
        variant, count = found["variant"] or "", int(found["of"] or 0)
        rank = WHOLE.index(f"{found['stem']}.{found['suffix']}")
        key = bool(variant), rank, variant, count
        sets[key].add(int(found["number"] or 0))
        first = found["stem"] + (f".{variant}" if variant else "")
        number = f"-{{:05}}-of-{count:05}" if count else ""
        spelled[key] = f"{first}{number}.{found['suffix']}"
    best: tuple[list[str], list[str]] = [], []
    for key in sorted(sets):
        wanted = range(1, key[3] + 1) if key[3] else range(1)
        there, absent = (
            [spelled[key].format(k) for k in wanted if (k in sets[key]) is here]
            for here in (True, False)
        )
        if not absent:
            return there, []
        best = best if best[0] else (there, absent)
    return best
