"""A folder of answers: what it remembers, what it refuses."""

from __future__ import annotations

import errno
import json
import os
import random
import string
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from unidiff_cli.batch.manifest import Manifest
from unidiff_cli.batch.shard import Shard
from unidiff_cli.batch.store import digest, drop_torn_line, opened, picture_name
from unidiff_cli.errors import OutputError, UsageError

MANIFEST = Manifest(seed=0, threads=2, made_with={"model": "fake", "torch": "2.9"})
FOLDER = Path("answers")


def record(custom_id: str, ok: bool = True, seed: int = 1, **more: Any) -> dict[str, Any]:
    status = "ok" if ok else "error"
    return {"custom_id": custom_id, "status": status, "mode": "i", "seed": seed, **more}


def test_what_is_put_is_there_again() -> None:
    picture = {"image": "pictures/a.png"}
    with opened(FOLDER, MANIFEST) as store:
        store.put(record("a", outputs=[picture]), [(picture["image"], b"data")])
        store.put(record("b", ok=False))
    with opened(FOLDER, MANIFEST) as store:
        assert store.is_answer("a", record("a")) is True
        assert store.is_answer("a", record("a", seed=2)) is False
        assert store.is_answer("b", record("b")) is None
        assert store.answer("a") == record("a", outputs=[picture])
        assert store.answer("b") is None
    assert Path("answers/pictures/a.png").read_bytes() == b"data"


def test_a_success_whose_picture_is_gone_is_none() -> None:
    picture = {"image": "pictures/a.png"}
    with opened(FOLDER, MANIFEST) as store:
        store.put(record("a", outputs=[picture]), [(picture["image"], b"data")])
    Path("answers/pictures/a.png").unlink()
    with opened(FOLDER, MANIFEST) as store:
        assert store.is_answer("a", record("a")) is None


def test_success_beats_failure_then_the_newest_counts() -> None:
    with opened(FOLDER, MANIFEST) as store:
        for ok, seed in ((False, 1), (True, 2), (True, 3), (False, 4)):
            store.put(record("a", ok, seed))
        assert (store.answer("a") or {})["seed"] == 3
    with opened(FOLDER, MANIFEST) as store:
        assert (store.answer("a") or {})["seed"] == 3
        store.tidy(["a"])
    (line,) = Path("answers/results.jsonl").read_text().splitlines()
    assert json.loads(line)["seed"] == 3


def test_tidy_puts_lines_in_order_and_loses_none() -> None:
    with opened(FOLDER, MANIFEST) as store:
        for name in "dbeca":
            store.put(record(name, ok=name != "e"))
        store.tidy(["a", "b", "x", "c"])
    lines = Path("answers/results.jsonl").read_text().splitlines()
    assert [json.loads(line)["custom_id"] for line in lines] == ["a", "b", "c", "d", "e"]


def test_an_answer_is_found_where_another_process_moved_it() -> None:
    with opened(FOLDER, MANIFEST) as store:
        for name in "ba":
            store.put(record(name))
    with opened(FOLDER, MANIFEST, Shard(1, 2)) as reader:
        with opened(FOLDER, MANIFEST) as store:
            store.put(record("a" * 40))
            store.tidy(["a" * 40, "a", "b"])
        assert reader.answer("a") == record("a")
        assert reader.answer("b") == record("b")


def test_a_torn_line_is_cut_off_wherever_it_was_torn() -> None:
    with opened(FOLDER, MANIFEST) as store:
        store.put(record("a"))
        store.put(record("ä" * 40))
    file = Path("answers/results.jsonl")
    whole = file.read_bytes()
    first = whole.index(b"\n") + 1
    for end in range(len(whole) + 1):
        file.write_bytes(whole[:end])
        with opened(FOLDER, MANIFEST) as store:
            store.put(record("z"))
        names = [json.loads(line)["custom_id"] for line in file.read_text().splitlines()]
        kept = (end >= first) + (end == len(whole))
        assert names == [*["a", "ä" * 40][:kept], "z"]


@pytest.mark.parametrize("size", [0, 1, 2**16 - 1, 2**16, 2**16 + 1, 3 * 2**16])
def test_a_long_torn_line_is_cut_off(size: int) -> None:
    Path("file").write_bytes(b"whole\n" + b"x" * size)
    drop_torn_line(Path("file"))
    assert Path("file").read_bytes() == b"whole\n"
    Path("file").write_bytes(b"x" * size)
    drop_torn_line(Path("file"))
    assert Path("file").read_bytes() == b""


def test_what_a_kill_left_of_a_picture_is_cleared_away() -> None:
    with opened(FOLDER, MANIFEST):
        old, new = (Path("answers/pictures") / f".{name}.tmp" for name in ("old", "new"))
        for path in (old, new):
            path.write_bytes(b"half")
        os.utime(old, (0, 0))
    with opened(FOLDER, MANIFEST):
        assert (old.exists(), new.exists()) == (False, True)


def test_rubbish_between_lines_is_passed_over() -> None:
    with opened(FOLDER, MANIFEST) as store:
        store.put(record("a"))
    with open("answers/results.jsonl", "ab") as file:
        file.write(b"\0\0\0\n[1]\n{}\n")
    with opened(FOLDER, MANIFEST) as store:
        assert store.is_answer("a", record("a"))
        store.tidy([])
    assert len(Path("answers/results.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (replace(MANIFEST, seed=5), "the run's seed was 0, is 5"),
        (replace(MANIFEST, made_with={"model": "starter", "torch": "2.9"}), "model was fake"),
        (replace(MANIFEST, made_with={"model": "fake", "torch": "3.0"}), "torch was 2.9, is 3.0"),
        (replace(MANIFEST, made_with={"model": "fake"}), "torch was 2.9, is unknown"),
    ],
)
def test_answers_made_otherwise_do_not_get_into_the_folder(other: Manifest, words: str) -> None:
    with opened(FOLDER, MANIFEST):
        pass
    with pytest.raises(UsageError, match=words), opened(FOLDER, other):
        pass


def test_threads_are_taken_over_not_compared() -> None:
    with opened(FOLDER, MANIFEST), opened(FOLDER, replace(MANIFEST, threads=9), Shard(1, 2)):
        pass


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "x", "version": 1}', "\0"])
def test_a_foreign_manifest_is_refused(text: str) -> None:
    FOLDER.mkdir()
    Path("answers/manifest.json").write_text(text)
    with pytest.raises(OutputError, match=r"manifest.json"), opened(FOLDER, MANIFEST):
        pass


def test_two_writers_of_one_file_are_one_too_many() -> None:
    with (
        opened(FOLDER, MANIFEST),
        pytest.raises(OutputError, match="Another process"),
        opened(FOLDER, MANIFEST),
    ):
        pass


def test_shards_write_to_files_of_their_own_and_see_all_answers() -> None:
    with opened(FOLDER, MANIFEST, Shard(1, 2)) as one, opened(FOLDER, MANIFEST, Shard(2, 2)) as two:
        one.put(record("a"))
        two.put(record("b"))
    assert len(Path("answers/results-2-of-2.jsonl").read_text().splitlines()) == 1
    with opened(FOLDER, MANIFEST) as store:
        assert store.is_answer("a", record("a"))
        assert store.is_answer("b", record("b"))


def test_a_full_disk_leaves_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        """A file that takes half of what it is given."""

        def __init__(self, file: Any) -> None:
            self.file = file

        def write(self, data: bytes) -> int:
            return int(self.file.write(data[: len(data) // 2]))

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

    with opened(FOLDER, MANIFEST) as store:
        store.put(record("a"))
        before = Path("answers/results.jsonl").read_bytes()
        monkeypatch.setattr(store, "out", Full(store.out))
        with pytest.raises(OutputError, match="No space left"):
            store.put(record("b"))
    assert Path("answers/results.jsonl").read_bytes() == before


def test_a_full_disk_while_tidying_leaves_the_answers_as_they_were() -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with opened(FOLDER, MANIFEST) as store:
        for name in "ba":
            store.put(record(name))
        before = store.file.read_bytes()
        with (
            mock.patch("os.replace", full),
            pytest.raises(OutputError, match=r"results\.jsonl cannot be written: No") as caught,
        ):
            store.tidy("ab")
    assert caught.value.code == "output.disk-full"
    assert store.file.read_bytes() == before
    assert not store.file.with_suffix(".tmp").exists()


def test_a_folder_whose_name_is_no_text_has_a_manifest() -> None:
    odd = replace(MANIFEST, made_with={"model": "caf\udce9"})
    for _ in range(2):
        with opened(FOLDER, odd):
            pass


def test_pictures_of_different_jobs_have_different_names_everywhere() -> None:
    draw = random.Random(0)
    letters = "aAbB01~-._/ :*ü\U0001f98a" + string.punctuation
    ids = {"".join(draw.choices(letters, k=draw.randint(1, 6))) for _ in range(20_000)}
    ids |= {"con", "CON", "nul.txt", "..", ".", "a" * 256, "a" * 255}
    names = [picture_name(each, k, count) for each in ids for k, count in ((0, 1), (0, 2), (1, 2))]
    assert len({name.casefold() for name in names}) == 3 * len(ids)
    for name in names:
        folder, file = name.split("/")
        assert folder == "pictures"
        assert set(file) <= set(string.ascii_letters + string.digits + "._-~")
        assert not file.startswith(".")
        assert not file.lower().startswith(("con.", "nul."))
        assert len(file) < 120


def test_a_plain_custom_id_is_the_name() -> None:
    assert picture_name("fox-1", 0, 1) == "pictures/fox-1.png"
    assert picture_name("fox-1", 2, 4) == "pictures/fox-1~002.png"


def test_digests_are_of_requests_alone() -> None:
    assert digest(record("a", True, 1, seconds=3)) == digest(record("b", False, 1, outputs=[]))
    assert digest(record("a", True, 1)) != digest(record("a", True, 2))
