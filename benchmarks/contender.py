"""One contender of benchmarks/speed.py, in a process of its own.

    python benchmarks/contender.py '{"by": "ours", "work": "evaluation", "dtype": "bf16"}'

says when it is ready, then does its work once for each line that it reads and prints its seconds.
So nothing that one program sets, such as how its memory is handed back, reaches the other.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

KEPT = "diffusers, kept memory"
"""diffusers with what `process.keep_pages` sets, which is otherwise ours alone."""
PROGRAMS = ("ours", "diffusers", KEPT)


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """The same work, telling the seconds that it took."""
    import torch

    def run() -> float:
        start = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return time.perf_counter() - start

    return run


class Contender:
    """A process that works when it is called, and tells the seconds that it took."""

    def __init__(self, **about: Any) -> None:
        command = [sys.executable, __file__, json.dumps(about)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._read()

    def __call__(self) -> float:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> float:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("A contender ended: its own words are above.")
        return float(line)

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


@contextmanager
def contenders(dtypes: Mapping[str, str], **about: Any) -> Iterator[dict[str, Contender]]:
    """The programs, each with the number format that it computes in, before the same work."""
    with ExitStack() as stack:
        started = {}
        for by, dtype in dtypes.items():
            started[by] = Contender(by=by, dtype=dtype, **about)
            stack.callback(started[by].close)
        yield started


def main() -> None:
    """Prepare, then work and answer, a line each."""
    about: Mapping[str, Any] = json.loads(sys.argv[1])
    sys.path.insert(0, str(Path(__file__).parent))
    if about["by"] != "diffusers":
        from unidiff_cli.process import keep_pages

        keep_pages()
    from speed_networks import prepare

    work = timed(prepare(**about))
    print(0.0, flush=True)
    for _ in sys.stdin:
        print(work(), flush=True)


if __name__ == "__main__":
    main()
