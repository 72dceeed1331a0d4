"""Byte order marks, and what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from unidiff_cli.files.text import as_utf8, decode, read_text

WORDS = "a café\u2028fox\r\nan owl\r\n"
MARKED = ["utf-8", "utf-8-sig", "utf-16", "utf-32"]


@pytest.mark.parametrize("encoding", [*MARKED, "big"])
def test_a_mark_says_how_to_read(encoding: str, tmp_path: Path) -> None:
    data = WORDS.encode("utf-16-be") if encoding == "big" else WORDS.encode(encoding)
    data = b"\xfe\xff" + data if encoding == "big" else data
    assert decode(data) == WORDS
    (tmp_path / "a.txt").write_bytes(data)
    assert read_text(tmp_path / "a.txt") == WORDS.replace("\r\n", "\n")
    for size in (1, 3, 7, 1000):  # a block may end within a character or a mark
        blocks = (data[at : at + size] for at in range(0, len(data), size))
        assert b"".join(as_utf8(blocks)) == WORDS.encode()


def test_what_is_no_text_stays_an_error() -> None:
    with pytest.raises(UnicodeDecodeError):
        decode(b"caf\xe9")
    assert b"".join(as_utf8(iter([b"caf\xe9"]))) == b"caf\xe9"


def test_a_live_source_is_not_waited_for() -> None:
    blocks = iter([b"{}\n", b"", b"never asked for"])
    assert next(as_utf8(blocks)) == b"{}\n"
    assert list(blocks) == [b"", b"never asked for"]
