"""One sample on its way: what every walk longer than a mode is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from unidiff_cli.codecs.image import ImageCodec
from unidiff_cli.codecs.text import TextCodec
from unidiff_cli.core.latents import Latent, Latents
from unidiff_cli.core.modes import MODES, Leg
from unidiff_cli.core.noise import Noise
from unidiff_cli.core.pair import Modality
from unidiff_cli.core.sampler import Sampler
from unidiff_cli.engine.pipeline import UniDiffuser, decode
from unidiff_cli.engine.rescue import no_room
from unidiff_cli.engine.samples import seed_of
from unidiff_cli.engine.words import Words
from unidiff_cli.errors import UnidiffError
from unidiff_cli.request import Output, Request
from unidiff_cli.speed.memory import is_out_of_memory, release
from unidiff_cli.walks.asked import Stage

DRAW: Leg = MODES["t2i"].legs[0]
DESCRIBE: Leg = MODES["i2t"].legs[0]


@dataclass(frozen=True)
class Walker:
    """A model made ready for one sample of a resolved request."""

    request: Request
    noise: Noise
    sampler: Sampler
    images: ImageCodec
    texts: TextCodec

    @classmethod
    def prepare(cls, model: UniDiffuser, request: Request) -> Walker:
        """The codecs, the noise streams and the sampler of the request's one sample."""
        width, height = request.size or (0, 0)
        noise = model.parts.noise([seed_of(request)], width, height)
        images, texts = model.parts.codecs(model.dtype)
        sampler = model.sampler(request, noise, model.dtype, Words.of(request, 1, texts))
        return cls(request, noise, sampler, images, texts)

    def read(self, image: Image.Image) -> Latent:
        """The image latent of a picture."""
        width, height = self.request.size or (0, 0)
        return self.images.encode([image], width, height, self.noise)

    def show(self, modality: Modality, known: Latents) -> Output:
        """What a latent decodes to; DegenerateResult when that is no result."""
        seeds, how = [seed_of(self.request)], self.request.caption
        (answer,) = decode([modality], seeds, known, self.images, self.texts, how)
        if isinstance(answer, UnidiffError):
            raise answer
        return answer


def guarded(model: UniDiffuser, stages: Iterator[Stage]) -> Iterator[Stage]:
    """The stages; a full memory ends them with OutOfMemory."""
    full = False
    try:
        yield from stages
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        full = True
    # Outside the except clause, where the traceback no longer holds what filled the memory.
    if full:
        release(model.device)
        raise no_room(model.device)
