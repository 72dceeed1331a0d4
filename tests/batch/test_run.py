"""The whole run, as a program: order, failures, resuming, kills, shards, workers, pipes."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.batch.shell import batch, mixed, pixels, records, start, write
from unidiff_cli.errors import SOME_FAILED


def test_broken_jobs_get_errors_and_the_rest_go_on() -> None:
    jobs = write(mixed(100))
    out, err = batch(jobs, "-o", "out", code=SOME_FAILED)
    assert out == "out/results.jsonl\n"
    found = records("out")
    assert [r["custom_id"] for r in found] == [
        f"job-{n}" if n != 89 else "line-90" for n in range(100)
    ]
    errors = [r for r in found if r["status"] == "error"]
    assert len(errors) == 10
    assert [r["error"]["type"] for r in errors] == [
        "UsageError", "InputError", "InputError", "UsageError", "UsageError",
        "UnidiffError", "UsageError", "DegenerateResult", "UsageError", "InputError",
    ]  # fmt: skip
    assert "job-39: Line 40: There is no field 'stpes'." in err
    assert err.endswith("90 done, 10 failed: out/results.jsonl\n")
    named = [o["image"] for r in found for o in r["outputs"] if "image" in o]
    assert {Path(name).name for name in named} == set(pixels("out"))


def test_the_same_command_again_does_what_failed_or_is_new() -> None:
    write(mixed(30))
    batch("jobs.jsonl", "-o", "out", code=SOME_FAILED)
    before = {path: path.stat().st_mtime_ns for path in Path("out/pictures").iterdir()}
    first = records("out")
    jobs = mixed(40)
    jobs[9] = {"custom_id": "job-9", "mode": "t2i", "prompt": "mended"}
    write(jobs)
    _, err = batch("jobs.jsonl", "-o", "out", code=SOME_FAILED)
    assert "10 done, 27 done before, 3 failed" in err
    second = records("out")
    assert len(second) == 40
    assert [r for r in second[:30] if r["custom_id"] != "job-9"] == [
        r for r in first if r["custom_id"] != "job-9"
    ]
    assert second[9]["status"] == "ok"
    assert all(path.stat().st_mtime_ns == then for path, then in before.items())


def test_killed_at_any_moment_it_ends_like_an_undisturbed_run() -> None:
    jobs = write(mixed(200))
    batch(jobs, "-o", "calm", code=SOME_FAILED)
    file, draw = Path("out/results.jsonl"), random.Random(1)
    sure: dict[str, dict[str, object]] = {}
    for number in range(8):
        size = file.stat().st_size if file.exists() else 0
        process = start(jobs, "-o", "out", seconds=0.02)
        # Twice anywhere, else after it has come further.
        while number > 1 and not (file.exists() and file.stat().st_size > size):
            assert process.poll() is None
            time.sleep(0.001)
        time.sleep(draw.uniform(0, 0.5))
        process.kill()
        process.communicate()
        whole = file.read_bytes().split(b"\n")[:-1] if file.exists() else []
        now = {r["custom_id"]: r for r in map(json.loads, whole) if r["status"] == "ok"}
        assert now.items() >= sure.items()
        for made in now.values():
            assert all(Path("out", o["image"]).exists() for o in made["outputs"] if "image" in o)
        sure = now
    assert 5 < len(sure) < 180
    batch(jobs, "-o", "out", code=SOME_FAILED)
    assert records("out") == records("calm")
    assert len([r for r in records("out") if r["status"] == "ok"]) == 180
    assert pixels("out") == pixels("calm")
    last = list(map(json.loads, Path("out/results.jsonl").read_text().splitlines()))
    assert all(made in last for made in sure.values())


def test_ctrl_c_keeps_what_is_done() -> None:
    jobs = write(mixed(200))
    process = start(jobs, "-o", "out", "--progress", "json", seconds=0.05)
    assert process.stderr is not None
    next(line for line in process.stderr if b'"progress"' in line)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"interrupted" in err
    assert 0 < len(records("out")) < 200


@pytest.mark.parametrize("options", [["--seed", "3"], ["--dtype", "bf16"]])
def test_other_settings_in_the_same_folder_are_refused(options: list[str]) -> None:
    jobs = write([{"mode": "t"}])
    batch(jobs, "-o", "out")
    if options[0] == "--dtype":
        manifest = Path("out/manifest.json")
        manifest.write_text(manifest.read_text().replace('"fp32"', '"bf16"'))
        options = []
    _, err = batch(jobs, "-o", "out", *options, code=2)
    assert "were made otherwise" in err
    assert len(records("out")) == 1


def test_a_run_takes_its_seed_from_the_folder() -> None:
    batch(write([{"mode": "t"}]), "-o", "out", "--seed", "3")
    batch(write([{"mode": "t"}, {"mode": "t"}]), "-o", "out")
    batch("jobs.jsonl", "-o", "fresh", "--seed", "3")
    assert records("out") == records("fresh")
    batch("jobs.jsonl", "-o", "zero")
    assert records("zero")[0]["seed"] != records("out")[0]["seed"]


def test_a_changed_job_does_not_replace_an_answer() -> None:
    batch(write([{"custom_id": "a", "mode": "t2i", "prompt": "a fox"}]), "-o", "out")
    before = records("out"), pixels("out")
    write([{"custom_id": "a", "mode": "t2i", "prompt": "an owl"}])
    _, err = batch("jobs.jsonl", "-o", "out", code=SOME_FAILED)
    assert "'a' is the answer to another request" in err
    assert (records("out"), pixels("out")) == before


def test_custom_ids_are_checked_before_anything_is_done() -> None:
    jobs = write([{"custom_id": "a", "mode": "t"}, {"mode": "t"}, {"custom_id": "a", "mode": "i"}])
    _, err = batch(jobs, "-o", "out", code=2)
    assert "Lines 1 and 3 of jobs.jsonl have the same custom_id, 'a'." in err
    assert not Path("out").exists()


def test_shards_together_are_the_whole() -> None:
    jobs = write(mixed(60))
    batch(jobs, "-o", "whole", code=SOME_FAILED)
    for k in (1, 2, 3):
        batch(jobs, "-o", "parts", "--shard", f"{k}/3", code=SOME_FAILED)
    found = [r for k in (1, 2, 3) for r in records("parts", f"results-{k}-of-3.jsonl")]
    assert sorted(map(str, found)) == sorted(map(str, records("whole")))
    assert pixels("parts") == pixels("whole")
    _, err = batch(jobs, "-o", "parts", code=SOME_FAILED)
    assert "0 done, 54 done before, 6 failed" in err


def test_workers_do_the_same_and_outlive_one_another() -> None:
    jobs = mixed(60)
    batch(write(jobs), "-o", "alone", code=SOME_FAILED)
    jobs.insert(30, {"custom_id": "deadly", "mode": "t2i", "prompt": "die"})
    batch(write(jobs), "-o", "out", "--workers", "3", code=SOME_FAILED)
    found = records("out")
    (dead,) = [r for r in found if r["custom_id"] == "deadly"]
    assert dead["error"]["type"] == "WorkerDied"
    assert "signal 9" in dead["error"]["message"]
    found.remove(dead)
    assert [r for r in found if r["status"] == "ok"] == [
        r for r in records("alone") if r["status"] == "ok"
    ]
    assert len(found) == 60
    assert pixels("out") == pixels("alone")


def test_an_error_that_is_no_jobs_fault_ends_the_run() -> None:
    jobs = write(mixed(10))
    for workers in ("1", "2"):
        _, err = batch(jobs, "-o", "out", "-m", "missing", "--workers", workers, code=4)
        assert "There is no model missing." in err


def test_answers_come_in_the_order_of_jobs_or_as_they_finish() -> None:
    # With batches of four of one kind, the captions of these are ready before the pictures.
    jobs = [{"mode": mode} for mode in ("i", "t", "i", "t", "i", "t")]
    text = "".join(json.dumps(job) + "\n" for job in jobs).encode()
    orders = {}
    for options in ([], ["--as-finished"]):
        out, _ = batch("-", "-o", f"out{len(options)}", *options, input=text)
        orders[len(options)] = [json.loads(line)["custom_id"] for line in out.splitlines()]
    assert orders[0] == [f"line-{k}" for k in range(1, 7)]
    assert orders[1] == [f"line-{k}" for k in (1, 3, 5, 2, 4, 6)]


class Talk:
    """A program that keeps a batch running, and waits for each answer."""

    def __init__(self, *options: str) -> None:
        self.process = start("-", "-o", "out", *options, stdin=subprocess.PIPE)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.input, self.output = self.process.stdin, self.process.stdout

    def say(self, *jobs: dict[str, object]) -> None:
        for job in jobs:
            self.input.write(json.dumps(job).encode() + b"\n")
        self.input.flush()

    def hear(self) -> dict[str, object]:
        answer: dict[str, object] = json.loads(self.output.readline())
        return answer

    def end(self) -> int:
        self.process.communicate(timeout=60)
        return self.process.returncode


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_answer_comes_when_the_input_pauses(workers: str) -> None:
    talk = Talk("--workers", workers)
    talk.say({"custom_id": "a", "mode": "t2i", "prompt": "a fox"})
    first = talk.hear()
    assert first["outputs"] == [{"image": "out/pictures/a.png"}]
    assert Path("out/pictures/a.png").exists()
    talk.say({"mode": "t"}, {"mode": "nonsense"}, {"mode": "joint"})
    assert [talk.hear()["status"] for _ in range(3)] == ["ok", "error", "ok"]
    # An id that was there is no reason to lose its answer.
    talk.say({"custom_id": "a", "mode": "t"})
    assert "was there before" in str(talk.hear()["error"])
    assert talk.end() == SOME_FAILED
    # Another program later gets the answer that is there.
    again = Talk()
    again.say({"custom_id": "a", "mode": "t2i", "prompt": "a fox"})
    assert again.hear() == first
    assert again.end() == 0


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes in /proc")
def test_workers_that_die_while_nothing_is_to_be_done_are_replaced() -> None:
    talk = Talk("--workers", "2")
    for round in range(3):
        talk.say({"custom_id": f"round-{round}", "mode": "t"})
        assert talk.hear()["status"] == "ok"
        started = Path(f"/proc/{talk.process.pid}/task/{talk.process.pid}/children").read_text()
        for child in started.split():
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(int(child), signal.SIGKILL)
    assert talk.end() == 0


def test_who_listens_no_more_ends_it_quietly() -> None:
    jobs = "".join(json.dumps({"mode": "t"}) + "\n" for _ in range(500)).encode()
    process = start(
        "-", "-o", "out", stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, seconds=0.01
    )
    assert process.stdout is not None
    assert process.stdin is not None
    process.stdin.write(jobs)
    process.stdin.close()
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    assert records("out")


def test_progress_in_json() -> None:
    _, err = batch(write(mixed(10)), "-o", "out", "--progress", "json", code=SOME_FAILED)
    events = [json.loads(line) for line in err.splitlines()]
    progress = [e for e in events if e["event"] == "progress"]
    assert progress[-1]["items"] == [10, 10]
    assert progress[-1]["failed"] == 1
    assert progress[-1]["rate"] > 0
    assert [e["custom_id"] for e in events if e["event"] == "error"] == ["job-9"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["missing.jsonl", "-o", "out"], 3, "There is no file missing.jsonl"),
        (["jobs.jsonl"], 2, "-o FOLDER"),
        ([], 2, "-o FOLDER"),
        (["jobs.jsonl", "-o", "out", "--workers", "0"], 2, "workers is a whole number"),
        (["jobs.jsonl", "-o", "out", "--workers", "two"], 2, "workers is a whole number"),
        (["jobs.jsonl", "-o", "out", "--shard", "3"], 2, "shard"),
        (["jobs.jsonl", "-o", "jobs.jsonl"], 8, "jobs.jsonl"),
        (["-", "-o", "out", "--ray", "local"], 2, "--ray works on a file"),
    ],
)
def test_wrong_use(arguments: list[str], code: int, words: str) -> None:
    write([{"mode": "t"}])
    _, err = batch(*arguments, code=code)
    assert words in err


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_jobs_that_can_be_read_only_once_are_a_stream(encoding: str) -> None:
    os.mkfifo("jobs")
    rows = [{"custom_id": f"job-{n}", "mode": "t2i", "prompt": "ein Füchslein"} for n in range(3)]
    text = "".join(f"{json.dumps(row, ensure_ascii=False)}\r\n" for row in rows)
    threading.Thread(target=lambda: Path("jobs").write_bytes(text.encode(encoding))).start()
    out, _ = batch("jobs", "-o", "out")
    answers = [json.loads(row) for row in out.splitlines()]
    assert [answer["custom_id"] for answer in answers] == ["job-0", "job-1", "job-2"]
    assert {answer["prompt"] for answer in answers} == {"ein Füchslein"}


def test_what_is_no_job_is_said_before_the_model_is_loaded() -> None:
    write([{"mode": "t", "steps": 1.0, "count": None}, {"mode": "t", "steps": 2.5}])
    _, err = batch("jobs.jsonl", "-o", "out", code=SOME_FAILED)
    assert err.startswith("1 of 2 lines are no jobs; the first: Line 2: steps is a whole number")


def test_an_input_that_cannot_be_read_ends_it() -> None:
    descriptor = os.open("closed", os.O_WRONLY | os.O_CREAT)
    try:
        process = start("-", "-o", "out", stdin=descriptor)
        _, err = process.communicate(timeout=120)
    finally:
        os.close(descriptor)
    assert process.returncode == 3
    assert b"Standard input cannot be read: Bad file descriptor." in err


@pytest.mark.parametrize(
    "job",
    [
        '{"mode": null}',
        '{"mode": "t", "count": 1.5}',
        '{"mode": "t", "fast": 7}',
        '{"mode": "t", "count": 2, "seed": 9223372036853775807}',
        '{"mode": "t2i", "prompt": "a fox", "guidance": 1' + 400 * "0" + "}",
    ],
)
def test_a_value_out_of_bounds_spoils_its_job_alone(job: str) -> None:
    write([{"mode": "t"}, job, {"mode": "i"}])
    _, err = batch("jobs.jsonl", "-o", "out", code=6)
    assert "2 done, 1 failed" in err


def test_the_schema_is_printed_without_a_file() -> None:
    out, _ = batch("--schema")
    assert json.loads(out)["required"] == ["mode"]


def test_no_job_is_no_error() -> None:
    Path("jobs.jsonl").write_text("\n\n")
    _, err = batch("jobs.jsonl", "-o", "out")
    assert "0 done, 0 failed" in err


def test_pictures_can_be_silent() -> None:
    from unidiff_cli.files.metadata import read_metadata

    jobs = write([{"custom_id": "a", "mode": "i", "count": 2}])
    batch(jobs, "-o", "out")
    batch(jobs, "-o", "silent", "--no-metadata")
    told = [read_metadata(path).records for path in sorted(Path("out/pictures").iterdir())]
    seed = records("out")[0]["seed"]
    assert [[r.request.seed for r in each] for each in told] == [[seed], [seed + 1]]
    assert read_metadata("silent/pictures/a~000.png").records == ()
