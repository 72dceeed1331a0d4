"""A helper and those who ask it: the same answers, in order, and no harm from anybody."""

from __future__ import annotations

import gc
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from PIL import Image

from tests.keep.conftest import TINY, Running, begin, wait_until
from unidiff_cli.core.modes import MODES
from unidiff_cli.engine.pipeline import UniDiffuser
from unidiff_cli.errors import InputError, OutOfMemory, UsageError
from unidiff_cli.files.pictures import open_picture
from unidiff_cli.keep import guests, server
from unidiff_cli.keep.client import Absent, Lost
from unidiff_cli.keep.frames import HEAD, MAGIC, Frame
from unidiff_cli.keep.guests import Guest, Teller, Turns
from unidiff_cli.keep.holding import Holding
from unidiff_cli.keep.kept import Kept
from unidiff_cli.keep.overview import helpers, look
from unidiff_cli.progress import Silence
from unidiff_cli.request import Request, Result
from unidiff_cli.walks.asked import Chain, Interpolation, Stage

LONG = 5000
"""Steps of the tiny model that take far longer than any test."""


class Listener(Silence):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.sketches: list[tuple[Image.Image, int]] = []

    def stage(self, what: str) -> None:
        self.heard.append(("stage", what))

    def begin(self, items: int, evaluations: int) -> None:
        self.heard.append(("begin", (items, evaluations)))

    def evaluated(self, samples: int) -> None:
        self.heard.append(("evaluated", samples))

    def finished(self, samples: int) -> None:
        self.heard.append(("finished", samples))


def never() -> UniDiffuser:
    raise AssertionError("the model was loaded here")


def kept(
    running: Running, progress: Any = None, said: list[str] | None = None, **more: Any
) -> Kept:
    notes = said if said is not None else []
    load = more.pop("load", never)
    listener = progress or Silence()
    return Kept(running.begin(listener, **more), listener, load, notes.append)


def same(one: Result, other: Result) -> None:
    assert replace(one, seconds=0, outputs=()) == replace(other, seconds=0, outputs=())
    for a, b in zip(one.outputs, other.outputs, strict=True):
        assert (a.seed, a.text) == (b.seed, b.text)
        assert (a.image and a.image.tobytes()) == (b.image and b.image.tobytes())


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("p") / "photo.png"
    Image.radial_gradient("L").convert("RGB").resize((50, 40)).save(path)
    return str(path)


def request_of(mode: str, photo: str, **settings: Any) -> Request:
    given = {"text": {"prompt": "a fox"}, "image": {"image": photo}, None: {}}
    return Request(mode=mode, seed=5, steps=3, **given[MODES[mode].needs], **settings)  # type: ignore[arg-type]


@pytest.fixture
def own(sockets: Path) -> Iterator[Running]:
    """A helper that loads a model of its own."""
    found = Running(sockets / "own.sock")
    yield found
    found.stop()


def test_every_mode_has_the_same_bits(own: Running, tiny: UniDiffuser, photo: str) -> None:
    model = kept(own)
    assert model.made_with == tiny.made_with
    assert model.config == tiny.config
    for mode in MODES:
        requests = [request_of(mode, photo, count=2 if mode == "joint" else 1)]
        here, there = list(tiny.stream(requests)), list(model.stream(requests))
        for one, other in zip(here, there, strict=True):
            same(one, other)
            assert one.error is None
    assert model.strange_words("a fox") == tiny.strange_words("a fox")
    assert model.unread("fox " * 100) == tiny.unread("fox " * 100) != ""
    model.close()


@pytest.mark.parametrize(
    "settings",
    [
        {"prompt": "a hat", "strength": 0.7},
        {"prompt": "a hat", "mask": True, "feather": 4, "harmonise": 1},
        {"mask": True},
        {"extend": (16, 0, 16, 0)},
        {"also": (("snow", 0.5),), "negative": "rain", "prompt": "a hat", "text_level": 0.1},
        {"prompt": "a hat", "best_of": 2},
    ],
    ids=str,
)
def test_edits_have_the_same_bits(
    running: Running, tiny: UniDiffuser, photo: str, settings: dict[str, Any]
) -> None:
    if settings.get("mask"):
        mask = Image.linear_gradient("L").resize((50, 40))
        settings = {**settings, "mask": mask.point(lambda level: 255 * (level > 100))}
    request = request_of("edit", photo, **settings)
    model = kept(running)
    (one,), (other,) = list(tiny.stream([request])), list(model.stream([request]))
    same(one, other)
    assert one.error is None
    model.close()


def test_scores_are_the_same(running: Running, tiny: UniDiffuser, photo: str) -> None:
    model, texts = kept(running), [f"{n} foxes" for n in range(12)]
    pictures = [open_picture(photo), Image.new("RGB", (64, 64), "red")]
    for picture in pictures:  # the second is told by what is known of the texts
        assert model.fits(texts, 3, picture, 2, 2) == tiny.fits(texts, 3, picture, 2, 2)
    assert model.fits(texts, 4, pictures[0], 1, 1) != model.fits(texts, 3, pictures[0], 1, 1)
    model.close()


@pytest.mark.parametrize("start", ["prompt", "picture"])
def test_walks_have_the_same_bits(own: Running, tiny: UniDiffuser, photo: str, start: str) -> None:
    mode = "t2i" if start == "prompt" else "i2t"
    one = request_of(mode, photo)
    for walk in (Chain(one, 2), Interpolation(one, one, 3, 4)):
        model = kept(own)
        here, there = list(tiny.walk(walk)), list(model.walk(walk))
        assert [pixels(stage) for stage in here] == [pixels(stage) for stage in there]
        assert len(there) == walk.stages
        model.close()


def pixels(stage: Stage) -> Stage:
    picture: Any = stage.image and stage.image.tobytes()
    return replace(stage, image=picture)


def test_progress_and_sketches_are_the_same(running: Running, tiny: UniDiffuser) -> None:
    from unidiff_cli.engine.preview import with_preview

    request = request_of("t2i", "")
    here, there = Listener(), Listener()
    shown: list[list[tuple[bytes, int]]] = [[], []]
    listening = replace(tiny, progress=here, parts=replace(tiny.parts, progress=here))
    list(with_preview(listening, lambda p, f: shown[0].append((p.tobytes(), f))).stream([request]))
    model = kept(running, there, sketch=lambda p, f: shown[1].append((p.tobytes(), f)))
    list(model.stream([request]))
    assert there.heard == here.heard
    assert shown[0] == shown[1]
    assert len(shown[0]) == 2
    model.close()


def test_a_number_of_threads_is_for_one_request(running: Running) -> None:
    import torch

    usual = torch.get_num_threads()
    model = kept(running)
    model.use_threads(usual + 1)
    assert model.made_with["threads"] == str(usual + 1)
    model.close()
    other = kept(running)
    assert other.made_with["threads"] == str(usual)
    other.close()


def test_pictures_are_read_by_the_one_that_asks(running: Running, photo: str) -> None:
    model = kept(running)
    requests = [replace(request_of("i2t", photo), image=name) for name in (photo, "no.png", photo)]
    results = list(model.stream(requests))
    assert [type(result.error) for result in results] == [type(None), InputError, type(None)]
    assert results[0].request.image == photo
    assert "no.png" in str(results[1].error)
    model.close()


def test_an_error_of_the_model_is_the_same(running: Running, tiny: UniDiffuser) -> None:
    walk = Interpolation(request_of("t2i", ""), request_of("joint", ""), 3, 4)
    said = []
    asking = kept(running)
    for model in (tiny, asking):
        with pytest.raises(UsageError) as error:
            list(model.walk(walk))
        said.append(str(error.value))
    asking.close()
    assert said[0] == said[1]


def test_hanging_up_stops_the_sample_within_an_evaluation(
    running: Running, tiny: UniDiffuser, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[bool] = []
    plain = Teller.evaluated

    def evaluated(teller: Teller, samples: int) -> None:
        counted.append(teller.guest.gone)
        plain(teller, samples)

    monkeypatch.setattr(Teller, "evaluated", evaluated)

    class Interrupt(Silence):
        def evaluated(self, samples: int) -> None:
            raise KeyboardInterrupt

    model = kept(running, Interrupt())
    with pytest.raises(KeyboardInterrupt):
        list(model.stream([replace(request_of("t2i", ""), steps=LONG)]))
    other = kept(running)
    (result,) = other.stream([request_of("t2i", "")])  # it is whole, and free at once
    same(result, next(iter(tiny.stream([request_of("t2i", "")]))))
    assert counted.count(True) == 1
    assert len(counted) < LONG
    other.close()


def test_one_after_the_other_and_each_knows_its_place(running: Running) -> None:
    order: list[int] = []
    places: list[list[int]] = [[], [], []]
    first = kept(running)
    others = [kept(running, waiting=places[k].append) for k in range(3)]

    def ask(k: int) -> None:
        assert others[k].usual_batch(request_of("t2i", "")) == 1
        order.append(k)
        others[k].close()

    threads = []
    for k in range(3):
        threads.append(threading.Thread(target=ask, args=(k,)))
        threads[-1].start()
        time.sleep(0.05)
    assert order == []  # the first still has its turn, though it asks nothing just now
    first.close()
    for thread in threads:
        thread.join(10)
    assert order == [0, 1, 2]
    assert places[0] == [1]
    assert [max(places[1]), max(places[2])] == [2, 3]


def test_who_keeps_silent_holds_nobody_up(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guests, "GRACE", 0.1)
    silent = kept(running)
    walking = silent.walk(Chain(request_of("t2i", ""), 1))
    next(walking)
    other = kept(running)
    assert len(list(other.stream([request_of("t2i", "")]))) == 1
    other.close()
    assert len(list(walking)) == 2  # and it goes on where it was
    silent.close()


def test_turns_go_by_arrival() -> None:
    early, late = (Guest(None, None, {}, heard=h) for h in (0.0, 1.0))  # type: ignore[arg-type]
    turns = Turns([early, late])
    late.asked = Frame("call")
    assert turns.next(0.5) is None
    assert turns.next(guests.GRACE) is late
    early.asked = Frame("call")
    assert turns.next(0.5) is early


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\nHost: here\r\n\r\n",
        HEAD.pack(MAGIC, 2, 0) + b"{}",
        HEAD.pack(MAGIC, 0xFFFFFFFF, 0),
        Frame("begins").pack(),
        Frame("begin", {"keep": None, "preview": False}).pack() + b"\0" * 99,
        Frame("begin", {"keep": None, "preview": False}).pack() + Frame("call").pack() * 2,
    ],
    ids=["http", "json", "long", "word", "later", "twice"],
)
def test_a_stranger_gets_a_closed_connection(running: Running, said: bytes) -> None:
    stranger = socket.socket(socket.AF_UNIX)
    stranger.settimeout(10)
    stranger.connect(str(running.path))
    stranger.sendall(said)
    while stranger.recv(1 << 16):
        pass
    stranger.close()
    model = kept(running)  # and everybody else is served as ever
    assert model.usual_batch(request_of("t2i", "")) == 1
    model.close()


def test_a_stranger_that_says_nothing_is_left_soon(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "PROMPTNESS", 0.05)
    stranger = socket.socket(socket.AF_UNIX)
    stranger.settimeout(10)
    stranger.connect(str(running.path))
    assert stranger.recv(1) == b""
    stranger.close()


def test_another_user_is_not_heard(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    user = os.geteuid()
    monkeypatch.setattr("unidiff_cli.keep.peers.user_of", lambda connection: user + 1)
    with pytest.raises(Lost, match="another user"):
        running.begin()
    monkeypatch.undo()
    monkeypatch.setattr(server, "peers", SimpleNamespace(is_ours=lambda connection: False))
    with pytest.raises(Absent):
        begin(running.path)


def test_out_of_memory_the_work_is_done_here(
    running: Running, tiny: UniDiffuser, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    model = kept(running, said=notes, load=lambda: tiny)
    monkeypatch.setattr(
        UniDiffuser,
        "answers",
        lambda self, batch: [(OutOfMemory("memory.full", "Full."), "fp32")] * len(batch),
    )
    monkeypatch.setattr("unidiff_cli.keep.overview.is_there", lambda process: False)
    stream = model.stream([request_of("t2i", "", count=2)])
    with monkeypatch.context() as inside:
        inside.setattr(Kept, "here", tiny)
        (first, second) = stream
    assert [type(each.error) for each in (first, second)] == [OutOfMemory, OutOfMemory]
    assert notes == ["the helper cannot be used (it has no room left): working without it"]
    running.thread.join(10)
    assert not running.thread.is_alive()  # it has made room
    assert not running.path.exists()


def test_trouble_inside_is_told_and_the_work_done_here(
    running: Running, tiny: UniDiffuser, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    model = kept(running, said=notes, load=lambda: tiny)

    def broken(self: UniDiffuser, request: Request) -> int:
        if threading.current_thread() is threading.main_thread():
            return 1
        raise RuntimeError("a wire came loose")

    monkeypatch.setattr(UniDiffuser, "usual_batch", broken)
    assert len(list(model.stream([request_of("t2i", "")]))) == 1
    (note,) = notes
    assert "RuntimeError: a wire came loose" in note


def test_it_says_how_it_is_while_it_works(running: Running) -> None:
    (status,) = helpers()
    assert (status.model, status.dtype, status.device) == ("tiny", "fp32", "cpu")
    assert (status.process, status.requests, status.leaving) == (os.getpid(), 0, False)
    assert 0 < status.left <= 60
    assert status.memory > 1 << 20
    model = kept(running)
    session = model.session
    assert session is not None

    def ask() -> None:
        with pytest.raises(Lost):
            session.call("answers", None, [long_request()])

    worker = threading.Thread(target=ask)
    worker.start()
    wait_until(lambda: look(running.path).requests == 1)
    session.connection.socket.shutdown(socket.SHUT_RDWR)
    worker.join(10)
    model.close()
    wait_until(lambda: look(running.path).requests == 0)


def long_request() -> Request:
    return replace(request_of("t2i", ""), steps=LONG, size=(32, 32), solver="ddim", times="uniform")


def test_a_hundred_requests_take_no_more_memory(running: Running) -> None:
    """Nor do threads, files or guests stay behind."""
    me = psutil.Process()

    def some(count: int) -> None:
        for _ in range(count):
            model = kept(running)
            list(model.stream([Request(mode="i", seed=1, steps=1)]))
            model.close()

    def counted() -> tuple[int, int]:
        gc.collect()
        wait_until(lambda: not running.helper.turns.guests)  # type: ignore[union-attr]
        return me.num_threads(), me.num_fds()

    some(10)
    before, held = counted(), len(gc.get_objects())
    some(100)
    assert counted() == before
    assert len(gc.get_objects()) - held < 500


def test_it_holds_what_was_asked_for() -> None:
    digest = Holding.of(TINY).digest()
    assert digest == Holding.of(replace(TINY, threads=3)).digest()
    others = [
        replace(TINY, dtype="bf16"),
        replace(TINY, memory="low"),
        replace(TINY, model="starter"),
        replace(TINY, device="auto"),
    ]
    assert len({digest, *(Holding.of(other).digest() for other in others)}) == 5
