"""`unidiff sweep`, on the model of random weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.commands.conftest import Run, names
from unidiff_cli.files.metadata import read_metadata
from unidiff_cli.walks.sweep import Axis, _labels

WORDS = {"prompt": ("a fox", "an owl"), "negative": ("snow",), "also": ((("ice", 0.5),),)}


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

    def test_words_that_are_swept_are_not_told_on_request(self) -> None:
        said, not_said = (
            [_labels(Axis(name, values), prompts) for name, values in WORDS.items()]
            for prompts in (True, False)
        )
        assert said == [["a fox", "an owl"], ["without snow"], ["and ice:0.5"]]
        assert not_said == [["prompt 1", "prompt 2"], ["without 1"], ["and 1"]]

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


def test_a_range_that_goes_down_is_refused(run: Run) -> None:
    done = run("sweep", "a fox", "--steps", "8-5", "--seed", "1-2")
    assert done.exit_code == 2
    assert "8-5 goes down" in done.stderr
