"""`--keep`: a model that a helper holds, and what is said of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from unidiff_cli.errors import UsageError
from unidiff_cli.progress import Progress
from unidiff_cli.registry import Place

if TYPE_CHECKING:
    from PIL import Image

    from unidiff_cli.cli.terminal.console import Console
    from unidiff_cli.engine.model import Model
    from unidiff_cli.keep.kept import Kept


def check_here() -> None:
    """A UsageError where there are no helpers."""
    if sys.platform == "win32":
        raise UsageError(
            "usage.platform", "Helpers that keep a model loaded are not available on Windows."
        )


def kept(
    place: Place,
    keep: float | None,
    console: Console,
    progress: Progress,
    show: Callable[[Image.Image, int], None] | None,
    alone: Callable[[], Model],
) -> Kept | None:
    """The model in the helper that holds it, or in a new one where it is to be kept; else None.

    `keep` is in seconds, 0 for no helper; `alone` loads the model in this process.
    """
    if keep:
        check_here()
    if keep == 0 or sys.platform == "win32":
        return None
    from unidiff_cli.files.output import prepare
    from unidiff_cli.keep import folder

    if not keep and not folder.is_used():
        return None
    from unidiff_cli.keep.client import Lost, Session
    from unidiff_cli.keep.holding import Holding
    from unidiff_cli.keep.kept import Kept
    from unidiff_cli.keep.start import reach

    def waiting(count: int) -> None:
        console.note(f"waiting for the helper: {count} before this one")

    def meet(path: Path) -> Session:
        return Session.begin(path, keep, progress, show, waiting, prepare)

    try:
        found = reach(Holding.of(place), keep, meet)
    except (Lost, folder.Unsafe) as error:
        console.note(f"no helper ({error}): working without one")
        return None
    if found is None:
        return None
    session, new = found
    model = Kept(session, progress, alone, console.note)
    console.after.callback(partial(_finish, model, session.path, new, console))
    return model


def _finish(model: Kept, path: Path, new: bool, console: Console) -> None:
    """Let the helper go on; tell of it if this command leaves it behind."""
    lost = model.session is None
    model.close()
    if new and not lost:
        from unidiff_cli.keep.client import Lost
        from unidiff_cli.keep.overview import look
        from unidiff_cli.storage.layout import human

        try:
            status = look(path)
        except Lost:
            return
        if status.hangs:
            console.note("a helper is left behind, and busy; to see it: unidiff keep")
            return
        until = time.strftime("%H:%M", time.localtime(time.time() + status.left))
        console.note(
            f"a helper keeps {status.model} loaded ({human(status.memory)}) until "
            f"{until}, longer if it is used; to end it: unidiff keep stop"
        )
