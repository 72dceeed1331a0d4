"""What is refused before anything runs: files in the way, names that nothing can have."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.cli import fake
from tests.cli.conftest import Cli, Shell
from unidiff_cli.cli.app import app
from unidiff_cli.errors import OutputError
from unidiff_cli.files.output import check_new


class TestBatchSize:
    @pytest.mark.parametrize("size", ["-1", "0"])
    def test_a_sweep_takes_at_least_one_at_a_time(self, size: str, cli: Cli) -> None:
        done = cli("sweep", "a fox", "--seed", "1-3", "--batch-size", size)
        assert done.exit_code == 2
        assert "batch-size is a whole number from 1" in done.stderr
        assert fake.LOADED == []

    def test_so_does_its_variable(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("UNIDIFF_BATCH_SIZE", "-1")
        assert cli("sweep", "a fox", "--seed", "1-3").exit_code == 2


class TestWhatIsNoFile:
    @pytest.mark.parametrize("extra", [[], ["--force"]])
    def test_a_pipe_is_not_replaced(self, extra: list[str], cli: Cli) -> None:
        for name, command in (("pipe.png", "i"), ("pipe", "t")):
            os.mkfifo(name)
            done = cli(command, "-o", name, *extra)
            assert done.exit_code == 8
            assert f"{name} is a device or a pipe" in done.stderr
            assert "try: Send standard output there: -o - > pipe" in done.stderr
            assert Path(name).is_fifo()
        assert fake.LOADED == []

    def test_nor_is_a_device(self, cli: Cli) -> None:
        with pytest.raises(OutputError, match="a device or a pipe"):
            check_new(Path("/dev/null"), force=True)
        # By a link of our own: were it replaced, the machine would keep its device.
        Path("null").symlink_to("/dev/null")
        assert cli("t", "-o", "null", "--force").exit_code == 8
        assert Path("null").is_symlink()

    def test_nor_by_a_preview(self, cli: Cli) -> None:
        os.mkfifo("now.png")
        assert cli("i", "--preview", "now.png").exit_code == 8
        assert Path("now.png").is_fifo()

    def test_a_link_to_a_file_is_a_file(self, cli: Cli) -> None:
        Path("a.png").write_text("mine")
        Path("b.png").symlink_to("a.png")
        Path("c.png").symlink_to("nothing")
        for name in ("b.png", "c.png"):
            assert cli("i", "-o", name).exit_code == 8
            assert cli("i", "-o", name, "--force").exit_code == 0
        assert Path("a.png").read_text() == "mine"


class TestLongNames:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("i", "-o", "x" * 300 + ".png"),
            ("t", "-o", "x" * 300),
            ("i", "-o", "x" * 250 + "-{index}.png"),
            ("i", "-n", "2", "--grid", "-o", "x" * 300 + ".png"),
            ("sweep", "a fox", "--seed", "1-2", "-o", "x" * 300 + ".png"),
            ("sweep", "a fox", "--seed", "1-2", "--each", "-o", "x" * 251 + ".png"),
        ],
    )
    def test_are_refused_early(self, arguments: list[str], cli: Cli) -> None:
        done = cli(*arguments)
        assert done.exit_code == 8
        assert "name too long" in done.stderr
        assert fake.LOADED == []


class TestPreview:
    @pytest.mark.parametrize(
        ("arguments", "preview"),
        [
            (["i2t2i", "photo.png"], "photo.png"),
            (["i2t2i", "photo.png"], "./photo.png"),
            (["i2t2i", "link.png"], "photo.png"),
            (["sweep", "photo.png", "--seed", "1-2"], "photo.png"),
            (["t2i", "a fox", "-o", "fox-{index}.png", "--force"], "fox-0.png"),
            (["t2i", "a fox", "-n", "2", "--grid", "-o", "out/", "--seed", "7"], "out/t2i-8-1.png"),
            (["t2i", "a fox", "--grid", "-o", "out/", "--seed", "7"], "out/t2i-7-grid.png"),
            (["sweep", "a fox", "--seed", "1-2", "-o", "s.png"], "sub/../s.png"),
            (["sweep", "a fox", "--seed", "1-2", "--each", "-o", "s.png", "--force"], "s-1.png"),
        ],
    )
    def test_replaces_no_input_and_no_result(
        self, arguments: list[str], preview: str, cli: Cli, photo: str
    ) -> None:
        before = Path(photo).read_bytes()
        Path("link.png").symlink_to(photo)
        done = cli(*arguments, "--preview", preview)
        assert done.exit_code == 2
        assert "cannot hold both the preview and the result" in done.stderr
        assert fake.LOADED == []
        assert Path(photo).read_bytes() == before

    @pytest.mark.parametrize("command", ["chain", "interpolate"])
    def test_nor_those_of_a_walk(self, command: str, photo: str) -> None:
        inputs = [photo, photo] if command == "interpolate" else [photo]
        for preview in (photo, "w-1.png"):
            words = [command, *inputs, "--model", "tiny", "-o", "w.png", "--preview", preview]
            done = CliRunner().invoke(app, words)
            assert done.exit_code == 2
            assert "cannot hold both the preview and the result" in done.stderr


def test_words_do_not_go_into_files_for_pictures(cli: Cli) -> None:
    done = cli("t", "-n", "2", "-o", "words-{index}.png")
    assert done.exit_code == 2
    assert "words are to come" in done.stderr
    assert cli("t", "-n", "2", "-o", "words-{index}").exit_code == 0


def test_a_sweep_asks_for_free_names_of_what_it_writes_only(cli: Cli) -> None:
    Path("sheet-0.png").write_text("mine")
    sweep = ("sweep", "a fox", "--seed", "1-2", "-o", "sheet.png")
    assert cli(*sweep, "--each").exit_code == 8
    done = cli(*sweep)
    assert (done.exit_code, done.stdout) == (0, "sheet.png\n")
    assert Path("sheet-0.png").read_text() == "mine"


class TestPlot:
    """`eval clip-score --plot`, with a network that only counts."""

    @pytest.fixture(autouse=True)
    def _ready(self, photo: str, monkeypatch: pytest.MonkeyPatch) -> None:
        from unidiff_cli.evaluate import clip_score, run

        Path("ours").mkdir()
        Path(photo).rename("ours/a.png")
        Path("ours/a.txt").write_text("a block")
        scores: Any = clip_score.Scores((20.0, 30.0), (0, 0))
        monkeypatch.setattr(run, "open_clip", lambda *_: SimpleNamespace(notes=()))
        monkeypatch.setattr(clip_score, "clip_score", lambda *_: scores)

    def run(self, plot: str) -> Any:
        words = ["eval", "clip-score", "ours", "--plot", plot, "--device", "cpu"]
        return CliRunner().invoke(app, words, prog_name="unidiff")

    def test_its_folder_is_made(self) -> None:
        done = self.run("new/deeper/x.png")
        assert done.exit_code == 0, done.stderr
        assert "25" in done.stdout
        with Image.open("new/deeper/x.png") as chart:
            assert chart.format == "PNG"

    @pytest.mark.parametrize(
        ("plot", "code", "words"),
        [
            ("x.jpg", 2, "does not end in .png"),
            ("ours/a.png", 8, "exists already"),
            ("ours/a.png/x.png", 8, "cannot be written"),
            ("x" * 300 + ".png", 8, "too long"),
        ],
    )
    def test_a_bad_name_is_told_before_the_work(self, plot: str, code: int, words: str) -> None:
        done = self.run(plot)
        assert (done.exit_code, done.stdout) == (code, "")
        assert words in done.stderr

    def test_a_full_disk_costs_no_table(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from unidiff_cli.files import output

        def full(path: Path, data: bytes) -> None:
            raise OutputError(
                "output.disk-full", f"{path} cannot be written: No space left on device."
            )

        monkeypatch.setattr(output, "replace_file", full)
        done = self.run("x.png")
        assert done.exit_code == 6
        assert "25" in done.stdout
        assert "No space left" in done.stderr


class TestClosedStreams:
    """A shell's >&-: Python has None for the stream."""

    def test_stderr(self, shell: Shell) -> None:
        done = shell("unidiff t --seed 1 2>&-")
        assert (done.returncode, done.stdout) == (0, b"words of seed 1\n")
        assert shell("unidiff t --steps 0 2>&-").returncode == 2
        assert shell("unidiff t --progress json 2>&-").returncode == 0
        assert shell("unidiff i --preview - 2>&-").returncode == 2

    @pytest.mark.parametrize(
        "command",
        ["i -o -", "i -n 2 --grid -o -", "sweep fox --seed 1,2 -o -", "t"],
    )
    def test_stdout(self, command: str, shell: Shell) -> None:
        done = shell(f"unidiff {command} -q >&-")
        assert done.returncode == 8
        assert b"Standard output is closed" in done.stderr

    def test_stdout_that_nothing_is_drawn_on(self, shell: Shell) -> None:
        assert shell("unidiff i --show >&-").returncode == 2

    def test_stdin(self, shell: Shell) -> None:
        assert shell("unidiff t --seed 1 <&-").stdout == b"words of seed 1\n"

    def test_nobody_agrees(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from unidiff_cli.cli.commands import models

        monkeypatch.setattr(models, "sys", SimpleNamespace(stdin=None))
        with pytest.raises(models.UsageError, match="nobody to ask"):
            models._agreed("Remove it?")

    def test_a_table_for_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from unidiff_cli.cli.terminal.table import drawn

        monkeypatch.setattr(sys, "stdout", None)
        assert drawn(["A"], [["b"]]).splitlines()[-1] == "b"


@pytest.mark.parametrize("command", [("bench", "--repeats", "0"), ("gallery", "x", "--side", "1")])
def test_a_number_out_of_the_range_of_its_option_has_that_code(
    command: tuple[str, ...], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNIDIFF_PROGRESS", "json")
    done = cli(*command)
    assert (done.exit_code, json.loads(done.stderr)["code"]) == (2, "usage.range")
