"""What each process does first."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from unidiff_cli.batch import crew
from unidiff_cli.cli import app
from unidiff_cli.errors import InputError

BEGIN = "from unidiff_cli.process import begin; begin()"
LOOK = """
import gc, warnings
{first}
print(gc.get_threshold()[0] > 10_000, warnings.filters[0][0] == "ignore")
"""


def said(first: str, **environment: str) -> str:
    command = [sys.executable, "-W", "default", "-c", LOOK.format(first=first)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return done.stdout.strip()


def test_garbage_is_looked_for_seldom_and_warnings_are_kept_to_developers() -> None:
    assert said("") == "False False"
    assert said(BEGIN) == "True True"
    assert said(BEGIN, UNIDIFF_DEBUG="1") == "True False"


def test_the_program_and_its_workers_begin_so(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    monkeypatch.setattr(app, "begin", lambda: begun.append("program"))
    monkeypatch.setattr(app, "app", lambda: None)
    app.main()

    def load() -> None:
        raise InputError("nothing here")

    spec: Any = SimpleNamespace(load=load)
    pipe: Any = SimpleNamespace(send=lambda _: None)
    monkeypatch.setattr(crew, "begin", lambda: begun.append("worker"))
    monkeypatch.setattr(crew.signal, "signal", lambda *_: None)  # pytest's own stays
    crew.serve(spec, pipe)
    assert begun == ["program", "worker"]
