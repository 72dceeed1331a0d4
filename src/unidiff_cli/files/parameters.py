"""The text that Automatic1111 and others after it keep in the chunk `parameters`.

the prompt, on any number of lines
Negative prompt: what is not wanted
Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 512x512, Model: "a, b"
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from unidiff_cli import __version__

if TYPE_CHECKING:
    from unidiff_cli.files.record import Record

NEGATIVE = "Negative prompt:"
SETTING = re.compile(r'\s{0,9}(\w[\w \-/]{0,60}):\s{0,9}("(?:\\.|[^"\\])*"|[^,]*)(?:,|$)')
"""A name and its value, quoted where it holds a comma, a colon or a line break."""
TAIL = ", SDCPP: {"
"""Behind it stable-diffusion.cpp says the same again as JSON."""


def write_parameters(record: Record) -> str:
    """The record in their way; "CFG scale" is the paper's scale plus one."""
    request = record.request
    texts = [output.text for output in record.outputs if output.text]
    width, height = request.size or (0, 0)
    values = {
        "Steps": request.steps,
        "Sampler": request.solver,
        "CFG scale": None if request.guidance is None else f"{request.guidance + 1:g}",
        "Seed": request.seed,
        "Size": f"{width}x{height}" if request.size else None,
        "Denoising strength": None if request.strength is None else f"{request.strength:g}",
        "Model": record.made_with.get("model"),
        "Version": f"unidiff {__version__}",
    }
    settings = ", ".join(f"{k}: {_quoted(str(v))}" for k, v in values.items() if v is not None)
    against = f"{NEGATIVE} {request.negative}\n" if request.negative else ""
    return f"{request.prompt or ' '.join(texts)}\n{against}{settings}".replace("\0", "")


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if any(c in value for c in ",:\n") else value


def read_parameters(text: str) -> dict[str, str]:
    """Prompt, negative prompt and settings by their names; none when it is another kind of text."""
    *lines, last = text.strip().split("\n")
    settings = {
        name.strip(): _plain(value.strip())
        for name, value in SETTING.findall(last.partition(TAIL)[0])
    }
    if not settings.get("Steps", "").isdecimal():
        return {}
    prompt, _, negative = "\n".join(lines).partition(NEGATIVE)
    told = {"prompt": prompt.strip(), "negative_prompt": negative.strip()}
    return {name: value for name, value in (told | settings).items() if value}


def _plain(value: str) -> str:
    try:
        return str(json.loads(value)) if value.startswith('"') else value
    except ValueError:
        return value
