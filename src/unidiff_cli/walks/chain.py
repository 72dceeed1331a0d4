"""Back and forth between picture and words: blocked Gibbs sampling (2303.06555, section 6)."""

from __future__ import annotations

from collections.abc import Iterator

from unidiff_cli.engine.pipeline import UniDiffuser
from unidiff_cli.engine.samples import evaluations
from unidiff_cli.errors import UsageError
from unidiff_cli.files.pictures import open_picture
from unidiff_cli.request import Request, check_whole
from unidiff_cli.walks.asked import MOST_STAGES, Chain, Stage, Through
from unidiff_cli.walks.walker import DESCRIBE, DRAW, Walker, guarded


def chain(
    model: UniDiffuser,
    request: Request,
    rounds: int,
    through: Through = "latents",
) -> Iterator[Stage]:
    """Pictures and words by turns, each made of the one before it: blocked Gibbs sampling.

    The request is a t2i or an i2t and says where the walk begins; a round is one picture and one
    caption. With `words`, what is passed on is the decoded caption, encoded again.
    """
    if request.mode not in ("t2i", "i2t"):
        raise UsageError(
            "usage.missing",
            "A chain begins with a prompt or a picture.",
            "See: unidiff chain --help",
        )
    check_whole("rounds", rounds, 1, MOST_STAGES)
    asked = model.resolve(request, Chain.like)
    model.progress.begin(2 * rounds, 2 * rounds * evaluations(asked))
    return guarded(model, _chain(model, asked, rounds, through))


def _chain(model: UniDiffuser, asked: Request, rounds: int, through: Through) -> Iterator[Stage]:
    walker = Walker.prepare(model, asked)
    known = walker.noise.latents(0, "start")
    if asked.prompt is not None:
        known = known.put("text", walker.texts.encode([asked.prompt]))
        yield Stage(text=asked.prompt, given=True)
    elif asked.image is not None:
        picture = open_picture(asked.image)
        known = known.put("image", walker.read(picture))
        yield Stage(image=picture, given=True)
    legs = [DRAW, DESCRIBE] if asked.prompt is not None else [DESCRIBE, DRAW]
    for number in range(2 * rounds):
        leg = legs[number % 2]
        model.progress.stage("drawing" if leg is DRAW else "describing")
        known = walker.sampler.sample(leg, known, number)
        made = walker.show("image" if leg is DRAW else "text", known)
        if made.text is not None and through == "words":
            known = known.put("text", walker.texts.encode([made.text]))
        model.progress.finished(1)
        yield Stage(image=made.image, text=made.text)
