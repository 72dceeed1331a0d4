import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from unidiff_cli.cli.app import app, main
from unidiff_cli.errors import OutputError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (32, 32), (90 * number, 90, 160)).save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text(f"colour {number}")
    return folder


def test_options_are_these() -> None:
    """A change of the command line is a decision, so it has to be made here too."""
    shown = CliRunner().invoke(app, ["train", "--help"], env={"COLUMNS": "200"}).output
    words = {word.strip(",.") for word in shown.split() if word.startswith("--")}
    asked = {"--data", "--model", "--lora", "--output", "--steps", "--minutes", "--device"}
    asked |= {"--dtype", "--seed", "--progress", "--quiet", "--help"}
    assert words == asked


def test_the_folder_is_the_answer_and_all_else_is_stderr(data: Path) -> None:
    arguments = ["train", "--data", str(data), "--model", "tiny", "--steps", "1", "-o", "run"]
    result = CliRunner().invoke(app, [*arguments, "--progress", "json"])
    assert result.exit_code == 0, result.output
    assert result.stdout == "run\n"
    events = [json.loads(line) for line in result.stderr.splitlines()]
    assert events[-1] == {"event": "note", "text": "step 1 of 1: written to run"}
    again = CliRunner().invoke(app, [*arguments, "--quiet"])
    assert (again.stdout, again.stderr) == ("run\n", "")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "There is nothing to train"),
        (["none.toml"], 3, "There is no file none.toml"),
        (["--data", "nowhere", "--model", "tiny"], 3, "There is no nowhere"),
        (["--data", ".", "--model", "tiny"], 3, "no picture with a caption"),
        (["--data", ".", "--model", "no-such-model"], 4, "no model 'no-such-model'"),
    ],
)
def test_mistakes_have_their_codes(
    arguments: list[str],
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["unidiff", "train", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == code
    assert said in capsys.readouterr().err


def test_a_file_is_no_folder_for_a_run(data: Path) -> None:
    arguments = ["train", "--data", str(data), "--model", "tiny", "--steps", "1"]
    result = CliRunner().invoke(app, [*arguments, "-o", str(data / "0.txt")])
    assert isinstance(result.exception, OutputError) or result.exit_code == 8
    assert (data / "0.txt").read_text() == "colour 0"


def test_ctrl_c_saves_and_exits_130(data: Path) -> None:
    command = [sys.executable, "-m", "unidiff_cli", "train", "--data", str(data)]
    options = ["--model", "tiny", "--steps", "100000", "-o", "run", "--device", "cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [*command, *options], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("step 10/"):
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "the same command goes on from there" in rest
    assert "Traceback" not in rest
    (saved,) = Path("run", "checkpoints").iterdir()
    assert int(saved.name.removeprefix("step-")) >= 10
