"""The model that the options name, loaded; imported and loaded only when the work begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from textwrap import shorten
from typing import TYPE_CHECKING

from unidiff_cli.cli.answers.helpers import kept
from unidiff_cli.cli.options.options import Options
from unidiff_cli.cli.options.values import parse_time
from unidiff_cli.cli.terminal.console import Console
from unidiff_cli.cli.terminal.sketch import check_preview, show_preview
from unidiff_cli.progress import Progress
from unidiff_cli.registry import DEFAULT, FALLBACK, Place

if TYPE_CHECKING:
    from PIL import Image

    from unidiff_cli.engine.model import Model
    from unidiff_cli.engine.pipeline import UniDiffuser

Show = Callable[["Image.Image", int], None]


def warn_of_words(model: Model, prompts: Sequence[str], console: Console) -> None:
    """Notes that name what the model does not read, and the words which it never saw."""
    for prompt in dict.fromkeys(prompts):
        if rest := model.unread(prompt):
            console.note(f"the prompt is too long, and its end is not read: {shorten(rest, 80)}")
    strange = dict.fromkeys(word for prompt in prompts for word in model.strange_words(prompt))
    if strange:
        console.note(
            f"{model.made_with['model']} never saw {', '.join(map(repr, strange))}; "
            f"the published model knows more: unidiff models pull {DEFAULT}"
        )


def open_at(
    place: Place, keep: str | None, console: Console, progress: Progress, show: Show | None = None
) -> Model:
    """The one door to a model: every command that samples takes it from here.

    It is a helper's where one holds it, or is to. `show` is called with a picture as it forms, and
    how much larger the finished one will be.
    """
    alone = partial(_loaded, place, progress, show)
    return kept(place, parse_time(keep), console, progress, show, alone) or alone()


def open_here(place: Place, progress: Progress) -> UniDiffuser:
    """The model, loaded in this process; one that is not there is told before the libraries are."""
    from unidiff_cli.engine.opening import open_model
    from unidiff_cli.speed.lean import import_libraries
    from unidiff_cli.storage.ahead import read_ahead

    read_ahead(place.model)
    import_libraries()
    return open_model(place, progress)


def _loaded(place: Place, progress: Progress, show: Show | None) -> Model:
    """The same, and what is shown of a picture as it forms."""
    model = open_here(place, progress)
    if show is None:
        return model
    from unidiff_cli.engine.preview import with_preview

    return with_preview(model, show)


@dataclass
class Models:
    """Models by their place, each opened once."""

    keep: str | None
    console: Console
    progress: Progress
    opened: dict[Place, Model] = field(default_factory=dict)

    def at(self, place: Place) -> Model:
        """The model, and its number of threads in force."""
        same = replace(place, threads=None)
        if same not in self.opened:
            self.opened[same] = open_at(same, self.keep, self.console, self.progress)
        self.opened[same].use_threads(place.threads)
        return self.opened[same]


def load(options: Options, console: Console, progress: Progress) -> Model:
    """The model; a note tells when it is the bundled one because nothing else was said."""
    show = None
    if options.preview is not None:
        check_preview(options.preview, console)
        show = partial(show_preview, where=options.preview, console=console)
    progress.stage("loading the libraries")
    place = Place(
        model=options.model, device=options.device, dtype=options.dtype, memory=options.memory
    )
    model = open_at(place, options.keep, console, progress, show)
    if options.model is None and model.made_with["model"] == FALLBACK:
        console.note(
            f"using the bundled model {FALLBACK}; "
            f"for the published one: unidiff models pull {DEFAULT}"
        )
    return model
