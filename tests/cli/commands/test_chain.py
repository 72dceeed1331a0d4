"""`unidiff chain`, on the model of random weights."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.cli.commands.conftest import Run, names, run_info
from unidiff_cli.cli.app import app
from unidiff_cli.files.metadata import read_metadata


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
