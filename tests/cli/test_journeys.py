"""chain, interpolate and sweep, on the model of random weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from unidiff_cli.cli.app import app
from unidiff_cli.files.metadata import read_metadata

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """Run arguments on `tiny`."""

    def run(*arguments: str, input: bytes | None = None) -> Result:
        words = [*arguments, "--model", "tiny", "--device", "cpu", "--dtype", "fp32"]
        return CliRunner().invoke(app, words, input=input, prog_name="unidiff")

    return run


@pytest.fixture
def pictures() -> tuple[str, str]:
    """Two files."""
    Image.effect_mandelbrot((64, 64), (-2, -1.5, 1, 1.5), 50).convert("RGB").save("a.png")
    Image.radial_gradient("L").resize((80, 50)).convert("RGB").save("b.jpg")
    return "a.png", "b.jpg"


def names(pattern: str = "*") -> set[str]:
    return {path.name for path in Path().glob(pattern)}


class TestChain:
    def test_stages_are_written_and_told_by_turns(self, run: Run) -> None:
        done = run("chain", "a red fox", "--rounds", "2", "--seed", "3")
        assert done.exit_code == 0, done.stderr
        said = done.stdout.splitlines()
        assert said[0] == "a red fox"
        assert said[1] == "chain-3-1.png"
        assert said[2] + "\n" == Path("chain-3-2.txt").read_text()
        assert said[3] == "chain-3-3.png"
        assert said[5] == "chain-3-strip.png"
        assert names("chain*") == {f"chain-3-{n}" for n in ("1.png", "2.txt", "3.png", "4.txt")} | {
            "chain-3-strip.png"
        }
        with Image.open("chain-3-strip.png") as strip:
            assert strip.width > 5 * strip.height / 2

    def test_a_second_run_leaves_the_first_alone(self, run: Run) -> None:
        first = run("chain", "a fox", "--rounds", "1", "--seed", "3")
        again = run("chain", "a fox", "--rounds", "1", "--seed", "3")
        assert not set(first.stdout.splitlines()[1::2]) & set(again.stdout.splitlines()[1::2])
        one, two = (Image.open(f"chain-3{n}-1.png") for n in ("", ".1"))
        assert one.tobytes() == two.tobytes()

    def test_from_a_picture_by_words(self, run: Run, pictures: tuple[str, str]) -> None:
        done = run("chain", pictures[0], "--rounds", "1", "--through", "words", "-o", "walk.png")
        assert done.exit_code == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "walk.png"
        assert {"walk.png", "walk-1.txt", "walk-2.png"} <= names()

    def test_a_picture_on_standard_input_and_the_strip_on_stdout(
        self, run: Run, pictures: tuple[str, str]
    ) -> None:
        data = Path(pictures[0]).read_bytes()
        done = run("chain", "-", "--rounds", "1", "-o", "-", input=data)
        assert done.exit_code == 0, done.stderr
        with Image.open(BytesIO(done.stdout_bytes)) as strip:
            assert strip.format == "PNG"
        assert names() == set(pictures)

    def test_json_tells_of_every_stage_and_of_the_walk(self, run: Run) -> None:
        done = run("chain", "a fox", "--rounds", "1", "--seed", "3", "--json")
        lines = [json.loads(each) for each in done.stdout.splitlines()]
        assert lines[0] == {"stage": 0, "given": True, "text": "a fox"}
        assert lines[1] == {"stage": 1, "image": "chain-3-1.png"}
        assert lines[3]["strip"] == "chain-3-strip.png"
        assert lines[3]["model"] == "tiny"

    def test_a_picture_says_of_which_walk_it_is(self, run: Run) -> None:
        run("chain", "a fox", "--rounds", "1", "--seed", "3")
        known = read_metadata("chain-3-1.png")
        assert known.walk["walk"] == "chain"
        assert known.walk["stage"] == 1
        assert known.walk["text"] == "a fox"
        assert known.digital_source is not None
        said = run_info("chain-3-1.png")
        assert "walk              chain" in said
        assert "says nothing" not in said

    def test_without_metadata_it_says_nothing(self, run: Run) -> None:
        run("chain", "a fox", "--rounds", "1", "--seed", "3", "--no-metadata")
        known = read_metadata("chain-3-1.png")
        assert not known.walk
        assert known.digital_source is None

    @pytest.mark.parametrize(
        ("arguments", "code", "words"),
        [
            (["missing.jpg"], 3, "no file missing.jpg"),
            (["a fox", "--rounds", "0"], 2, "rounds"),
            (["a fox", "--steps", "0"], 2, "steps"),
            (["a fox", "-o", "walk.txt"], 2, "picture's name"),
            (["a fox", "-o", "-", "--json"], 2, "not both"),
        ],
    )
    def test_wrong_use_is_told(self, run: Run, arguments: list[str], code: int, words: str) -> None:
        done = run("chain", *arguments)
        assert done.exit_code == code
        assert words in done.stderr

    def test_a_file_is_not_written_over_unasked(self, run: Run) -> None:
        Path("walk-1.png").write_text("mine")
        assert run("chain", "a fox", "--rounds", "1", "-o", "walk.png").exit_code == 8
        assert Path("walk-1.png").read_text() == "mine"
        done = run("chain", "a fox", "--rounds", "1", "-o", "walk.png", "--force")
        assert done.exit_code == 0, done.stderr
        with Image.open("walk-1.png") as picture:
            assert picture.size == (32, 32)

    def test_prompts_may_have_the_names_of_files(self, run: Run, pictures: tuple[str, str]) -> None:
        done = run("chain", pictures[0], "--prompts", "--rounds", "1")
        assert done.stdout.splitlines()[0] == pictures[0]


def run_info(path: str) -> str:
    return CliRunner().invoke(app, ["info", path]).stdout


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


class TestSweep:
    def test_two_axes_make_a_sheet_with_every_record_in_it(self, run: Run) -> None:
        done = run("sweep", "a fox", "--guidance", "0,3", "--seed", "1-3", "-o", "sheet.png")
        assert done.exit_code == 0, done.stderr
        assert done.stdout == "sheet.png\n"
        records = read_metadata("sheet.png").records
        found = [(each.request.guidance, each.request.seed) for each in records]
        assert sorted(found) == [(g, s) for g in (0.0, 3.0) for s in (1, 2, 3)]

    def test_each_picture_is_what_its_request_makes(self, run: Run) -> None:
        done = run("sweep", "a fox", "an owl", "--seed", "7", "--each")
        *cells, sheet = done.stdout.splitlines()
        assert len(cells) == 2
        assert sheet == "sweep-7.png"
        run("t2i", "an owl", "--seed", "7", "-o", "owl.png")
        with Image.open(cells[1]) as one, Image.open("owl.png") as other:
            assert one.tobytes() == other.tobytes()

    def test_intervals_of_guidance_are_swept(self, run: Run) -> None:
        done = run("sweep", "a fox", "--guidance-interval", "0,1;0.2,0.7", "--seed", "1", "--json")
        *cells, _sheet = map(json.loads, done.stdout.splitlines())
        assert [each["guidance_interval"] for each in cells] == [[0, 1], [0.2, 0.7]]

    def test_times_are_swept(self, run: Run) -> None:
        done = run("sweep", "a fox", "--times", "uniform,log-snr", "--seed", "1", "--json")
        *cells, _sheet = map(json.loads, done.stdout.splitlines())
        assert [each["times"] for each in cells] == ["uniform", "log-snr"]

    def test_levels_of_the_cache_are_swept(self, run: Run) -> None:
        done = run("sweep", "a fox", "--fast", "off,max", "--seed", "1", "--steps", "4", "--json")
        *cells, _sheet = map(json.loads, done.stdout.splitlines())
        assert [each["fast"] for each in cells] == ["off", "max"]

    def test_a_picture_is_varied(self, run: Run, pictures: tuple[str, str]) -> None:
        done = run("sweep", pictures[0], "--steps", "1,2", "--json")
        *cells, sheet = map(json.loads, done.stdout.splitlines())
        assert [each["mode"] for each in cells] == ["i2t2i"] * 2
        assert [each["steps"] for each in cells] == [1, 2]
        assert Path(sheet["sheet"]).exists()

    @pytest.mark.parametrize(
        "arguments",
        [
            [],
            ["--seed", "1,2", "--steps", "1,2", "--guidance", "1,2"],
            ["--guidance", "1,x"],
            ["--guidance-interval", "0,1,0.2,0.7"],
            ["--guidance", "-1,2"],
            ["--seed", "2-"],
            ["--seed", "1-99999999"],
            ["--solver", "euler,ddim"],
            ["--size", "30,32"],
            ["--seed", "1,2", "--each", "-o", "-"],
        ],
    )
    def test_wrong_use_is_told(self, run: Run, arguments: list[str]) -> None:
        done = run("sweep", "a fox", *arguments)
        assert done.exit_code == 2
        assert "error:" in done.stderr
        assert names() == set()


def test_a_stage_is_not_replayed_alone(run: Run) -> None:
    run("chain", "a fox", "--rounds", "1", "--seed", "3")
    done = CliRunner().invoke(app, ["replay", "chain-3-1.png"])
    assert done.exit_code == 3
    assert "of a walk (chain)" in done.stderr


def test_a_walks_interval_is_told(run: Run) -> None:
    done = run("chain", "a fox", "--rounds", "1", "--guidance-interval", "0.1,0.8", "-o", "w.png")
    assert done.exit_code == 0, done.stderr
    assert "guidance interval 0.1,0.8" in run_info("w.png")


@pytest.mark.parametrize("prompt", ["", "a fox " * 60, "."])
def test_what_is_no_file_is_a_prompt(prompt: str, run: Run) -> None:
    done = run("chain", prompt, "--rounds", "1", "-o", "-")
    assert done.exit_code == 0, done.stderr


def test_a_range_that_goes_down_is_refused(run: Run) -> None:
    done = run("sweep", "a fox", "--steps", "8-5", "--seed", "1-2")
    assert done.exit_code == 2
    assert "8-5 goes down" in done.stderr
