"""The seven modes: what is printed where, what is written, what the model is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.cli import fake
from tests.cli.conftest import Cli
from unidiff_cli.cli.terminal.console import Events
from unidiff_cli.core.modes import MODES
from unidiff_cli.files.metadata import read_metadata

INPUT = {"text": ["a fox"], "image": ["photo.png"], None: []}


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_every_mode_answers_with_what_it_yields(mode, cli: Cli, photo: str) -> None:
    done = cli(mode.name, *INPUT[mode.needs], "--seed", "7")
    assert done.exit_code == 0, done.stderr
    path, caption = f"{mode.name}-7-0.png", "words of seed 7"
    expected = {("image",): path, ("text",): caption, ("image", "text"): f"{path}\t{caption}"}
    assert done.stdout == expected[mode.yields] + "\n"
    assert Path(path).exists() == ("image" in mode.yields)


@pytest.mark.parametrize(("alias", "mode"), [("image", "i"), ("vary", "i2t2i")])
def test_aliases_make_pictures_of_their_mode(alias: str, mode: str, cli: Cli, photo: str) -> None:
    done = cli(alias, *INPUT[MODES[mode].needs], "--seed", "1")
    assert done.stdout == f"{mode}-1-0.png\n"
    assert f"  {alias} " not in cli("--help").stdout


@pytest.mark.parametrize(("alias", "mode"), [("text", "t"), ("rewrite", "t2i2t")])
def test_aliases_make_text_of_their_mode(alias: str, mode: str, cli: Cli) -> None:
    assert cli(alias, *INPUT[MODES[mode].needs], "--seed", "1").stdout == "words of seed 1\n"
    assert fake.SEEN[0].mode == mode


def test_samples_are_numbered_prompt_major(cli: Cli) -> None:
    done = cli("t2i", "a fox", "an owl", "-n", "2", "--seed", "10")
    assert done.stdout.split() == [f"t2i-{10 + k}-{k}.png" for k in range(4)]
    assert [(one.prompt, one.seed) for one in fake.SEEN] == [
        ("a fox", 10),
        ("a fox", 11),
        ("an owl", 12),
        ("an owl", 13),
    ]


def test_without_a_seed_one_is_drawn_told_and_stored(cli: Cli) -> None:
    first, second = cli("i"), cli("i")
    seed = int(first.stderr.split("seed ")[1].split()[0])
    assert fake.SEEN[0].seed == seed != fake.SEEN[1].seed
    assert f"i-{seed}-0.png" == first.stdout.strip() != second.stdout.strip()
    assert read_metadata(first.stdout.strip()).records[0].request.seed == seed


def test_settings_reach_the_model(cli: Cli) -> None:
    done = cli(
        *("t2i", "a fox", "--steps", "9", "--solver", "unipc", "--guidance", "2.5"),
        *("--guidance-interval", "0.1,0.8", "--fast", "max", "--times", "log-snr"),
        *("--size", "64x32", "--absent", "fixed", "--unconditional", "empty", "--final-denoise"),
        *("--model", "some/where", "--device", "cpu", "--dtype", "fp32"),
    )
    assert done.exit_code == 0, done.stderr
    one = fake.SEEN[0]
    assert (one.steps, one.solver, one.guidance, one.size) == (9, "unipc", 2.5, (64, 32))
    assert (one.guidance_interval, one.fast, one.times) == ((0.1, 0.8), "max", "log-snr")
    assert (one.absent, one.unconditional, one.final_denoise) == ("fixed", "empty", True)
    assert fake.LOADED == [{"model": "some/where", "device": "cpu", "dtype": "fp32"}]


def test_environment_sets_defaults(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNIDIFF_MODEL", "elsewhere")
    monkeypatch.setenv("UNIDIFF_DEVICE", "cpu")
    assert cli("t").exit_code == 0
    assert cli("t", "--model", "here").exit_code == 0
    assert [each["model"] for each in fake.LOADED] == ["elsewhere", "here"]
    assert fake.LOADED[0]["device"] == "cpu"


def test_a_preset_fills_what_is_not_said(cli: Cli) -> None:
    cli("t2i", "a fox", "--preset", "published", "--steps", "5")
    one = fake.SEEN[0]
    assert (one.solver, one.times, one.steps, one.guidance) == ("dpm++3s", "uniform", 5, 7.0)


def test_the_order_of_a_pair_reaches_the_model_and_its_record(cli: Cli) -> None:
    cli("joint", "--order", "text-first", "--seed", "7")
    assert read_metadata("joint-7-0.png").records[0].request.order == "text-first"
    cli("joint", "--preset", "published")
    cli("joint", "--preset", "published", "--order", "image-first")
    orders = [one.order for one in fake.SEEN]
    assert orders == ["text-first", "together", "image-first"]


def test_caption_choice_reaches_the_model(cli: Cli, photo: str) -> None:
    cli("i2t", photo, "--caption", "nucleus")
    assert fake.SEEN[0].caption == "nucleus"


def test_the_bundled_model_is_told_of_once(cli: Cli) -> None:
    assert "unidiff models pull" in cli("t").stderr
    assert "unidiff models pull" not in cli("t", "--model", "starter").stderr


def test_quiet_says_nothing_but_the_answer(cli: Cli) -> None:
    done = cli("t", "-q")
    assert done.stderr == ""
    assert done.stdout.startswith("words of seed ")


def test_json_is_a_record_a_line(cli: Cli) -> None:
    done = cli("joint", "-n", "2", "--seed", "5", "--json")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["outputs"] for record in records] == [
        [{"image": f"joint-{5 + k}-{k}.png", "text": f"words of\nseed {5 + k}"}] for k in range(2)
    ]
    first = records[0]
    assert first["status"] == "ok"
    assert (first["mode"], first["seed"], first["solver"], first["size"]) == (
        *("joint", 5, "ddim"),
        [32, 32],
    )
    assert first["made_with"]["revision"] == "none"
    assert first["seconds"] == 0.5


def test_json_of_several_pictures_names_the_bad_one(cli: Cli, photo: str) -> None:
    Path("bad.png").write_text("no picture")
    done = cli("i2t", photo, "bad.png", photo, "--json", "--seed", "3")
    assert done.exit_code == 6
    records = {(r["seed"], r["status"]): r for r in map(json.loads, done.stdout.splitlines())}
    assert set(records) == {(3, "ok"), (4, "error"), (5, "ok")}
    assert records[4, "error"]["image"] == "bad.png"
    assert records[4, "error"]["error"]["type"] == "InputError"
    assert done.stderr.count("bad.png is not a picture") == 1


def test_one_bad_picture_does_not_load_the_model(cli: Cli) -> None:
    Path("bad.png").write_text("no picture")
    done = cli("i2t", "bad.png")
    assert done.exit_code == 3
    assert fake.LOADED == []
    assert cli("i2t", "bad.png", "missing.png").exit_code == 3
    assert fake.LOADED == []


def test_a_picture_cut_off_late_fails_alone(cli: Cli, photo: str) -> None:
    Image.effect_noise((200, 200), 99).save("whole.png")
    Path("cut.png").write_bytes(Path("whole.png").read_bytes()[:9000])
    done = cli("i2t", photo, "cut.png", photo, "--seed", "0")
    assert done.exit_code == 6
    assert done.stdout.splitlines() == ["words of seed 0", "words of seed 2"]
    assert "cut.png is damaged or cut off" in done.stderr


@pytest.mark.parametrize(
    ("kind", "code"), [("OutOfMemory", 5), ("DegenerateResult", 7), ("InputError", 3)]
)
def test_failed_samples_have_their_code_alone_and_6_among_others(
    kind: str, code: int, cli: Cli
) -> None:
    alone = cli("t2i", kind)
    assert alone.exit_code == code
    assert "error: It was asked for." in alone.stderr
    assert alone.stdout == ""
    mixed = cli("t2i", kind, "a fox", "--seed", "1")
    assert mixed.exit_code == 6
    assert mixed.stdout == "t2i-2-1.png\n"


def test_a_crash_is_one_sentence(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    done = cli("t2i", "crash")
    assert done.exit_code == 1
    assert "RuntimeError: a wire came loose" in done.stderr
    assert "UNIDIFF_DEBUG=1" in done.stderr
    assert "Traceback" not in done.stderr
    monkeypatch.setenv("UNIDIFF_DEBUG", "1")
    assert "Traceback" in cli("t2i", "crash").stderr


def test_a_missing_model_is_4(cli: Cli) -> None:
    done = cli("t", "--model", "missing")
    assert done.exit_code == 4
    assert "error: There is no model missing.\ntry: unidiff models list\n" in done.stderr


def test_a_model_may_refuse_a_setting(cli: Cli) -> None:
    assert cli("t", "--v1-data", "web").exit_code == 2


def test_json_progress_is_an_event_a_line(cli: Cli) -> None:
    done = cli("t", "-n", "2", "--seed", "1", "--progress", "json")
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert {each["event"] for each in events} == {"stage", "begin", "progress", "note"}
    last = [each for each in events if each["event"] == "progress"][-1]
    assert (last["items"], last["evaluations"]) == ([2, 2], [2, 4])


def test_quiet_silences_events_but_not_errors(cli: Cli) -> None:
    assert cli("t", "--seed", "1", "--progress", "json", "--quiet").stderr == ""
    done = cli("t2i", "fox", "InputError", "--progress", "json", "--quiet")
    assert [json.loads(each)["event"] for each in done.stderr.splitlines()] == ["error"]


def test_a_hint_does_not_stutter(cli: Cli) -> None:
    done = cli("t2i", "fox", "--json", "-o", "-")
    assert "\ntry: -o fox.png\n" in done.stderr


def test_what_is_counted_begins_anew() -> None:
    events = Events()
    for _ in range(2):
        events.begin(1, 4)
        events.evaluated(2)
        events.finished(1)
    assert (events.evaluations_done, events.items_done) == (2, 1)


def test_no_progress_is_nothing_but_notes(cli: Cli) -> None:
    assert cli("t", "--seed", "1", "--model", "x", "--progress", "none").stderr == ""


class TestInput:
    """Prompts and pictures, as arguments and on standard input."""

    def test_prompts_are_read_from_a_pipe_a_line_each(self, cli: Cli) -> None:
        done = cli("t2i2t", input="a fox\n\n  \nan owl\r\n")
        assert [one.prompt for one in fake.SEEN] == ["a fox", "an owl"], done.stderr

    def test_a_dash_stands_among_arguments(self, cli: Cli) -> None:
        cli("t2i2t", "first", "-", "last", input="middle\n")
        assert [one.prompt for one in fake.SEEN] == ["first", "middle", "last"]

    def test_arguments_leave_standard_input_alone(self, cli: Cli) -> None:
        cli("t2i2t", "only this", input="not this\n")
        assert [one.prompt for one in fake.SEEN] == ["only this"]

    def test_a_picture_is_read_from_a_pipe(self, cli: Cli, photo: str) -> None:
        done = cli("i2t", "--json", input=Path(photo).read_bytes())
        assert done.exit_code == 0, done.stderr
        assert json.loads(done.stdout)["image"] == "-"

    @pytest.mark.parametrize(
        ("arguments", "data", "code", "words"),
        [
            (["t2i"], b"", 3, "no prompt on standard input"),
            (["t2i"], b"\xff\xfe\x00", 3, "not text in UTF-8"),
            (["i2t"], b"", 3, "standard input is empty"),
            (["i2t"], b"some text", 3, "standard input is not a picture"),
            (["t2i", "-", "-"], b"a fox", 2, "only once"),
            (["i2t", "-", "-"], b"", 2, "only once"),
            (["t2i", "a" * 5000], b"", 2, "5000 characters"),
            (["i2t", "."], b"", 3, ". holds no picture."),
            (["i2t", "nowhere.png"], b"", 3, "There is no file nowhere.png"),
        ],
    )
    def test_what_cannot_be_used_is_said(
        self, arguments: list[str], data: bytes, code: int, words: str, cli: Cli
    ) -> None:
        done = cli(*arguments, input=data)
        assert done.exit_code == code
        assert words in done.stderr
        assert done.stdout == ""
        assert fake.LOADED == []

    def test_the_empty_prompt_is_a_prompt(self, cli: Cli) -> None:
        assert cli("t2i", "", "--seed", "1").exit_code == 0
        assert fake.SEEN[0].prompt == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--steps", "0"],
        ["--steps", "-3"],
        ["--steps", "1e3"],
        ["--steps", "1000000000"],
        ["--guidance", "nan"],
        ["--guidance", "inf"],
        ["--guidance", "-1"],
        ["--seed", "-1"],
        ["--seed", str(2**64)],
        ["--seed", "1.5"],
        ["-n", "0"],
        ["-n", "99999999999"],
        ["--batch-size", "0"],
        ["--size", "100x100"],
        ["--size", "0x0"],
        ["--size", "99999x16"],
        ["--size", "wide"],
        ["--solver", "euler"],
        ["--times", "karras"],
        ["--dtype", "fp8"],
        ["--no-such-option"],
        ["--force"],
        ["-o", "out"],
        ["-o", "out.gif"],
        ["-o", "{what}.png"],
        ["-o", "{index!r}.png"],
        ["-o", "{index:99999999999}.png"],
        ["-o", "{index.png"],
        ["-n", "2", "-o", "fixed.png"],
        ["-n", "2", "-o", "{name}.png"],
        ["-o", "-", "--json"],
        ["-o", "-", "-n", "2"],
        ["-o", ""],
        ["-n", "2", "--seed", str(2**63 - 1 - 1_000_000)],
    ],
    ids=" ".join,
)
def test_wrong_use_is_2_before_the_model(arguments: list[str], cli: Cli) -> None:
    done = cli("t2i", "a fox", *arguments)
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")
    assert done.stdout == ""
    assert fake.LOADED == []
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("interval", ["0.5", "a,b", "0.8,0.1", "0,1.5", "0,nan", "0,0.5,1", ""])
def test_an_interval_is_two_levels(interval: str, cli: Cli) -> None:
    done = cli("t2i", "a fox", "--guidance-interval", interval)
    assert done.exit_code == 2
    assert "guidance" in done.stderr


@pytest.mark.parametrize("arguments", [[], ["frobnicate"], ["i", "surplus"], ["--nonsense"]])
def test_wrong_commands(arguments: list[str], cli: Cli) -> None:
    done = cli(*arguments)
    assert done.exit_code == (2 if arguments else 0)
    assert ("Seven modes:" in done.stdout) == (not arguments)


def test_modes_lack_the_options_that_mean_nothing_to_them(cli: Cli, photo: str) -> None:
    for arguments in (
        ["i", "--guidance", "3"],
        ["i2t", photo, "--grid"],
        ["i2t", photo, "--no-metadata"],
        ["t2i", "a fox", "--caption", "beam"],
        ["joint", "--unconditional", "empty"],
    ):
        assert cli(*arguments).exit_code == 2
