"""What the package warns of, heard and noted. Apart, since --help has no time for logging."""

from __future__ import annotations

import logging
from collections.abc import Callable


class Ear(logging.Handler):
    """Hears what the package warns of, and notes it once."""

    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self.note, self.heard = note, set[str]()

    def emit(self, record: logging.LogRecord) -> None:
        """A note."""
        text = record.getMessage()
        if text not in self.heard:
            self.heard.add(text)
            self.note(text)


def listen(note: Callable[[str], None]) -> None:
    """Hand what is warned of to this listener alone."""
    logging.getLogger("unidiff_cli").handlers[:] = [Ear(note)]
