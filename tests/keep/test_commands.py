"""`--keep` and `unidiff keep`: what a user sees, and that nothing else changes."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from tests.cli.conftest import environment
from tests.fits import fits, removable
from tests.keep import fake
from tests.keep.conftest import wait_until
from unidiff_cli.cli.app import app
from unidiff_cli.keep import start
from unidiff_cli.keep.overview import helpers, is_there

PROGRAM = [sys.executable, str(Path(fake.__file__))]
KEEP = ("--model", "tiny", "--keep", "1m")


@pytest.fixture(autouse=True)
def _processes(sockets: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(start, "PROGRAM", fake.PROGRAM)
    monkeypatch.setenv("FAKE_TELL", "1")
    for name, module in fake.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    yield
    for status in helpers():
        os.kill(status.process, signal.SIGKILL)


def cli(*arguments: str, input: bytes | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=input, prog_name="unidiff")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Helpers that are started take their time."""
    monkeypatch.setenv("FAKE_SECONDS", "0.02")


def popen(*arguments: str, **streams: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*PROGRAM, *arguments],
        env=environment(),
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        | streams,
    )


def test_the_first_leaves_it_and_says_so_and_the_second_finds_it() -> None:
    alone = cli("t", "-n", "2", "--seed", "1", "--model", "tiny", "--json")
    first = cli("t", "-n", "2", "--seed", "1", "--json", *KEEP)
    second = cli("t", "-n", "2", "--seed", "1", "--model", "tiny", "--json")
    without = cli("t", "-n", "2", "--seed", "1", "--model", "tiny", "--json", "--keep", "off")
    said = [[_timeless(line) for line in one.stdout.splitlines()] for one in (alone, first, second)]
    assert said[0] == said[1] == said[2]
    assert alone.stderr == without.stderr == "loaded here\n"
    assert second.stderr == ""
    assert first.stderr.startswith("a helper keeps tiny loaded (")
    assert first.stderr.endswith("longer if it is used; to end it: unidiff keep stop\n")
    assert first.stderr.count("\n") == 1


def _timeless(line: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(line)
    del values["seconds"]
    return values


def test_a_quiet_command_says_nothing() -> None:
    assert cli("t", "--seed", "1", "-q", *KEEP).stderr == ""
    assert len(helpers()) == 1


def test_the_variable_is_as_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNIDIFF_KEEP", "2h")
    cli("t", "--seed", "1", "--model", "tiny")
    (status,) = helpers()
    assert 7000 < status.left <= 7200


@pytest.mark.parametrize(
    "command",
    [
        ("t2i", "a fox", "-n", "2", "--grid", "-o", "out/"),
        ("i2t", "photo.png", "photo.png"),
        ("i2t", "photo.png", "--captions", "beside"),
        ("joint", "-n", "2", "-o", "out/"),
        ("joint", "-n", "2", "-o", "out", "--format", "jsonl"),
        ("i", "-o", "out/"),
        ("t",),
        ("i2t2i", "photo.png", "-o", "out/"),
        ("t2i2t", "a fox"),
        ("edit", "photo.png", "a hat", "-o", "out/"),
        ("sweep", "a fox", "--steps", "1-2", "-o", "out/"),
    ],
    ids=lambda command: " ".join(command[:1] + command[-1:]),
)
def test_every_command_uses_it(command: tuple[str, ...]) -> None:
    cli("t", "--seed", "1", *KEEP)
    Image.new("RGB", (40, 30), (200, 100, 50)).save("photo.png")
    done = cli(*command, "--seed", "1", "--model", "tiny")
    assert (done.exit_code, done.stderr) == (0, "")


def test_score_uses_it() -> None:
    cli("t", "--seed", "1", *KEEP)
    Image.new("RGB", (40, 30)).save("photo.png")
    asked = ("score", "photo.png", "a fox", "an owl", "--json", "--model", "tiny")
    here, there = cli(*asked, "--keep", "off"), cli(*asked)
    assert (there.exit_code, there.stderr, here.stderr) == (0, "", "loaded here\n")
    assert there.stdout == here.stdout != ""


def test_replay_uses_it() -> None:
    cli("t2i", "a fox", "--seed", "1", "-o", "fox.png", "--model", "tiny")
    cli("t", "--seed", "1", *KEEP)
    done = cli("replay", "fox.png", "--model", "tiny", "--device", "cpu", "--check")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "same pixels" in done.stdout


@pytest.mark.parametrize(("prompt", "code"), [("DegenerateResult", 7), ("InputError", 3)])
def test_errors_and_exit_codes_are_the_same(prompt: str, code: int) -> None:
    alone = cli("t2i", prompt, "--seed", "1", "--model", "tiny")
    cli("t", "--seed", "1", *KEEP)
    kept = cli("t2i", prompt, "--seed", "1", "--model", "tiny")
    assert (kept.exit_code, kept.stdout) == (alone.exit_code, alone.stdout) == (code, "")
    assert "loaded here\n" + kept.stderr == alone.stderr


@pytest.mark.parametrize("time", ["10", "m", "0m", "-1m", "1w", "tomorrow"])
def test_a_time_is_a_number_and_a_unit(time: str) -> None:
    done = cli("t", "--keep", time)
    assert done.exit_code == 2
    assert "90s, 10m, 2h, 1d or off" in done.stderr


def test_it_is_not_there_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    for command in (("t", *KEEP), ("keep",), ("keep", "start"), ("keep", "stop")):
        done = cli(*command)
        assert done.exit_code == 2
        assert "not available on Windows" in done.stderr
    assert cli("t", "--seed", "1", "--model", "tiny").exit_code == 0


def test_a_folder_that_is_not_ours_alone_is_told_and_the_work_done(sockets: Path) -> None:
    sockets.chmod(0o777)
    done = cli("t", "--seed", "1", *KEEP)
    assert (done.exit_code, done.stdout) == (0, "words 1\n")
    assert done.stderr == (
        f"no helper (Others may write into {sockets}.): working without one\nloaded here\n"
    )
    done = cli("keep")
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"try: chmod 700 {sockets}" in done.stderr
    sockets.chmod(0o700)


def test_start_list_and_stop() -> None:
    assert "no helper holds a model" in cli("keep").stderr
    assert cli("keep", "stop").exit_code == 2
    assert cli("keep", "start", "--model", "tiny", "--for", "1h").exit_code == 0
    head, _, row = cli("keep").stdout.splitlines()
    assert head.split() == ["MODEL", "DEVICE", "DTYPE", "MEMORY", "PROCESS", "IDLE", "UNTIL"]
    assert row.split()[0] == "tiny"
    values = fits("keep", json.loads(cli("keep", "--json").stdout))
    assert removable("keep", values) == set()
    assert (values["model"], values["requests"], values["hangs"]) == ("tiny", 0, False)
    assert 3500 < values["left"] <= 3600
    cli("keep", "start", "--model", "tiny", "--dtype", "bf16")
    several = cli("keep", "stop")
    assert several.exit_code == 2
    assert "unidiff keep stop all" in several.stderr
    assert "No helper holds starter" in cli("keep", "stop", "starter").stderr
    assert cli("keep", "stop", "all").stderr.count("tiny is no longer held") == 2
    wait_until(lambda: not is_there(values["process"]))
    assert helpers() == []


@pytest.mark.usefixtures("slow")
def test_one_that_works_is_stopped_when_it_has_answered() -> None:
    program = popen("t", "-n", "20", "--seed", "1", *KEEP)
    assert program.stdout is not None
    first = program.stdout.readline()
    assert "ends when it has answered" in cli("keep", "stop").stderr
    rest, _ = program.communicate(timeout=60)
    assert (first + rest).count(b"\n") == 20
    assert program.returncode == 0
    wait_until(lambda: helpers() == [])


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_signal_to_the_command_stops_its_sample_and_leaves_the_helper(
    number: signal.Signals,
) -> None:
    cli("t", "--seed", "1", *KEEP)
    (before,) = helpers()
    program = popen("t", "-n", "9", "--model", "tiny", "--steps", "10000")
    wait_until(lambda: helpers()[0].requests == 1)
    program.send_signal(number)
    _, said = program.communicate(timeout=60)
    code = -number if number == signal.SIGKILL else 128 + number
    assert program.returncode == code
    assert b"Traceback" not in said
    wait_until(lambda: helpers()[0].requests == 0)
    assert cli("t", "--seed", "1", "--model", "tiny").stderr == ""  # it is whole
    assert helpers()[0].process == before.process


@pytest.mark.usefixtures("slow")
def test_a_closed_terminal() -> None:
    cli("t", "--seed", "1", *KEEP)
    process, terminal = pty.fork()
    if process == 0:
        os.environ |= environment()
        os.execv(PROGRAM[0], [*PROGRAM, "t", "-n", "9", "--model", "tiny", "--steps", "10000"])
    wait_until(lambda: helpers()[0].requests == 1)
    os.close(terminal)
    os.waitpid(process, 0)
    wait_until(lambda: helpers()[0].requests == 0)


@pytest.mark.parametrize("where", ["full", "closed", "hung up"])
def test_answers_that_go_nowhere_leave_the_helper_whole(where: str) -> None:
    cli("t", "--seed", "1", *KEEP)
    options = ("t", "-n", "99", "--seed", "1", "--model", "tiny")
    if where == "full":
        with open("/dev/full", "wb") as full:
            program = popen(*options, stdout=full)
            program.communicate(timeout=60)
    elif where == "closed":
        program = popen(*options, stdout=None, preexec_fn=lambda: os.close(1))
        program.communicate(timeout=60)
    else:
        program = popen(*options)
        assert program.stdout is not None
        program.stdout.close()
        program.wait(60)
        assert program.stderr is not None
        program.stderr.close()
    assert program.returncode == (141 if where == "hung up" else 8)
    wait_until(lambda: helpers()[0].requests == 0)
    assert cli("t", "--seed", "1", "--model", "tiny").stderr == ""


@pytest.mark.usefixtures("slow")
def test_a_second_command_waits_and_says_behind_how_many() -> None:
    cli("t", "--seed", "1", *KEEP)
    first = popen("t", "-n", "99", "--model", "tiny", "-q")
    wait_until(lambda: helpers()[0].requests == 1)
    second = popen("t", "--seed", "7", "--model", "tiny")
    assert second.stderr is not None
    assert second.stderr.readline() == b"waiting for the helper: 1 before this one\n"
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)
    assert second.communicate(timeout=60) == (b"words 7\n", b"")


CLIENT = """
import sys
from unidiff_cli.keep import start
start.PROGRAM = {program!r}
sys.argv[:] = ["unidiff", *sys.argv[1:]]
try:
    from unidiff_cli.cli.app import main
    main()
finally:
    print(*[name for name in {heavy!r} if name in sys.modules])
"""
HEAVY = (
    "torch",
    "numpy",
    "transformers",
    "diffusers",
    "safetensors",
    "asyncio",
    "huggingface_hub.file_download",
)


def test_the_one_that_asks_imports_nothing_heavy(run: Callable[..., str]) -> None:
    cli("t", "--seed", "1", *KEEP)
    for command in (
        ("t2i", "a fox", "-o", "fox.png"),
        ("i2t", "fox.png"),
        ("chain", "a fox", "--rounds", "1", "-o", "out/"),
    ):
        assert run(*command, "--seed", "1", "--model", "tiny").splitlines()[-1] == ""


@pytest.fixture
def run() -> Callable[..., str]:
    def run(*arguments: str) -> str:
        script = CLIENT.format(program=fake.PROGRAM, heavy=HEAVY)
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            capture_output=True,
            text=True,
            env=environment(),
            check=True,
        )
        assert done.stderr == ""
        return done.stdout

    return run
