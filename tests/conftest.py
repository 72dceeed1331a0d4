"""Every test works in a folder of its own, without a network and without the user's files."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

# Several processes share the cores; more threads than cores only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A shell starts what it runs in the background deaf to Ctrl-C, `nohup` to a hangup, and children
# inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "huggingface"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("UNIDIFF_DEVICE", "cpu")  # where equal bits are promised
    for name in ("MODEL", "DTYPE", "BATCH_SIZE", "PROGRESS", "SIGN", "DEBUG"):
        monkeypatch.delenv(f"UNIDIFF_{name}", raising=False)
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
