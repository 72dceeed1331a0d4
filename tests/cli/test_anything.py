"""Whatever the command line is, the answer is a result or one sentence."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from unidiff_cli.core.modes import MODES

VALUES = (
    *("0", "1", "2", "-1", "nan", "inf", "1e9", "", "a b", "é狐", "\0x", "--", "-", "d/", "{", "}"),
    *("{}", "{0}", "{index}.png", "{index:03}", "{name}-{seed}.webp", "out.png", "out.jpg"),
    *(
        "512x512",
        "16x32",
        "0.1,0.8",
        "web",
        "ddim",
        "published",
        "json",
        "none",
        "cpu",
        "fp16",
        "nucleus",
    ),
    *("photo.png", "bad.png", "missing.png", "/nowhere/a.png", "/dev/null", "."),
)
FLAGS = ("--final-denoise", "--force", "--grid", "--json", "-q", "--no-metadata")
OPTIONS = (
    *("-n", "--seed", "--steps", "--solver", "--guidance", "--preset", "--size", "--absent", "-o"),
    *("--unconditional", "--caption", "-m", "--device", "--dtype", "--batch-size", "--progress"),
    *("--v1-data", "--guidance-interval"),
)


@pytest.mark.parametrize("seed", range(2))
def test_no_command_line_crashes(seed: int, cli: Cli, photo: str) -> None:
    Path("bad.png").write_text("no picture")
    dice, codes = random.Random(seed), set()
    for _ in range(50):
        line = [dice.choice([*MODES, "info"])]
        line += [dice.choice(VALUES) for _ in range(dice.randrange(3))]
        for _ in range(dice.randrange(3)):
            option = dice.choice(FLAGS + OPTIONS)
            line += [option] if option in FLAGS else [option, dice.choice(VALUES)]
        done = cli(*line, input=dice.choice([b"", b"a fox\n", Path(photo).read_bytes()]))
        codes.add(done.exit_code)
        assert done.exit_code in (0, 2, 3, 6, 8), (line, done.stderr)
        assert (done.exit_code != 0) == ("error: " in done.stderr), (line, done.stderr)
    assert {0, 2, 3} <= codes
