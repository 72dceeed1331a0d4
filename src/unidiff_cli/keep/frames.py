"""What goes over a socket: frames of JSON with a length, and bytes beside them.

    4 bytes   MAGIC: the protocol and its version
    4 bytes   length of the JSON, network order
    8 bytes   length of the bytes beside it: all blobs, one after the other
    JSON      {"is": ..., "blobs": [length, ...], ...}

Whatever begins otherwise, or is longer than the bounds, is a Stranger: the connection is closed.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MAGIC = b"udk2"
HEAD = struct.Struct("!4sIQ")
MAX_JSON = 32 << 20
MAX_BLOBS = 2 << 30
"""Bytes: some photographs of the largest size that Pillow opens."""


class Stranger(Exception):
    """The other end does not speak this protocol, or more of it than is bearable."""


@dataclass(frozen=True)
class Frame:
    """One message."""

    kind: str
    values: Mapping[str, Any] = field(default_factory=dict)
    blobs: Sequence[bytes] = ()

    def pack(self) -> bytes:
        """Head and JSON; the blobs follow."""
        lengths = [len(blob) for blob in self.blobs]
        text = json.dumps({**self.values, "is": self.kind, "blobs": lengths}).encode()
        if len(text) > MAX_JSON or sum(lengths) > MAX_BLOBS:
            raise Stranger("a message is too long")
        return HEAD.pack(MAGIC, len(text), sum(lengths)) + text


def lengths_of(head: bytes) -> tuple[int, int]:
    """(of the JSON, of all blobs) as a head says."""
    magic, text, blobs = HEAD.unpack(head)
    if magic != MAGIC or text > MAX_JSON or blobs > MAX_BLOBS:
        raise Stranger("a head that is none of this protocol")
    return text, blobs


def unpack(text: bytes, beside: bytes) -> Frame:
    """The message."""
    try:
        values = json.loads(text)
        kind, lengths = values.pop("is"), values.pop("blobs")
        if type(kind) is not str or any(type(n) is not int or n < 0 for n in lengths):
            raise ValueError
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError):
        raise Stranger("a message that is none of this protocol") from None
    if sum(lengths) != len(beside):
        raise Stranger("lengths that do not fit")
    blobs, start = [], 0
    for length in lengths:
        blobs.append(beside[start : start + length])
        start += length
    return Frame(kind, values, blobs)
