"""Who is at the other end of a socket."""

from __future__ import annotations

import ctypes
import os
import socket
import struct

CREDENTIALS = struct.Struct("3i")
"""Process, user and group: Linux's `ucred`."""


def is_ours(connection: socket.socket) -> bool:
    """Whether the other end is a process of our own user."""
    return user_of(connection) == os.geteuid()


def user_of(connection: socket.socket) -> int:
    """The other end's user, as the kernel knows it."""
    if hasattr(socket, "SO_PEERCRED"):
        return _credentials(connection)[1]
    user, group = ctypes.c_uint32(), ctypes.c_uint32()
    failed = ctypes.CDLL(None).getpeereid(
        connection.fileno(), ctypes.byref(user), ctypes.byref(group)
    )
    return -1 if failed else user.value


def process_of(connection: socket.socket) -> int | None:
    """The process that listens, or None where the system does not tell."""
    return _credentials(connection)[0] if hasattr(socket, "SO_PEERCRED") else None


def _credentials(connection: socket.socket) -> tuple[int, int, int]:
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    process, user, group = CREDENTIALS.unpack(found)
    return process, user, group
