"""What pictures say is what was asked: everything, all but the prompt, or nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from tests.cli.conftest import Cli, cli
from tests.files.pictures import chunks, written
from unidiff_cli.cli.app import app
from unidiff_cli.files.metadata import read_metadata
from unidiff_cli.files.stamp import Stamp
from unidiff_cli.files.xmp import TRAINED

__all__ = ["cli"]
SECRET = "a secret café"


def says(path: str | Path, text: str = SECRET) -> bool:
    """Whether the words are in a file in any of the encodings that are used in one."""
    data = Path(path).read_bytes()
    escaped = json.dumps(text)[1:-1]
    forms = [text.encode(), text.encode("latin-1"), text.encode("utf-16-be")]
    return any(form in data for form in [*forms, escaped.encode(), escaped.encode("utf-16-be")])


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_the_prompt_alone_is_left_out(suffix: str, cli: Cli) -> None:
    for name, more in (("open", []), ("bare", ["--no-prompt"])):
        done = cli("t2i", SECRET, "--seed", "3", "-o", f"{name}.{suffix}", *more)
        assert done.exit_code == 0, done.stderr
    assert says(f"open.{suffix}")
    assert not says(f"bare.{suffix}")
    known = read_metadata(f"bare.{suffix}")
    (record,) = known.records
    assert (record.withheld, record.request.seed) == (True, 3)
    assert known.digital_source == TRAINED
    assert "  prompt withheld   True\n" in cli("info", f"bare.{suffix}").stdout


@pytest.mark.parametrize(
    "command",
    [
        ["t2i", "{}", "--grid", "-n", "2", "--seed", "1"],
        ["sweep", "{}", "--seed", "1,2"],
        ["sweep", "{}", "another", "--seed", "1"],
    ],
    ids=["grid", "title", "axis"],
)
def test_sheets_do_not_show_it(command: list[str], cli: Cli) -> None:
    sheets = []
    for n, prompt in enumerate((SECRET, "short")):
        arguments = [word.format(prompt) for word in command]
        done = cli(*arguments, "-o", f"{n}.png", "--no-prompt", "--json")
        assert done.exit_code == 0, done.stderr
        assert not says(f"{n}.png", prompt)
        with Image.open(f"{n}.png") as sheet:
            sheets.append((sheet.size, sheet.tobytes()))
    assert sheets[0] == sheets[1]


def test_the_strip_of_a_chain_does_not_show_it() -> None:
    strips = []
    for n, prompt in enumerate((SECRET, "short")):
        chain = ["chain", prompt, "-m", "tiny", "--steps", "2", "--rounds", "1", "--seed", "1"]
        assert run(*chain, "-o", f"{n}.png", "--no-prompt").exit_code == 0
        assert not says(f"{n}.png", prompt)
        with Image.open(f"{n}.png") as strip:
            strips.append(strip.crop((0, 0, 90, strip.height)).tobytes())
    assert strips[0] == strips[1]


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF"])
def test_walks_do_not_tell_it(format: str) -> None:
    walk = {"walk": "interpolate", "prompt": SECRET, "to": SECRET, "text": SECRET, "seed": 3}
    picture = Image.new("RGB", (8, 8))
    picture.save("bare", format, **Stamp(prompt=False).options(format, [], walk))
    picture.save("open", format, **Stamp().options(format, [], walk))
    assert says("open")
    assert not says("bare")
    assert read_metadata("bare").walk == {"walk": "interpolate", "seed": 3}
    between = {"walk": "interpolate", "image": "a.png", "to": "b.png"}
    picture.save("files", format, **Stamp(prompt=False).options(format, [], between))
    assert read_metadata("files").walk == between


def test_a_batch_keeps_it_to_its_own_table() -> None:
    Path("jobs.jsonl").write_text(json.dumps({"mode": "t2i", "prompt": SECRET, "steps": 2}))
    done = run("batch", "jobs.jsonl", "-o", "out", "-m", "tiny", "--no-prompt")
    assert done.exit_code == 0, done.output
    (picture,) = Path("out/pictures").iterdir()
    assert not says(picture)
    assert json.loads(Path("out/results.jsonl").read_text())["prompt"] == SECRET


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments], prog_name="unidiff")


def test_it_is_given_back_to_replay() -> None:
    made = ["t2i", SECRET, "-m", "tiny", "--steps", "2", "-o", "a.png", "--no-prompt"]
    assert run(*made).exit_code == 0
    done = run("replay", "a.png", "--check")
    assert done.exit_code == 2
    assert "a.png does not say its prompt, which was left out on purpose." in done.stderr
    done = run("replay", "a.png", "--prompt", SECRET, "--check")
    assert done.stdout == "a.png: same pixels\n"
    again = ["replay", "a.png", "--prompt", SECRET, "-o", "b.png", "--no-prompt"]
    assert run(*again).exit_code == 0
    assert not says("b.png")
    assert run(*again[:-1], "--no-metadata", "-o", "c.png").exit_code == 0
    assert read_metadata("c.png").records == ()


@pytest.mark.parametrize(
    "change", [{"prompt_withheld": 1}, {"prompt_withheld": "yes"}, {"prompt": "a fox"}], ids=str
)
def test_a_record_cannot_both_tell_and_withhold(change: dict[str, Any]) -> None:
    from unidiff_cli.errors import UsageError
    from unidiff_cli.files.record import Record

    values = {"status": "ok", "mode": "t2i", "prompt_withheld": True, "outputs": [], **change}
    with pytest.raises(UsageError):
        Record.from_json(values)


def test_replay_says_where_a_record_was_found() -> None:
    assert run("i", "-m", "tiny", "--steps", "2", "-o", "a.png").exit_code == 0
    done = run("replay", "a.png", "--check", "--json")
    assert json.loads(done.stdout)["found_in"] == "text 'unidiff'"
    assert "the record is read from" not in done.stderr
    written("b.png", *(part for part in chunks(Path("a.png")) if part[0] != b"tEXt"))
    done = run("replay", "b.png", "--check", "--json")
    assert json.loads(done.stdout) == {
        "file": "b.png",
        "found_in": "XMP",
        "same": True,
        "findings": ["same pixels"],
        "differences": {},
    }
    assert "b.png: the record is read from its XMP" in done.stderr
