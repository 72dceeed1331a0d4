"""Any layout -> ours, a tensor at a time: memory holds the largest one, not the model."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from unidiff_cli.errors import ModelUnavailable, OutputError
from unidiff_cli.storage.find import find
from unidiff_cli.storage.layout import (
    CONFIG,
    PARTS,
    TOKENIZERS,
    TUNED,
    WORDS,
    part_file,
    tokenizer_file,
)
from unidiff_cli.storage.open import Opened, open_found
from unidiff_cli.storage.original import Extras
from unidiff_cli.storage.parts import check, expected, hollow
from unidiff_cli.storage.save import DTYPES, write_tensors, write_tokenizer, writing
from unidiff_cli.storage.stored import Tell, fingerprint, read_tensors, silent
from unidiff_cli.storage.tuned_file import write_tuned


def convert(
    source: str, target: Path, *, dtype: str = "fp32", extras: Extras, tell: Tell = silent
) -> Path:
    """Write the model `source` (a name, a folder, a Hub id) as a new folder in our layout.

    The folder appears when it is complete. One that exists already is an OutputError.
    """
    if target.exists():
        raise OutputError(
            "output.exists", f"{target} exists already.", "Give another folder, or remove this one."
        )
    found = find(source)
    opened = open_found(found, extras, tell)
    # First what may be lacking: a refusal should not come after gigabytes.
    tokenizers = {name: opened.tokenizer(name) for name in TOKENIZERS}
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        with writing(target):
            for name, tokenizer in tokenizers.items():
                write_tokenizer(building / tokenizer_file(name), tokenizer)
            for part in PARTS:
                tell(f"writing {part_file(part)}")
                tensors = opened.tensors(part)
                check(part, expected(part, hollow(part, opened.config)), tensors)
                write_tensors(building / part_file(part), tensors.items(), DTYPES[dtype])
                del tensors
            opened.config.write(building / CONFIG)
            if opened.words is not None:
                (building / WORDS).write_text(json.dumps(sorted(opened.words)) + "\n", "utf-8")
            _keep_tuned(opened, building, tell)
            building.chmod(0o755)
            building.rename(target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return target


def _keep_tuned(opened: Opened, building: Path, tell: Tell) -> None:
    """The model's own solver beside its weights, which are the same but for rounding."""
    try:
        tuned = opened.tuned
    except ModelUnavailable as error:
        tell(f"left out is {TUNED}: {error.message}")
        return
    if tuned is not None:
        network = fingerprint(read_tensors(building / part_file("uvit")))
        write_tuned(tuned.tied(network), building / TUNED)
