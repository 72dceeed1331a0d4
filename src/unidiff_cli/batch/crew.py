"""Who does the work: this process, or several that were started for it."""

from __future__ import annotations

import multiprocessing
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Protocol, cast

from unidiff_cli.batch.jobs import Job
from unidiff_cli.batch.worker import Answer, Spec, Worker, failed
from unidiff_cli.errors import UnidiffError
from unidiff_cli.process import begin

MAX_DEATHS = 2
"""A job fails once this many processes have died with it: the second time it was alone."""
MAX_FAILED_STARTS = 3


class WorkerDied(UnidiffError):
    """A process ended while it worked: killed, out of memory, or by a fault in a library."""


class Crew(Protocol):
    """Takes batches, gives back answers."""

    @property
    def idle(self) -> bool:
        """Whether it takes a batch now."""

    @property
    def busy(self) -> bool:
        """Whether answers are to come."""

    def start(self, batch: Sequence[Job]) -> None:
        """Begin with a batch; only when idle."""

    def collect(self, patience: float | None) -> list[Answer]:
        """The answers that arrive within `patience` seconds, perhaps none; None sets no limit."""

    def close(self) -> None:
        """Stop all work."""


@dataclass
class Alone:
    """A crew of this process: it works while answers are collected."""

    worker: Worker
    working: Iterator[Answer] | None = None

    @property
    def idle(self) -> bool:
        """Whether the last batch is done."""
        return self.working is None

    @property
    def busy(self) -> bool:
        """Whether it is not."""
        return self.working is not None

    def start(self, batch: Sequence[Job]) -> None:
        """The batch is next."""
        self.working = self.worker(batch)

    def collect(self, patience: float | None) -> list[Answer]:
        """The next answer, however long it takes."""
        assert self.working is not None
        answer = next(self.working, None)
        if answer is None:
            self.working = None
        return [answer] if answer else []

    def close(self) -> None:
        """Nothing goes on."""
        self.working = None


@dataclass
class Member:
    """A process of a crew, and the jobs that it has not answered yet."""

    process: BaseProcess
    pipe: Connection
    jobs: list[Job] = field(default_factory=list)
    ready: bool = False


@dataclass
class Processes:
    """A crew of processes. What one leaves behind when it dies, another takes over."""

    specs: Sequence[Spec]
    """One for each process."""
    members: dict[int, Member] = field(default_factory=dict)
    left: list[Job] = field(default_factory=list)
    """Jobs of processes that died: they are tried again one by one."""
    deaths: Counter[str] = field(default_factory=Counter)
    failed_starts: int = 0

    @property
    def idle(self) -> bool:
        """Whether a process has nothing to do, and nothing was left behind."""
        return not self.left and self._free() is not None

    @property
    def busy(self) -> bool:
        """Whether a process works, or jobs were left behind."""
        return bool(self.left) or any(member.jobs for member in self.members.values())

    def start(self, batch: Sequence[Job]) -> None:
        """Hand the batch to a process that is free; it is started if it was not yet."""
        seat = self._free()
        assert seat is not None
        if seat not in self.members:
            self.members[seat] = _hire(self.specs[seat])
        member = self.members[seat]
        member.jobs = list(batch)
        try:
            member.pipe.send(member.jobs)
        except OSError:
            # It was dead already: the jobs are not to blame.
            self._dismiss(seat)
            self.left += batch

    def collect(self, patience: float | None) -> list[Answer]:
        """The answers of all processes that sent some."""
        while self.left and self._free() is not None:
            self.start([self.left.pop(0)])
        working = {member.pipe: seat for seat, member in self.members.items() if member.jobs}
        found: list[Answer] = []
        for pipe in wait(list(working), patience):
            found += self._hear(working[cast(Connection, pipe)])  # another class on Windows
        return found

    def close(self) -> None:
        """End all processes, whatever they do."""
        for member in self.members.values():
            member.process.terminate()
        for member in self.members.values():
            member.process.join()
            member.pipe.close()
        self.members.clear()

    def _free(self) -> int | None:
        seats = range(len(self.specs))
        free = (seat for seat in seats if seat in self.members and not self.members[seat].jobs)
        new = (seat for seat in seats if seat not in self.members)
        return next(free, next(new, None))

    def _hear(self, seat: int) -> list[Answer]:
        """What a process says: it is ready, an answer, or why nobody can go on."""
        member = self.members[seat]
        try:
            said = member.pipe.recv()
        except (EOFError, OSError):
            return self._bury(seat)
        if isinstance(said, UnidiffError):
            raise said
        if isinstance(said, Answer):
            member.jobs = [job for job in member.jobs if job.line != said.line]
            return [said]
        member.ready, self.failed_starts = True, 0
        return []

    def _bury(self, seat: int) -> list[Answer]:
        """A process is gone: its jobs are left for others, or failed if that happened before."""
        member = self._dismiss(seat)
        if not member.ready:
            self.failed_starts += 1
            if self.failed_starts >= MAX_FAILED_STARTS:
                raise died(member.process)
            self.left += member.jobs
            return []
        self.deaths.update(job.custom_id for job in member.jobs)
        lost = [job for job in member.jobs if self.deaths[job.custom_id] >= MAX_DEATHS]
        self.left += [job for job in member.jobs if job not in lost]
        return [failed(job, died(member.process)) for job in lost]

    def _dismiss(self, seat: int) -> Member:
        """The member, whose process is gone, and whose seat is free again."""
        member = self.members.pop(seat)
        member.process.join()
        member.pipe.close()
        return member


def died(process: BaseProcess) -> WorkerDied:
    """How a process ended, in words."""
    code = process.exitcode or 0
    how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    return WorkerDied(
        "internal.worker-died",
        f"A worker process ended {how}.",
        "Try fewer --workers: the memory may have been full.",
    )


def specs_for(spec: Spec, workers: int, kind: str) -> list[Spec]:
    """A spec for each process; they share the accelerators of this kind evenly."""
    if kind != "cuda":
        return [spec] * workers
    import torch

    devices = torch.cuda.device_count()
    return [replace(spec, device=f"cuda:{number % devices}") for number in range(workers)]


def _hire(spec: Spec) -> Member:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(spec, there), daemon=True)
    process.start()
    there.close()
    return Member(process, here)


def serve(spec: Spec, pipe: Connection) -> None:
    """The life of a process: batches in, answers out, until nobody is there any more."""
    # Ctrl-C reaches the whole group; whoever started this process ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    begin()
    try:
        worker = Worker(spec.load(), spec)
        pipe.send("ready")
        while True:
            for answer in worker(pipe.recv()):
                pipe.send(answer)
    except UnidiffError as error:
        pipe.send(error)
    except (EOFError, ConnectionError):
        return
