"""`unidiff interpolate`, on the model of random weights."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from tests.cli.commands.conftest import Run, run_info


class TestInterpolate:
    def test_between_pictures(self, run: Run, pictures: tuple[str, str]) -> None:
        done = run("interpolate", *pictures, "-n", "3", "--seed", "1", "--ode-steps", "30",
                   "-o", "out/walk.png", "--animate", "walk.gif")  # fmt: skip
        assert done.exit_code == 0, done.stderr
        stages = [f"out/walk-{n}.png" for n in range(3)]
        assert done.stdout.splitlines() == [*stages, "out/walk.png", "walk.gif"]
        assert "dB of what the VAE makes" in done.stderr
        with Image.open("walk.gif") as moving:
            assert getattr(moving, "n_frames", 0) == 4
            assert moving.info["loop"] == 0
        assert "walk              interpolate" in run_info("walk.gif")
        run("interpolate", "a fox", "an owl", "-n", "2", "--animate", "bare.webp", "--no-metadata")
        assert "It says nothing of how it was made." in run_info("bare.webp")

    def test_the_ends_closeness_is_in_the_records(
        self, run: Run, pictures: tuple[str, str]
    ) -> None:
        # With random weights the way back is not found from every noise.
        done = run("interpolate", *pictures, "-n", "2", "--seed", "3", "--json")
        first, last, strip = map(json.loads, done.stdout.splitlines())
        assert first["psnr"] >= 30
        assert last["psnr"] >= 30
        assert strip["to"] == pictures[1]
        assert strip["absent"] == "fixed"

    def test_between_prompts(self, run: Run) -> None:
        done = run("interpolate", "a fox", "an owl", "-n", "3", "--seed", "1")
        assert done.exit_code == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "interpolate-1-strip.png"

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            (["a.png", "a fox"], 2),
            (["a.png", "b.jpg", "-n", "1"], 2),
            (["a.png", "b.jpg", "--animate", "walk.png"], 2),
            (["a.png", "none.png"], 3),
        ],
    )
    def test_wrong_use_is_told(
        self, run: Run, pictures: tuple[str, str], arguments: list[str], code: int
    ) -> None:
        assert run("interpolate", *arguments).exit_code == code
