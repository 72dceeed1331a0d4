"""The run: lines in, answers out, each job done once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unidiff_cli.batch.crew import Crew
from unidiff_cli.batch.jobs import ID, BadJob, Job, parse, parse_all
from unidiff_cli.batch.shard import Shard
from unidiff_cli.batch.source import Source, lines
from unidiff_cli.batch.store import Store
from unidiff_cli.batch.worker import Answer, failed
from unidiff_cli.engine.samples import shape
from unidiff_cli.errors import UnidiffError, UsageError

if TYPE_CHECKING:
    from unidiff_cli.engine.pipeline import UniDiffuser

PAUSE = 0.05
"""Seconds without a line after which a batch that is not full begins."""
WINDOW = 8
"""Full batches among which jobs of one shape are looked for."""


@dataclass(frozen=True)
class Reply:
    """An answer, and whether it was made by an earlier run."""

    answer: Answer
    stored: bool = False
    kept: bool = True
    """Whether it is in the store; a job with another's custom_id has no place there."""


@dataclass
class Run:
    """A model's settings, jobs that come, a crew that works, a store that keeps."""

    model: UniDiffuser
    """Only asked for its defaults; the crew has its own."""
    source: Source
    crew: Crew
    store: Store
    seed: int = 0
    shard: Shard | None = None
    batch_size: int | None = None
    recall: bool = False
    """Whether stored answers are wanted with all they say."""
    accepted: deque[int] = field(default_factory=deque)
    """With `recall`, the lines of jobs that get a reply, in order; `in_order` takes them off."""
    number: int = 0
    """Of the last line."""
    seen: set[str] = field(default_factory=set)
    waiting: deque[tuple[Any, Job]] = field(default_factory=deque)
    """Jobs that nobody has begun with, and what they must share to be one batch."""

    def replies(self) -> Iterator[Reply]:
        """A reply to each job, as soon as it is there; new answers are stored first.

        Not stored are replies to jobs that have another's custom_id: that one's answer stays.
        """
        try:
            while self.waiting or self.crew.busy or not self.source.ended:
                yield from self._fill()
                while self.waiting and self.crew.idle:
                    self.crew.start(self._next_batch())
                hungry = self.crew.idle and not self.source.ended
                if self.crew.busy and (self.source.live or not hungry):
                    for answer in self.crew.collect(PAUSE if hungry else None):
                        self.store.put(answer.values, answer.pictures)
                        yield Reply(answer)
        finally:
            self.crew.close()

    def _fill(self) -> Iterator[Reply]:
        """Take in lines: to the window's end, to the input's, or until it pauses."""
        window = WINDOW * (self.batch_size or 8)
        while len(self.waiting) < window and not self.source.ended:
            patience: float | None = 0
            if not self.crew.busy:
                patience = PAUSE if self.waiting else None
            line = self.source.take(patience)
            if line is None:
                return
            self.number += 1
            if line.strip() and (reply := self._sort(parse(line, self.number))):
                yield reply

    def _sort(self, job: Job | BadJob) -> Reply | None:
        """The reply to a job that needs no work; others wait, or belong to another shard."""
        if self.shard and job.custom_id not in self.shard:
            return None
        if self.recall:
            self.accepted.append(job.line)
        if job.custom_id in self.seen:
            twice = UsageError(
                "usage.custom-id-taken",
                f"Line {job.line}: the custom_id {job.custom_id!r} was there before.",
            )
            return Reply(failed(job, twice), kept=False)
        self.seen.add(job.custom_id)
        if isinstance(job, BadJob):
            return self._refuse(job, job.error)
        try:
            request = self.model.resolve(job.seeded(self.seed).request)
        except UnidiffError as error:
            return self._refuse(job, error.told(f"Line {job.line}: {error.message}"))
        job = replace(job, request=request)
        answered = self.store.is_answer(job.custom_id, request.to_json())
        if answered is None:
            self.waiting.append((_shape(job), job))
            return None
        if answered:
            stored = self.store.answer(job.custom_id) if self.recall else None
            values = stored or {ID: job.custom_id, "status": "ok"}
            answer = Answer(custom_id=job.custom_id, line=job.line, values=values)
            return Reply(answer, stored=True)
        clash = UsageError(
            "usage.custom-id-taken",
            f"Line {job.line}: in this folder {job.custom_id!r} is the answer to another request.",
            "Give the job another custom_id, or choose another folder with -o.",
        )
        return Reply(failed(job, clash), kept=False)

    def _refuse(self, job: Job | BadJob, error: UnidiffError) -> Reply:
        """An error for a job that cannot be begun with; a stored success stays what it is."""
        answer = failed(job, error)
        self.store.put(answer.values)
        return Reply(answer)

    def _next_batch(self) -> list[Job]:
        """The job that waits longest, and those of its shape behind it, a batch in all."""
        shape, first = self.waiting[0]
        size = self.batch_size or self.model.usual_batch(first.request)
        batch: list[Job] = []
        others: deque[tuple[Any, Job]] = deque()
        samples = 0
        for key, job in self.waiting:
            if key == shape and samples < size:
                batch.append(job)
                samples += job.request.count
            else:
                others.append((key, job))
        self.waiting = others
        return batch


@dataclass(frozen=True)
class Survey:
    """What a file of jobs holds, of one shard."""

    custom_ids: list[str]
    """In their order, those of bad jobs included."""
    bad: int
    """Lines that are no jobs."""
    first_bad: BadJob | None


def survey(path: Path, shard: Shard | None = None) -> Survey:
    """Look through a file of jobs. A UsageError when two of them have the same custom_id."""
    first: dict[str, Job | BadJob] = {}
    for job in parse_all(lines(path)):
        if job.custom_id in first:
            raise UsageError(
                "usage.custom-id-taken",
                f"Lines {first[job.custom_id].line} and {job.line} of {path} have the same {ID}, "
                f"{job.custom_id!r}.",
                "Give each job its own: answers are told apart by it.",
            )
        first[job.custom_id] = job
    mine = [job for key, job in first.items() if shard is None or key in shard]
    bad = [job for job in mine if isinstance(job, BadJob)]
    return Survey([job.custom_id for job in mine], len(bad), bad[0] if bad else None)


def in_order(replies: Iterable[Reply], accepted: deque[int]) -> Iterator[Reply]:
    """The replies in the order of their lines, each as soon as those before it are there."""
    early: dict[int, Reply] = {}
    for reply in replies:
        early[reply.answer.line] = reply
        while accepted and accepted[0] in early:
            yield early.pop(accepted.popleft())


def _shape(job: Job) -> Any:
    return shape(replace(job.request, count=1))
