"""The same worker as Ray Data actors: on this machine, or on all machines of a cluster.

Ray is imported inside functions only. Answers come back to this process, pictures and all, and
it alone writes: the machines need no common disk but for the pictures that jobs name.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from unidiff_cli.batch.crew import WorkerDied
from unidiff_cli.batch.jobs import Job
from unidiff_cli.batch.worker import Answer, Spec, Worker, failed
from unidiff_cli.errors import UnidiffError, UsageError

ROUND = 10_000
"""Batches that are handed to Ray together; the actors live for a round."""
RESTARTS = 3
"""So often an actor that died is started anew, and its batch tried again."""
ERROR, ANSWERS = "error", "answers"


def connect(address: str) -> None:
    """Connect to the cluster, or to a new one on this machine for "local"; else a UsageError."""
    try:
        import ray
    except ImportError:
        raise UsageError(
            "usage.needs-package",
            "Ray is not installed.",
            'Install it: pip install "unidiff-cli[ray]"',
        ) from None
    if ray.is_initialized():
        return
    try:
        ray.init(
            address=None if address == "local" else address,
            include_dashboard=False if address == "local" else None,
            log_to_driver=False,
            logging_level="warning",
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UsageError(
            "usage.no-cluster",
            f"There is no Ray cluster at {address} ({error}).",
            "Try --ray local.",
        ) from error
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    # Slow hardware and jobs of a thousand samples are no fault.
    context.execution_no_progress_timeout_s = -1
    # A batch that no actor survives is an error of its jobs, not of the run.
    context.max_errored_blocks = -1


def gpus(spec: Spec) -> int:
    """GPUs that a worker holds: one where the cluster has any and the device is left open."""
    import ray

    wanted = spec.device == "auto" or spec.device.startswith("cuda")
    return int(wanted and ray.cluster_resources().get("GPU", 0) > 0)


def accelerators() -> int:
    """GPUs of the whole cluster; 1 where it has none."""
    import ray

    return max(1, int(ray.cluster_resources().get("GPU", 0)))


def made_with(spec: Spec) -> dict[str, str]:
    """What a worker of the cluster says that its results are made with."""
    import ray

    def ask() -> dict[str, str]:
        return spec.load().made_with

    return dict(ray.get(ray.remote(ask).options(num_gpus=gpus(spec)).remote()))


@dataclass
class RayCrew:
    """A crew that takes many batches, and then gives back answers as Ray has them."""

    spec: Spec
    workers: int
    batches: list[list[Job]] = field(default_factory=list)
    rows: Iterator[dict[str, Any]] | None = None

    @property
    def idle(self) -> bool:
        """Whether it takes a batch: not while Ray works on others."""
        return self.rows is None and len(self.batches) < ROUND

    @property
    def busy(self) -> bool:
        """Whether answers are to come, or the end of a round is."""
        return bool(self.batches) or self.rows is not None

    def start(self, batch: Sequence[Job]) -> None:
        """One more batch for the next round."""
        self.batches.append(list(batch))

    def collect(self, patience: float | None) -> list[Answer]:
        """The answers to the next batch that is done, whichever it is."""
        if self.rows is None:
            self.rows = self._rows()
        row = next(self.rows, None)
        if row is None:
            lost = [job for batch in self.batches for job in batch]
            self.batches, self.rows = [], None
            return [
                failed(
                    job, WorkerDied("internal.worker-died", "Its Ray actor died, again and again.")
                )
                for job in lost
            ]
        if row[ERROR]:
            raise pickle.loads(row[ERROR])
        answers: list[Answer] = pickle.loads(row[ANSWERS])
        done = {answer.line for answer in answers}
        self.batches = [batch for batch in self.batches if batch[0].line not in done]
        return answers

    def close(self) -> None:
        """No more answers are wanted."""
        self.batches, self.rows = [], None

    def _rows(self) -> Iterator[dict[str, Any]]:
        """A row for each batch: blocks of one row, so that each is there when it is done."""
        import ray

        items = [{"batch": pickle.dumps(batch)} for batch in self.batches]
        data = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
            Actor,
            fn_constructor_args=(self.spec,),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(
                size=min(self.workers, len(items)), max_tasks_in_flight_per_actor=2
            ),
            num_cpus=self.spec.threads,
            num_gpus=gpus(self.spec),
            ray_remote_args_fn=_mortal,
        )
        rows: Iterator[dict[str, Any]] = iter(data.iter_rows())
        return rows


def _mortal() -> dict[str, int]:
    """Ray Data would restart an actor for ever, whatever a job does to it."""
    return {"max_restarts": RESTARTS, "max_task_retries": RESTARTS}


class Actor:
    """A worker with a model, as Ray Data calls it: columns in, columns out."""

    def __init__(self, spec: Spec) -> None:
        self.error: UnidiffError | None = None
        try:
            self.worker = Worker(spec.load(), spec)
        except UnidiffError as error:
            self.error = error

    def __call__(self, columns: dict[str, Any]) -> dict[str, list[bytes]]:
        """The answers to each batch, or the error that no job is to blame for."""
        answers: list[bytes] = []
        try:
            if self.error:
                raise self.error
            for batch in columns["batch"]:
                answers.append(pickle.dumps(list(self.worker(pickle.loads(batch)))))
        except UnidiffError as error:
            return {ERROR: [pickle.dumps(error)], ANSWERS: [b""]}
        return {ERROR: [b""] * len(answers), ANSWERS: answers}
