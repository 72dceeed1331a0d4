import io
import json
from pathlib import Path

import pytest
from PIL import Image

from unidiff_cli.train import log
from unidiff_cli.train.report import Kind, Progress, clock, reporting

STEP = Progress(step=4, steps=9, losses={}, rate=2.5, seconds_left=2.0)
LOGGED = Progress(step=5, steps=9, losses={"loss": 0.25}, rate=2.5, seconds_left=100.0)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(kind: Kind, stream: io.StringIO) -> str:
    with reporting(kind, stream) as report:
        report.note("a note [with brackets]")
        report.progress(STEP)
        report.progress(LOGGED)
    return stream.getvalue()


def test_lines_for_files_and_pipes() -> None:
    line = "step 5/9  loss 0.2500  2.50 steps/s  1 min 40 s left"
    assert told("auto", io.StringIO()) == f"a note [with brackets]\n{line}\n"


def test_only_notes_or_nothing() -> None:
    assert told("none", io.StringIO()) == "a note [with brackets]\n"
    assert told("quiet", io.StringIO()) == ""


def test_json_has_an_object_a_line() -> None:
    note, step = map(json.loads, told("json", io.StringIO()).splitlines())
    assert note == {"event": "note", "text": "a note [with brackets]"}
    assert (step["event"], step["step"], step["losses"]) == ("progress", 5, {"loss": 0.25})


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    shown = told("auto", Terminal())
    assert "a note [with brackets]" in shown
    assert "5/9" in shown
    assert "1 min 40 s left" in shown


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (59.6, "1 min 00 s"), (3725, "1 h 02 min")]
)
def test_clock(seconds: float, said: str) -> None:
    assert clock(seconds) == said


def test_the_plot_goes_down_where_the_loss_does(tmp_path: Path) -> None:
    rows = [{"step": n, "loss": 2.0 ** (-n / 5)} for n in range(1, 20)] + [{"step": 9, "psnr": 1.0}]
    log.plot(rows, tmp_path / "loss.png")
    with Image.open(tmp_path / "loss.png") as picture:
        pixels = picture.convert("RGB")
    blue = (0x1F, 0x5F, 0xBF)
    columns = [
        [y for y in range(pixels.height) if pixels.getpixel((x, y)) == blue]
        for x in (120, 480, 900)
    ]
    assert all(columns)
    heights = [min(column) for column in columns]
    assert heights == sorted(heights)
    assert heights[0] < heights[-1]
    assert not list(tmp_path.glob("*.partial"))
