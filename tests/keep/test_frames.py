"""Messages: what goes in comes out, and nothing else is taken for one."""

from __future__ import annotations

import json
import math

import pytest
from PIL import Image

from unidiff_cli.core.tuned import Steps, Tuned
from unidiff_cli.errors import DegenerateResult
from unidiff_cli.keep import frames
from unidiff_cli.keep.frames import HEAD, MAGIC, Frame, Stranger
from unidiff_cli.keep.travel import from_json, to_json
from unidiff_cli.registry import tiny_config
from unidiff_cli.request import Output, Request
from unidiff_cli.walks.asked import Chain, Interpolation, Stage


def there_and_back(frame: Frame) -> Frame:
    data = frame.pack()
    text, blobs = frames.lengths_of(data[: HEAD.size])
    assert len(data) == HEAD.size + text
    beside = b"".join(frame.blobs)
    assert blobs == len(beside)
    return frames.unpack(data[HEAD.size :], beside)


def test_a_message_goes_there_and_back() -> None:
    frame = Frame("call", {"name": "x", "n": [1, 2.5, None, "\udce4"]}, [b"", b"ab", b"c"])
    assert there_and_back(frame) == frame


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n",
        HEAD.pack(b"udk9", 2, 0),
        HEAD.pack(MAGIC, frames.MAX_JSON + 1, 0),
        HEAD.pack(MAGIC, 2, frames.MAX_BLOBS + 1),
    ],
)
def test_a_head_of_something_else_is_a_stranger(head: bytes) -> None:
    with pytest.raises(Stranger):
        frames.lengths_of(head)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"is": 1, "blobs": []}',
        b'{"is": "x", "blobs": 3}',
        b'{"is": "x", "blobs": [-1, 3]}',
        b'{"is": "x", "blobs": [true]}',
        b'{"is": "x", "blobs": [9]}',
        b"[" * 100_000,
    ],
)
def test_other_json_is_a_stranger(text: bytes) -> None:
    with pytest.raises(Stranger):
        frames.unpack(text, b"ab")


def test_what_is_too_long_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MAX_JSON", 100)
    with pytest.raises(Stranger):
        Frame("call", {"text": "x" * 100}).pack()


PICTURE = Image.radial_gradient("L").convert("RGB").resize((8, 4))


@pytest.mark.parametrize(
    "value",
    [
        None,
        [1, 2.5, True, "a\nb", ("c", [1e-300])],
        {"a": {"@": "Request"}, "@": 1},
        math.inf,
        Request(mode="t2i", prompt="\u2028 ü", size=(32, 64), guidance_interval=(0.1, 0.9)),
        Output(seed=3, text="words"),
        Stage(text="words", given=True, fidelity=math.inf),
        Chain(Request(mode="t2i", prompt="a"), 2, "words"),
        Interpolation(Request(mode="t2i", prompt="a"), Request(mode="t2i", prompt="b"), 3, 5),
        tiny_config(),
        Tuned({"t2i": {2: Steps((0.9, 0.5, 0.1), ((1.0, 2.0), (0.1, 0.2, 0.3)))}}, {"n": 3}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_go_there_and_back(value: object) -> None:
    blobs: list[bytes] = []
    sent = json.loads(json.dumps(to_json(value, blobs)))
    back = from_json(sent, blobs)
    assert back == value
    assert type(back) is type(value)


def test_pictures_keep_every_pixel() -> None:
    blobs: list[bytes] = []
    request = Request(mode="i2t", image=PICTURE)
    sent = json.loads(json.dumps(to_json([request, PICTURE.convert("L")], blobs)))
    first, second = from_json(sent, blobs)
    assert first.image.tobytes() == PICTURE.tobytes()
    assert (second.mode, second.size, second.tobytes()) == ("L", (8, 4), blobs[1])


def test_an_error_is_the_same_error() -> None:
    sent = to_json(DegenerateResult("result.degenerate", "It is grey.", "Try again."), [])
    back = from_json(sent, [])
    assert type(back) is DegenerateResult
    assert (back.code, back.message) == ("result.degenerate", "It is grey.")
    assert back.hint == "Try again."


def test_no_other_class_travels() -> None:
    with pytest.raises((AssertionError, KeyError, TypeError)):
        to_json(object(), [])
    for name in ("Path", "SOME_FAILED", "__name__"):
        with pytest.raises((KeyError, TypeError)):
            from_json({"@": name, "message": "a", "hint": ""}, [])
