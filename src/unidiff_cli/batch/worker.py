"""A loaded model that answers jobs: the same in this process, in another one, or under Ray."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unidiff_cli.batch.jobs import ID, BadJob, Job
from unidiff_cli.batch.store import picture_name
from unidiff_cli.engine.opening import open_model
from unidiff_cli.errors import UnidiffError, said
from unidiff_cli.files.output import encode
from unidiff_cli.files.record import Failure, Record
from unidiff_cli.files.stamp import Stamp
from unidiff_cli.registry import Place

if TYPE_CHECKING:
    from unidiff_cli.engine.pipeline import UniDiffuser
    from unidiff_cli.request import Result

GPU_BROKEN = "CUDA error"
"""What PyTorch says of a fault after which nothing works in the process: no job is to blame."""


@dataclass(frozen=True, kw_only=True)
class Spec(Place):
    """What a worker loads, and how it works."""

    batch_size: int | None = None
    metadata: bool = True
    """Whether pictures tell how they were made."""
    prompt: bool = True
    """Whether they tell the prompt."""
    sign: str | None = None
    """The files of a certificate and its key, to sign them with."""

    def load(self) -> UniDiffuser:
        """The model; its parts are loaded when a job first needs them."""
        return open_model(self)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of one job."""

    custom_id: str
    line: int
    values: dict[str, Any]
    """Its record, as JSON values."""
    pictures: tuple[tuple[str, bytes], ...] = ()
    """The files that the record names, relative to the folder."""

    @property
    def ok(self) -> bool:
        """Whether the job succeeded."""
        return bool(self.values["status"] == "ok")

    def placed(self, folder: Path) -> dict[str, Any]:
        """The record with its pictures' files as they are found from outside the folder."""
        outputs = [
            {**output, "image": str(folder / output["image"])} if "image" in output else output
            for output in self.values["outputs"]
        ]
        return {**self.values, "outputs": outputs}


@dataclass(frozen=True)
class Worker:
    """Answers jobs of one shape, one by one, each as soon as its batch is done."""

    model: UniDiffuser
    spec: Spec

    @cached_property
    def stamp(self) -> Stamp:
        """What its pictures say of themselves."""
        spec = self.spec
        return Stamp.of(metadata=spec.metadata, prompt=spec.prompt, sign=spec.sign)

    def __call__(self, batch: Sequence[Job]) -> Iterator[Answer]:
        """An answer for each job, in their order. An error of ours ends it: it is no job's fault.

        Whatever else goes wrong becomes the answer of the one job that it goes wrong with.
        """
        results = self.model.stream([job.request for job in batch], batch_size=self.spec.batch_size)
        done = 0
        try:
            for job in batch:
                samples = [next(results) for _ in range(job.request.count)]
                yield self._answer(job, samples)
                done += 1
        except UnidiffError:
            raise
        except Exception as error:  # the other jobs go on
            if GPU_BROKEN in str(error):
                raise
            rest = batch[done:]
            if len(batch) == 1:
                yield failed(rest[0], unexpected(error))
                return
            for job in rest:
                yield from self([job])

    def _answer(self, job: Job, samples: Sequence[Result]) -> Answer:
        error = next((result.error for result in samples if result.error), None)
        if error is not None:
            return failed(job, error, samples[0])
        names = [picture_name(job.custom_id, k, len(samples)) for k in range(len(samples))]
        pictures = []
        for name, result in zip(names, samples, strict=True):
            (output,) = result.outputs
            if output.image is not None:
                own = replace(Record.of(result), custom_id=job.custom_id)
                pictures.append((name, encode(output.image, ".png", [own], stamp=self.stamp)))
        whole = replace(
            samples[0],
            request=job.request,
            outputs=tuple(output for result in samples for output in result.outputs),
            seconds=sum(result.seconds for result in samples),
        )
        record = Record.of(whole, names if pictures else ())
        return Answer(
            custom_id=job.custom_id,
            line=job.line,
            values=replace(record, custom_id=job.custom_id).to_json(),
            pictures=tuple(pictures),
        )


def failed(job: Job | BadJob, error: UnidiffError, result: Result | None = None) -> Answer:
    """The answer of a job that has none."""
    asked = job.request.to_json() if isinstance(job, Job) else {}
    values = {
        ID: job.custom_id,
        "status": "error",
        **asked,
        "outputs": [],
        "error": Failure.of(error).to_json(),
        "seconds": round(result.seconds, 3) if result else 0.0,
        "made_with": dict(result.made_with) if result else {},
    }
    return Answer(custom_id=job.custom_id, line=job.line, values=values)


def unexpected(error: Exception) -> UnidiffError:
    """An error that is not ours, as one of ours."""
    return UnidiffError(
        "internal.unexpected",
        f"Something went wrong inside ({said(error)}).",
        "Run the job alone to see more.",
    )
