"""What a helper looks at while it idles: memory that is short, its socket, its own size."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

LEAST = 0.1
"""Of the memory: with less left, a helper that idles ends."""
MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")
OOM = Path("/proc/self/oom_score_adj")
FIRST = "500"
"""Of 1000: where the system has to end somebody, it takes one that can be done without."""


def memory_is_short() -> bool:
    """Whether less than a tenth is left of the machine's memory, or of the container's.

    Linux only; elsewhere nothing is known, and False.
    """
    shares = []
    with suppress(OSError):
        found = dict(re.findall(r"(\w+):\s+(\d+) kB", MEMINFO.read_text()))
        shares.append(int(found["MemAvailable"]) / int(found["MemTotal"]))
    with suppress(OSError, ValueError):  # "max" where there is no limit
        limit = int((CGROUP / "memory.max").read_text())
        used = int((CGROUP / "memory.current").read_text())
        cached = re.search(r"^inactive_file (\d+)", (CGROUP / "memory.stat").read_text(), re.M)
        shares.append(1 - (used - int(cached[1] if cached else 0)) / limit)
    return any(share < LEAST for share in shares)


def go_first() -> None:
    """Be the first that the kernel ends when there is no memory left; Linux only."""
    with suppress(OSError):
        OOM.write_text(FIRST)


def resident() -> int:
    """Bytes that this process holds, mapped files included."""
    with suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    import resource  # the most that it held, on a system that does not tell more

    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def identity(path: Path) -> tuple[int, int] | None:
    """Which file has that name now; None if none has."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
