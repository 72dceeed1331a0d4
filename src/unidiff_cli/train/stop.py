"""Ctrl-C while training: the step that runs is finished and saved before the run ends."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
"""Windows has no SIGHUP."""


class StopSignal:
    """Inside the `with`, signals that would end the program only set `asked`, however many come.

    One that is ignored, as SIGHUP under nohup, is left so.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        """Of the first signal that came."""
        self._before: dict[signal.Signals, Any] = {}

    @property
    def asked(self) -> bool:
        """Whether a signal came."""
        return self.number is not None

    def __enter__(self) -> StopSignal:
        if threading.current_thread() is threading.main_thread():
            found = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
            heard = [each for each in found if signal.getsignal(each) is not signal.SIG_IGN]
            self._before = {each: signal.signal(each, self._ask) for each in heard}
        return self

    def __exit__(self, *_: object) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        if self.number is None:
            self.number = number

    def obey(self, asked: bool) -> None:
        """Raise the signal that came, or KeyboardInterrupt where another process was asked to."""
        if self.number is not None:
            signal.raise_signal(self.number)
        if asked:
            raise KeyboardInterrupt
