"""One line of JSON <-> one job: a request with a custom_id that its answer carries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Self

from unidiff_cli.errors import UnidiffError, UsageError
from unidiff_cli.request import Request, check_whole

MAX_LINE = 2**20
"""Bytes of a line; what is longer is no job."""
MAX_ID = 256
MAX_JOB_COUNT = 1000
"""Samples of one job: it is answered as a whole, so it has to fit into memory."""
ID = "custom_id"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One order of a batch."""

    custom_id: str
    line: int
    """Where it stands in the input, from 1."""
    request: Request

    def seeded(self, run_seed: int) -> Self:
        """The job with a seed: its own, or the one that the run gives to its custom_id."""
        if self.request.seed is not None:
            return self
        return replace(self, request=replace(self.request, seed=seed_for(run_seed, self.custom_id)))

    def to_json(self) -> dict[str, Any]:
        """The job as JSON values, as a line of a file would say it."""
        return {ID: self.custom_id, **self.request.to_json()}


@dataclass(frozen=True, kw_only=True)
class BadJob:
    """A line that is no job, and why."""

    custom_id: str
    line: int
    error: UnidiffError


def parse(line: bytes, number: int) -> Job | BadJob:
    """The job on a line.

    A job without a custom_id gets one from the number of its line: line-12. Relative paths of
    pictures begin at the current folder.
    """
    custom_id = f"line-{number}"
    try:
        values = _object(line)
        custom_id = _custom_id(values.pop(ID, custom_id))
        request = Request.from_json(values)
        check_whole("count", request.count, 1, MAX_JOB_COUNT)
    except UnidiffError as error:
        told = error.told(f"Line {number}: {error.message}")
        return BadJob(custom_id=custom_id, line=number, error=told)
    return Job(custom_id=custom_id, line=number, request=request)


def parse_all(lines: Iterable[bytes]) -> Iterator[Job | BadJob]:
    """The jobs of all lines; empty lines are passed over, but counted."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield parse(line, number)


def seed_for(run_seed: int, custom_id: str) -> int:
    """The seed of a job that names none: 52 bits, which every reader of JSON keeps exactly."""
    name = f"{run_seed}/{custom_id}".encode()
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "little") >> 12


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > MAX_LINE:
        raise UsageError(
            "usage.job", f"a job is at most {MAX_LINE} bytes.", "Is it one job a line?"
        )
    try:
        values = json.loads(line.decode("utf-8-sig"), object_pairs_hook=_once)
        # An escape such as \\ud800 is JSON, but no text that could be written again.
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeError:
        raise UsageError("usage.job", "it is not text in UTF-8.") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(
            "usage.job", f"it is not JSON ({error}).", "One JSON object a line."
        ) from None
    if not isinstance(values, dict):
        raise UsageError(
            "usage.job", "a job is a JSON object.", 'Example: {"mode": "t2i", "prompt": "a fox"}'
        )
    return values


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose fields are there once: JSON itself lets the last one win in silence."""
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise UsageError("usage.job", f"the field {twice!r} is there twice.")
    return values


def _custom_id(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID:
        raise UsageError(
            "usage.custom-id", f"{ID} is text of 1 to {MAX_ID} characters, got {value!r:.80}."
        )
    if any(ord(letter) < 32 for letter in value):
        raise UsageError("usage.custom-id", f"{ID} has no control characters, got {value!r:.80}.")
    return value
