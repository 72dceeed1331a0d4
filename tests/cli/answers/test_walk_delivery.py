"""What walks and sweeps read and say: standard input, --force, large sheets, unknown words."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from tests.cli import fake
from tests.cli.conftest import Cli
from unidiff_cli.cli.app import app
from unidiff_cli.errors import UsageError
from unidiff_cli.files import output
from unidiff_cli.files.metadata import read_metadata
from unidiff_cli.walks.sweep import Axis, two


def run(*arguments: str, input: str | bytes | None = None) -> Result:
    """The arguments, on the model of random weights."""
    words = [*arguments, "--model", "tiny", "--device", "cpu", "--steps", "1", "--seed", "1"]
    return CliRunner().invoke(app, words, input=input, prog_name="unidiff")


class TestStandardInput:
    def test_one_line_is_a_prompt(self) -> None:
        done = run("chain", "-", "--prompts", "--rounds", "1", input="a fox\n\n")
        assert done.exit_code == 0, done.stderr
        assert done.stdout.splitlines()[0] == "a fox"

    @pytest.mark.parametrize("walk", [["chain", "-"], ["interpolate", "a fox", "-"]])
    def test_several_lines_are_too_many_for_one_prompt(self, walk: list[str]) -> None:
        done = run(*walk, "--prompts", input="a\nb\n")
        assert done.exit_code == 2
        assert "Standard input has 2 lines, and one prompt is wanted." in done.stderr

    def test_no_line_is_no_prompt(self) -> None:
        done = run("chain", "-", "--prompts", input="\n")
        assert done.exit_code == 3
        assert "no prompt on standard input" in done.stderr

    @pytest.mark.parametrize("extra", [[], ["--prompts"]])
    def test_it_is_read_once(self, extra: list[str], photo: str) -> None:
        done = run("interpolate", "-", "-", *extra, input=Path(photo).read_bytes())
        assert done.exit_code == 2
        assert "can be read only once" in done.stderr

    def test_its_lines_are_an_axis_of_a_sweep(self, cli: Cli) -> None:
        done = cli("sweep", "-", "an owl", "--prompts", "--seed", "1,2", input="a fox\na hare\n")
        assert done.exit_code == 0, done.stderr
        prompts = ["a fox", "a hare", "an owl"]
        assert [each.prompt for each in fake.SEEN[::2]] == prompts

    def test_a_picture_on_it_has_a_name(self, cli: Cli, photo: str) -> None:
        done = cli("sweep", photo, "-", input=Path(photo).read_bytes())
        assert done.exit_code == 0, done.stderr
        axis = Axis("image", (photo, Image.open(photo).convert("RGB")))
        assert [axis.label(value) for value in axis.values] == [photo, "-"]


class TestAnimation:
    def test_its_name_is_not_among_the_bytes_of_the_strip(self) -> None:
        done = run("interpolate", "a fox", "an owl", "-n", "2", "-o", "-", "--animate", "w.gif")
        assert done.exit_code == 0, done.stderr
        assert done.stdout_bytes.endswith(b"IEND\xaeB`\x82")
        with Image.open(BytesIO(done.stdout_bytes)) as strip:
            assert strip.format == "PNG"
        assert "animation: w.gif" in done.stderr

    @pytest.mark.parametrize("where", [[], ["-o", "walk/"]])
    def test_force_replaces_it(self, where: list[str]) -> None:
        Path("w.gif").write_text("old")
        walk = ["interpolate", "a fox", "an owl", "-n", "2", "--animate", "w.gif", *where]
        assert run(*walk).exit_code == 8
        done = run(*walk, "--force")
        assert done.exit_code == 0, done.stderr
        assert Path("w.gif").read_bytes()[:3] == b"GIF"
        assert run("interpolate", "a fox", "an owl", "--force").exit_code == 2


class TestLargeSheets:
    """Formats bear pictures up to a size; here a tiny one."""

    @pytest.fixture(autouse=True)
    def _narrow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(output, "LONGEST", {"WEBP": 100, "JPEG": 100})

    @pytest.mark.parametrize("suffix", [".webp", ".jpg"])
    def test_a_grid_is_a_png_then(self, suffix: str, cli: Cli) -> None:
        Path("sheet.png").write_text("mine")
        done = cli("i", "-n", "4", "--grid", "-o", f"sheet{suffix}", "--force")
        assert (done.exit_code, done.stdout) == (0, "sheet-1.png\n")
        assert f"pixels are too many for a {suffix}" in done.stderr
        assert Path("sheet.png").read_text() == "mine"
        assert len(read_metadata("sheet-1.png").records) == 4
        assert not Path(f"sheet{suffix}").exists()

    def test_so_is_a_sweep(self, cli: Cli) -> None:
        done = cli("sweep", "a fox", "--seed", "1-3", "--json", "-o", "sheet.webp")
        assert done.exit_code == 0, done.stderr
        assert json.loads(done.stdout.splitlines()[-1]) == {"sheet": "sheet.png"}
        assert len(read_metadata("sheet.png").records) == 3

    def test_so_is_a_strip(self) -> None:
        done = run("interpolate", "a fox", "an owl", "-n", "2", "-o", "walk.webp")
        assert done.exit_code == 0, done.stderr
        assert done.stdout.splitlines() == ["walk-0.webp", "walk-1.webp", "walk.png"]
        with Image.open("walk.png") as strip:
            assert strip.format == "PNG"

    def test_a_single_picture_is_refused_in_a_sentence(self) -> None:
        with pytest.raises(output.OutputError, match="101 x 9 pixels are too many"):
            output.encode(Image.new("RGB", (101, 9)), ".webp", [])


def test_the_limits_are_those_of_the_formats() -> None:
    for suffix, format in ((".webp", "WEBP"), (".jpg", "JPEG")):
        longest = output.LONGEST[format]
        assert output.encode(Image.new("RGB", (longest, 1)), suffix, [])
        with pytest.raises(output.OutputError):
            output.encode(Image.new("RGB", (1, longest + 1)), suffix, [])


def test_a_grid_lies_in_the_folder_that_its_name_gives(cli: Cli) -> None:
    done = cli("t2i", "a fox", "an owl", "--grid", "--seed", "1", "-o", "out/{name}/{index}.png")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "out/grid/t2i-1-grid.png"
    assert Path("out/grid/t2i-1-grid.png").exists()


def test_a_sheet_has_so_many_pictures_along_one_axis_or_two() -> None:
    one = Axis("seed", (1,))
    assert two([Axis("steps", tuple(range(10_000))), one])[0].name == "steps"
    for axes in (
        [Axis("steps", tuple(range(10_001))), one],
        [Axis("steps", tuple(range(101))), Axis("seed", tuple(range(100)))],
    ):
        with pytest.raises(UsageError, match="at most 10000 pictures"):
            two(axes)


@pytest.mark.parametrize(
    "walk",
    [["chain", "a qux", "--rounds", "1"], ["interpolate", "a fox", "a qux", "-n", "2"]],
    ids=["chain", "interpolate"],
)
def test_words_that_a_model_never_saw_are_told(
    walk: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from unidiff_cli.engine.pipeline import UniDiffuser

    def strange(_model: UniDiffuser, prompt: str) -> list[str]:
        return ["qux"] if "qux" in prompt else []

    monkeypatch.setattr(UniDiffuser, "strange_words", strange)
    monkeypatch.setattr(UniDiffuser, "unread", lambda _model, prompt: prompt[5:])
    done = run(*walk)
    assert "tiny never saw 'qux'" in done.stderr


def test_what_a_sweep_does_not_read_is_told(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake.FakeModel, "strange_words", lambda _model, prompt: ["qux"])
    monkeypatch.setattr(fake.FakeModel, "unread", lambda _model, prompt: "at the end")
    done = cli("sweep", "a qux at the end", "--seed", "1-3")
    assert done.stderr.count("never saw 'qux'") == 1
    assert done.stderr.count("its end is not read: at the end") == 1
