"""Who works, with what, and when nobody can: what no run on this machine shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.batch.shell import write
from unidiff_cli.batch import order
from unidiff_cli.batch.jobs import Job, parse
from unidiff_cli.batch.order import Order
from unidiff_cli.batch.ray import RayCrew
from unidiff_cli.batch.worker import Spec, Worker
from unidiff_cli.speed.dtype import NAMES


def job(number: int) -> Job:
    made = parse(b'{"mode": "t2i", "prompt": "a fox", "seed": 1}', number)
    assert isinstance(made, Job)
    return made


@pytest.mark.parametrize(
    ("said", "goes_on"), [("tokens are odd", True), ("CUDA error: an illegal address", False)]
)
def test_a_broken_gpu_is_no_fault_of_its_jobs(said: str, goes_on: bool) -> None:
    def stream(*_: Any, **__: Any) -> Iterator[Any]:
        raise RuntimeError(said)
        yield

    worker = Worker(SimpleNamespace(stream=stream), Spec())  # type: ignore[arg-type]
    if goes_on:
        answers = list(worker([job(1), job(2)]))
        assert [answer.values["status"] for answer in answers] == ["error", "error"]
    else:
        with pytest.raises(RuntimeError, match=said):
            list(worker([job(1), job(2)]))


def test_workers_choose_neither_model_nor_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    hired: list[Spec] = []
    monkeypatch.setattr(order, "Processes", hired.extend)
    jobs = Path(write([{"mode": "t"}]))
    with Order(jobs=jobs, folder=Path("out"), spec=Spec(), workers=2).begun() as run:
        numbers = NAMES[run.model.dtype]
    assert [(spec.model, spec.dtype) for spec in hired] == [("starter", numbers)] * 2


def test_a_round_of_ray_ends() -> None:
    crew = RayCrew(Spec(), workers=1)
    crew.rows = iter([])  # all answers are here, and nobody has asked for more
    assert crew.busy
    assert not crew.idle
    assert crew.collect(None) == []
    assert (crew.busy, crew.idle) == (False, True)
