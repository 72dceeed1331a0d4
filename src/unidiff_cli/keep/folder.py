"""The folder of the sockets: where it is, whose it is, and one at a time.

As watchman does: it is made for its owner alone, and refused where others could write into it.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unidiff_cli.errors import UnidiffError

SUFFIX = ".sock"
LONGEST = 100
"""Bytes of a socket's path: the least that a system allows is 104."""
PATIENCE = 10.0
"""Seconds that the folder's lock is waited for; it is held while a helper starts or goes."""


class Unsafe(UnidiffError):
    """The folder of the sockets is not ours alone, or cannot be used."""


def place() -> Path:
    """$XDG_RUNTIME_DIR/unidiff, which the system clears at logout; else below the cache folder."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.path.isabs(runtime):
        return Path(runtime) / "unidiff"
    cache = os.environ.get("XDG_CACHE_HOME")
    base = Path(cache) if cache and os.path.isabs(cache) else Path.home() / ".cache"
    return base / "unidiff" / "keep"


def is_used() -> bool:
    """Whether there is a socket in it, so that it is worth a closer look."""
    try:
        return any(name.endswith(SUFFIX) for name in os.listdir(place()))
    except OSError:
        return False


def checked(make: bool = False) -> Path | None:
    """The folder, or None where there is none and none is to be made; Unsafe if others may write.

    A link is refused too: whoever may change it could lead elsewhere.
    """
    folder = place()
    try:
        if make:
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
        found = os.lstat(folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unsafe(
            "internal.helper-folder", f"{folder} cannot be used: {error.strerror}.", HINT
        ) from None
    if not stat.S_ISDIR(found.st_mode):
        raise Unsafe("internal.helper-folder", f"{folder} is no folder.", HINT)
    if found.st_uid != os.geteuid():
        raise Unsafe("internal.helper-folder", f"{folder} belongs to another user.", HINT)
    if found.st_mode & 0o022:
        raise Unsafe(
            "internal.helper-folder", f"Others may write into {folder}.", f"chmod 700 {folder}"
        )
    return folder


HINT = "Set XDG_RUNTIME_DIR to a folder of your own."


def socket_path(folder: Path, digest: str) -> Path:
    """Where the helper of that digest listens; Unsafe where the name is too long for a socket."""
    path = folder / f"{digest}{SUFFIX}"
    if len(os.fsencode(path)) > LONGEST:
        raise Unsafe(
            "internal.helper-folder", f"The name of {folder} is too long for a socket.", HINT
        )
    return path


@contextmanager
def locked(folder: Path, patience: float = PATIENCE) -> Iterator[bool]:
    """The folder's lock, while a socket is made or removed; False where somebody keeps it.

    It is the folder itself that is locked, so there is no file to leave behind.
    """
    import fcntl

    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        until = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    yield False
                    return
                time.sleep(0.01)
            else:
                yield True
                return
    finally:
        os.close(handle)
