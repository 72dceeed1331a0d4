"""Made again, and compared: pictures and records, friendly and hostile ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin
from typer.testing import CliRunner, Result

from unidiff_cli.cli.app import app
from unidiff_cli.core.modes import MODES
from unidiff_cli.errors import InputError
from unidiff_cli.files.compare import INFINITE, psnr
from unidiff_cli.files.metadata import read_metadata
from unidiff_cli.files.originals import originals

TINY = ["--model", "tiny", "--steps", "2", "--seed", "3"]


def unidiff(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "-q"], prog_name="unidiff")


@pytest.fixture
def photo() -> str:
    Image.effect_noise((50, 40), 80).save("photo.png")
    return "photo.png"


def make(mode: str, photo: str, *options: str) -> str:
    """The record of one sample, and its picture in made.png."""
    given = {"text": ["a fox"], "image": [photo], None: []}[MODES[mode].needs]
    picture = ["-o", "made.png"] if "image" in MODES[mode].yields else []
    done = unidiff(mode, *given, *TINY, *picture, "--json", *options)
    assert done.exit_code == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_comes_out_the_same(mode: str, photo: str) -> None:
    Path("record.jsonl").write_text(make(mode, photo))
    file = "made.png" if "image" in MODES[mode].yields else "record.jsonl"
    given = ["--image", photo] if MODES[mode].needs == "image" else []
    done = unidiff("replay", file, "--check", *given)
    assert done.exit_code == 0, done.stdout + done.stderr
    same = {"image": "same pixels", "text": "same words"}
    name = file if file == "made.png" else f"{file}, line 1"
    assert done.stdout == f"{name}: {', '.join(same[m] for m in MODES[mode].yields)}\n"


@pytest.mark.parametrize("name", ["made.jpg", "made.webp"])
def test_formats_that_lose_a_little_are_compared_as_they_are_written(name: str) -> None:
    assert unidiff("i", *TINY, "-o", name).exit_code == 0
    assert unidiff("replay", name, "--check").stdout == f"{name}: same pixels\n"


@pytest.mark.parametrize("memory", ["low", "min"])
def test_it_is_made_in_as_little_memory_as_it_was(memory: str, photo: str) -> None:
    """Above the model's own size those go through the VAE in tiles, which is another picture."""
    make("t2i", photo, "--memory", memory, "--size", "48x48")
    done = unidiff("replay", "made.png", "--check")
    assert done.stdout == "made.png: same pixels\n", done.stdout


def test_a_difference_is_measured_and_explained(photo: str) -> None:
    make("t2i", photo)
    done = unidiff("replay", "made.png", "--check", "--steps", "3", "--guidance", "2")
    assert done.exit_code == 6
    first, *reasons = done.stdout.splitlines()
    assert first.startswith("made.png: other pixels, ")
    assert first.endswith(" dB PSNR")
    assert sorted(reasons) == ["  guidance was 7.0, is 2.0", "  steps was 2, is 3"]
    asked = json.loads(unidiff("replay", "made.png", "--check", "--steps", "3", "--json").stdout)
    assert asked["same"] is False
    assert asked["psnr"] > 0
    assert asked["differences"] == {"steps": ["2", "3"]}
    fast = unidiff("replay", "made.png", "--check", "--fast", "max", "--steps", "3")
    assert "  fast was off, is max" in fast.stdout.splitlines()
    even = unidiff("replay", "made.png", "--check", "--times", "log-snr")
    assert "  times was uniform, is log-snr" in even.stdout.splitlines()
    narrow = unidiff("replay", "made.png", "--check", "--guidance-interval", "0.3,0.7")
    assert "  guidance_interval was open, is [0.3, 0.7]" in narrow.stdout.splitlines()


def test_another_version_is_named(photo: str) -> None:
    make("i", photo)
    record = json.loads(make_document("made.png"))
    record["records"][0]["made_with"] |= {"torch": "0.1", "revision": "other"}
    write_document("old.png", record, "made.png")
    # Equal pixels are equal pixels, whoever made them.
    assert unidiff("replay", "old.png", "--check").stdout == "old.png: same pixels\n"
    done = unidiff("replay", "old.png", "--check", "--json")
    assert set(json.loads(done.stdout)["differences"]) == {"torch", "revision"}


def test_a_retouched_picture_is_not_the_same(photo: str) -> None:
    make("i", photo)
    document = json.loads(make_document("made.png"))
    with Image.open("made.png") as picture:
        retouched = picture.copy()
    retouched.putpixel((3, 3), (0, 255, 0))
    write_document("new.png", document, retouched)
    done = unidiff("replay", "new.png", "--check")
    assert done.exit_code == 6
    assert "nothing that was recorded is different" in done.stdout
    write_document("small.png", document, retouched.resize((16, 16)))
    assert "another size" in unidiff("replay", "small.png", "--check").stdout


def test_it_is_made_again_beside_the_old_one(photo: str) -> None:
    make("t2i", photo)
    done = unidiff("replay", "made.png", "-o", "again.png")
    assert (done.exit_code, done.stdout) == (0, "again.png\n")
    with Image.open("made.png") as old, Image.open("again.png") as new:
        assert old.tobytes() == new.tobytes()
    assert unidiff("replay", "made.png", "-o", "made.png").exit_code == 8
    done = unidiff("replay", "made.png", "--seed", "9", "--size", "16x32", "-o", "other.png")
    assert done.exit_code == 0
    (record,) = read_metadata("other.png").records
    assert (record.request.seed, record.request.size) == (9, (16, 32))
    assert record.request.prompt == "a fox"


def test_several_are_told_apart_before_any_is_made(photo: str) -> None:
    for seed in ("3", "4"):
        made = ["i", "--model", "tiny", "--steps", "2", "--seed", seed, "-o", f"{seed}.png"]
        assert unidiff(*made).exit_code == 0
    for where in (["-o", "one.png"], ["-o", "one.png", "--force"], ["-o", "-"]):
        done = unidiff("replay", "3.png", "4.png", *where)
        assert done.exit_code == 2
        assert "is one picture, 2 are to come" in done.stderr
    done = unidiff("replay", "3.png", "4.png", "-o", "again-{index}-{name}.png")
    assert done.stdout == "again-0-3.png\nagain-1-4.png\n"
    for old in ("3.png", "4.png"):
        new = f"again-{int(old[0]) - 3}-{old}"
        with Image.open(old) as first, Image.open(new) as second:
            assert first.tobytes() == second.tobytes()


def test_words_of_several_are_lines_of_one_file(photo: str) -> None:
    made = unidiff("t", "--model", "tiny", "--steps", "2", "--seed", "3", "-n", "2", "--json")
    Path("t.jsonl").write_text(made.stdout)
    done = unidiff("replay", "t.jsonl", "-o", "again.txt")
    assert (done.exit_code, done.stdout) == (0, "again.txt\n")
    words = [json.loads(line)["outputs"][0]["text"] for line in made.stdout.splitlines()]
    assert Path("again.txt").read_text().splitlines() == [" ".join(w.split()) for w in words]
    make("i", photo)
    assert unidiff("replay", "t.jsonl", "made.png", "-o", "-").exit_code == 2


def test_one_that_cannot_be_made_leaves_the_others(photo: str) -> None:
    record = json.loads(make("i2t", photo))
    lines = [json.dumps(record), json.dumps({**record, "mode": "t", "image": None})]
    Path("two.jsonl").write_text("\n".join(lines))
    done = unidiff("replay", "two.jsonl", "--image", "gone.png")
    assert done.exit_code == 6
    assert len(done.stdout.splitlines()) == 1
    assert "gone.png" in done.stderr


def test_records_of_a_batch_and_of_a_sheet() -> None:
    assert unidiff("joint", "-n", "2", *TINY, "--grid", "-o", "sheet.png").exit_code == 0
    done = unidiff("replay", "sheet.png", "--check")
    assert done.stdout.count("same words") == 2
    Path("jobs.jsonl").write_text('{"mode": "t", "count": 2, "steps": 2}\n{"mode": "nonsense"}\n')
    assert unidiff("batch", "jobs.jsonl", "-o", "out", "-m", "tiny").exit_code == 6
    done = unidiff("replay", "out/results.jsonl", "--check")
    assert done.stdout == "out/results.jsonl, line 1: same words, same words\n"
    assert done.exit_code == 6
    assert "line 2 is no record to repeat: it is that of a failure." in done.stderr


def test_a_picture_that_a_record_names_is_not_opened(photo: str) -> None:
    record = make("i2t", photo)
    Path("record.json").write_text(record)
    Path(photo).rename("elsewhere.png")
    Path(photo).symlink_to("/nonexistent/secret")
    done = unidiff("replay", "record.json")
    assert done.exit_code == 2
    assert "'photo.png', which is not opened on a record's word" in done.stderr
    assert unidiff("replay", "record.json", "--check", "--image", "elsewhere.png").exit_code == 0


@pytest.mark.parametrize("model", ["/etc", "../tiny", "someone/model", "https://example.org/x", ""])
def test_a_model_that_a_record_names_is_not_opened(
    model: str, photo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNIDIFF_MODEL", "starter")
    make("i", photo)
    document = json.loads(make_document("made.png"))
    document["records"][0]["made_with"]["model"] = model
    write_document("foreign.png", document, "made.png")
    done = unidiff("replay", "foreign.png")
    assert done.exit_code == 2
    assert "is not opened on a record's word" in done.stderr
    assert unidiff("replay", "foreign.png", "--check", "-m", "tiny").exit_code == 0


def make_document(picture: str) -> str:
    with Image.open(picture) as opened:
        return str(opened.info["unidiff"])


def write_document(name: str, document: Any, picture: str | Image.Image) -> None:
    """The picture with this document in it."""
    texts = PngImagePlugin.PngInfo()
    text = document if isinstance(document, str) else json.dumps(document)
    texts.add_itxt("unidiff", text, zip=True)
    if isinstance(picture, str):
        with Image.open(picture) as opened:
            picture = opened.copy()
    picture.save(name, pnginfo=texts)


RECORD = {"status": "ok", "mode": "i", "outputs": [], "made_with": {"model": "tiny"}}
HOSTILE: dict[str, Any] = {
    "no JSON": "{",
    "deep": "[" * 50_000,
    "another format": {"format": "evil", "version": 1, "records": [RECORD]},
    "later": {"format": "unidiff", "version": 2, "records": [RECORD]},
    "no list": {"format": "unidiff", "version": 1, "records": RECORD},
    "unknown field": {"format": "unidiff", "version": 1, "records": [{**RECORD, "exec": "x"}]},
    "a wrong type": {"format": "unidiff", "version": 1, "records": [{**RECORD, "steps": "9"}]},
    "endless steps": {"format": "unidiff", "version": 1, "records": [{**RECORD, "steps": 10**9}]},
    "many samples": {"format": "unidiff", "version": 1, "records": [{**RECORD, "count": 10**6}]},
    "a huge one": {"format": "unidiff", "version": 1, "records": [{**RECORD, "size": [10**6] * 2}]},
    "not a number": '{"format": "unidiff", "version": 1, "records": '
    '[{"status": "ok", "mode": "i", "guidance": NaN, "outputs": []}]}',
    "a command": {"format": "unidiff", "version": 1, "records": [{**RECORD, "model": "$(id)"}]},
    "none": {"format": "unidiff", "version": 1, "records": []},
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_metadata_is_refused_in_a_sentence(kind: str) -> None:
    write_document("evil.png", HOSTILE[kind], Image.new("RGB", (8, 8), "red"))
    done = unidiff("replay", "evil.png")
    assert done.exit_code in (2, 3), done.stderr
    assert done.stderr.startswith("error: evil.png")
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in Path().iterdir()) == ["evil.png"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", '{"records": [7]}', "\0", '{"mode": "i"}', "[" * 99_999]
)
def test_hostile_files_are_refused_in_a_sentence(text: str) -> None:
    Path("evil.json").write_text(text)
    done = unidiff("replay", "evil.json")
    assert done.exit_code in (2, 3)
    assert "Traceback" not in done.stderr


def test_a_line_without_end_is_not_read_to_its_end() -> None:
    Path("evil.jsonl").write_bytes(b" " * 2**21)
    (found,) = list(collect("evil.jsonl"))
    assert isinstance(found, InputError)


def collect(name: str) -> Any:
    try:
        yield from originals(Path(name))
    except InputError as error:
        yield error


def test_escapes_do_not_reach_the_terminal(photo: str) -> None:
    record = json.loads(make("t", photo))
    record["outputs"] = [{"text": "\x1b]0;owned\x07"}]
    record["made_with"]["torch"] = "\x1b[31m"
    Path("evil.json").write_text(json.dumps(record))
    done = unidiff("replay", "evil.json", "--check")
    assert done.exit_code == 6
    assert "\x1b" not in done.output


def test_nor_do_those_in_the_name_of_a_walk() -> None:
    walk = {"walk": "\x1b]0;owned\x07"}
    document = {"format": "unidiff", "version": 1, "records": [], "walk": walk}
    write_document("walk.png", document, Image.new("RGB", (8, 8)))
    done = unidiff("replay", "walk.png")
    assert done.exit_code == 3
    assert "of a walk (\\x1b]0;owned\\x07)" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.png"], "There is no file missing.png."),
        (["photo.png"], "does not say how it was made"),
        (["photo.png", "--check", "-o", "x.png"], "--check writes nothing"),
    ],
)
def test_wrong_use(arguments: list[str], words: str, photo: str) -> None:
    done = unidiff("replay", *arguments)
    assert done.exit_code in (2, 3)
    assert words in done.stderr


def test_psnr() -> None:
    black, grey = Image.new("RGB", (4, 4)), Image.new("RGB", (4, 4), (1, 1, 1))
    assert psnr(black, black) == INFINITE
    assert psnr(black, grey) == pytest.approx(48.13, abs=0.01)
    assert psnr(black, black.resize((2, 2))) is None
