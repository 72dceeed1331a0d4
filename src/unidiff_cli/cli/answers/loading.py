"""The model that the options name, loaded; imported and loaded only when the work begins."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import shorten
from typing import TYPE_CHECKING

from unidiff_cli.cli.options.options import Options
from unidiff_cli.cli.terminal.console import Console
from unidiff_cli.cli.terminal.sketch import check_preview, with_preview
from unidiff_cli.process import spare_pages
from unidiff_cli.progress import Progress
from unidiff_cli.registry import DEFAULT, FALLBACK

if TYPE_CHECKING:
    from unidiff_cli.engine.pipeline import UniDiffuser


def warn_of_words(model: UniDiffuser, prompts: Sequence[str], console: Console) -> None:
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


def load(options: Options, console: Console, progress: Progress) -> UniDiffuser:
    """The model; a note tells when it is the bundled one because nothing else was said."""
    if options.preview is not None:
        check_preview(options.preview, console)
    progress.stage("loading the libraries")
    from unidiff_cli.storage.ahead import read_ahead

    read_ahead(options.model)
    if options.memory != "auto":
        spare_pages()
    from unidiff_cli.engine.pipeline import UniDiffuser

    model = UniDiffuser.load(
        options.model,
        device=options.device,
        dtype=options.dtype,
        memory=options.memory,
        progress=progress,
    )
    if options.model is None and model.made_with["model"] == FALLBACK:
        console.note(
            f"using the bundled model {FALLBACK}; "
            f"for the published one: unidiff models pull {DEFAULT}"
        )
    return model if options.preview is None else with_preview(model, options.preview, console)
