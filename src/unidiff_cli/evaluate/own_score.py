"""The model's own score as a judge of pairs: how well pictures and words fit, without CLIP's help.

A model that marks its own pictures marks itself; results carry the judge's name.
"""

from __future__ import annotations

from collections.abc import Sequence

from unidiff_cli.engine.pipeline import UniDiffuser
from unidiff_cli.engine.score import Scorer
from unidiff_cli.errors import InputError, UnidiffError
from unidiff_cli.evaluate.clip_score import Scores
from unidiff_cli.evaluate.rows import Picture
from unidiff_cli.files.pictures import open_picture
from unidiff_cli.progress import Progress


def own_score(
    model: UniDiffuser, pairs: Sequence[tuple[Picture, str]], progress: Progress
) -> Scores:
    """The scores of all pairs whose picture can be read; an InputError when none can."""
    progress.begin(len(pairs), len(pairs))
    each: list[float] = []
    kept: list[int] = []
    bad: list[UnidiffError] = []
    for place, (path, text) in enumerate(pairs):
        try:
            (fit,) = Scorer.of(model, [text])(open_picture(path))
            each.append(fit.score)
            kept.append(place)
        except InputError as error:
            bad.append(error)
        progress.evaluated(1)
        progress.finished(1)
    if not each:
        raise bad[0]
    return Scores(tuple(each), tuple(kept), tuple(bad))
