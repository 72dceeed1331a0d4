"""What is asked of a model, wherever it is loaded: in this process, or in one that keeps it.

Pictures are opened, samples put into batches and results made here, so that both do it alike. No
torch.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

from unidiff_cli.core.modes import MODES
from unidiff_cli.core.tuned import Tuned, is_tuned
from unidiff_cli.engine.fit import Fit
from unidiff_cli.engine.learned import with_learned
from unidiff_cli.engine.samples import evaluations, shape, split
from unidiff_cli.errors import UnidiffError, UsageError
from unidiff_cli.files.canvas import Canvas, working_size
from unidiff_cli.files.pictures import open_picture
from unidiff_cli.model_config import ModelConfig
from unidiff_cli.progress import Progress
from unidiff_cli.request import MAX_COUNT, Output, Request, Result, check_whole

if TYPE_CHECKING:
    from PIL import Image

Stage = TypeVar("Stage")
Answer = tuple[Output | UnidiffError, str]
"""A sample, or why there is none; and the number format that it was made in."""


class Model(ABC):
    """A loaded model: requests in, results out."""

    progress: Progress

    @property
    @abstractmethod
    def config(self) -> ModelConfig:
        """The sizes of the parts, and the model's defaults."""

    @property
    @abstractmethod
    def made_with(self) -> Mapping[str, str]:
        """What a result depends on besides its request."""

    @property
    @abstractmethod
    def tuned(self) -> Tuned | None:
        """The solver that was learned for the model, if one was."""

    @abstractmethod
    def usual_batch(self, request: Request) -> int:
        """How many samples of this shape go together when nobody says how many."""

    @abstractmethod
    def use_threads(self, threads: int | None) -> None:
        """Compute with so many threads from now on; None leaves it as it is."""

    @abstractmethod
    def strange_words(self, prompt: str) -> list[str]:
        """The words of a prompt that the model never saw, where it knows which it saw."""

    @abstractmethod
    def unread(self, prompt: str) -> str:
        """The end of a prompt that is longer than what the model reads; usually empty."""

    @abstractmethod
    def answers(self, batch: list[Request]) -> list[Answer]:
        """An answer to each of some resolved requests for one sample, alike in shape.

        Their pictures are opened already.
        """

    @abstractmethod
    def fits(
        self, texts: Sequence[str], seed: int, picture: Image.Image, keep: int, draws: int
    ) -> list[Fit]:
        """The texts for an RGB picture, the best first; texts that were there before cost less.

        All draws of noise are made of one seed; `keep` of the texts get every one of them.
        """

    @abstractmethod
    def walk(self, asked: Callable[[Any], Iterator[Stage]]) -> Iterator[Stage]:
        """The stages of a walk, which is called with a model, each as soon as it is made."""

    def resolve(self, request: Request, like: str | None = None) -> Request:
        """The request with every open choice made from the model's defaults for its mode.

        `like` is another mode whose defaults count.
        """
        config, request = self.config, request.seeded()
        usual = config.sampling.of(like or path_of(request), request.order)
        if MODES[request.mode].orders:
            request = replace(request, order=usual.order)
        if request.v1_data is not None and not config.data_types:
            raise UsageError(
                "usage.not-for-model",
                f"{self.made_with['model']} does not tell kinds of training data apart.",
                "Leave out --v1-data: it belongs to unidiffuser-v1.",
            )
        if is_tuned(request.solver or usual.solver):
            request = with_learned(request, self.tuned, str(self.made_with["model"]))
        choices: dict[str, Any] = {
            "steps": usual.steps,
            "solver": usual.solver,
            "times": None if is_tuned(request.solver) else usual.times,
            "guidance": usual.guidance,
            "size": _size(request, config.size),
            "strength": request.walk.legs[-1].first if request.edits else None,
            "v1_data": "internal" if config.data_types else None,
        }
        open_choices = {
            name: value for name, value in choices.items() if getattr(request, name) is None
        }
        return replace(request, **open_choices)

    def run(self, request: Request) -> Result:
        """All samples of one request; raises the first error among them."""
        results = list(self.stream([request]))
        for result in results:
            if result.error is not None:
                raise result.error
        asked = replace(results[0].request, count=request.count)
        outputs = tuple(output for result in results for output in result.outputs)
        return replace(
            results[0], request=asked, outputs=outputs, seconds=sum(r.seconds for r in results)
        )

    def stream(
        self,
        requests: Sequence[Request],
        *,
        batch_size: int | None = None,
        take: Callable[[Request], bool] | None = None,
    ) -> Iterator[Result]:
        """One result per sample, in order, each as soon as its batch is done.

        A sample that fails has a result with its error; the others go on. `take` is asked just
        before a sample is begun with whether it is still wanted; one that is not has no result.
        """
        check_whole("batch-size", batch_size, 1, MAX_COUNT)
        samples = [one for request in requests for one in split(self.resolve(request))]
        self.progress.begin(len(samples), sum(evaluations(one) for one in samples))
        for _, alike in groupby(samples, key=shape):
            rest = deque(alike)
            size = self.usual_batch(rest[0]) if batch_size is None else batch_size
            while rest:
                batch: list[Request] = []
                gone: list[Request] = []
                while rest and len(batch) < size:
                    one = rest.popleft()
                    (batch if take is None or take(one) else gone).append(one)
                yield from self._batch(batch)
                self.progress.evaluated(sum(map(evaluations, gone)))
                self.progress.finished(len(batch) + len(gone))

    def _batch(self, batch: list[Request]) -> Iterator[Result]:
        """A result for each request, however many of them fail."""
        opened = [_open(request) for request in batch]
        good = [each.request for each in opened if isinstance(each, _Opened)]
        started = time.perf_counter()
        done = iter(self.answers(good) if good else [])
        seconds = (time.perf_counter() - started) / max(1, len(good))
        for asked, each in zip(batch, opened, strict=True):
            made_with = dict(self.made_with)
            if isinstance(each, _Opened):
                # What was rescued was made in another number format than was asked for.
                answer, made_with["dtype"] = next(done)
                answer = each.finish(answer)
            else:
                answer = each
            result = Result(request=asked, seconds=seconds, made_with=made_with)
            if isinstance(answer, UnidiffError):
                yield replace(result, error=answer)
            else:
                yield replace(result, outputs=(answer,))


@dataclass(frozen=True)
class _Opened:
    """A request with its pictures read, at the size that the model works at."""

    request: Request
    canvas: Canvas | None = None
    """Of an edit."""

    def finish(self, answer: Output | UnidiffError) -> Output | UnidiffError:
        """The answer at the picture's own size."""
        if self.canvas is None or isinstance(answer, UnidiffError) or answer.image is None:
            return answer
        return replace(answer, image=self.canvas.finish(answer.image))


def _open(request: Request) -> _Opened | UnidiffError:
    """The request with its pictures read, or what is wrong with one of them."""
    if request.image is None:
        return _Opened(request)
    try:
        if request.edits:
            canvas = Canvas.of(request)
            return _Opened(canvas.request(request), canvas)
        return _Opened(replace(request, image=open_picture(request.image)))
    except UnidiffError as error:
        return error


def path_of(request: Request) -> str:
    """The mode whose path a request walks: an edit of strength 1 is t2i, without words i2t2i."""
    if request.edits and request.prompt is None:
        return "i2t2i"
    same = (mode.name for mode in MODES.values() if mode.legs == request.walk.legs)
    return next(same, request.mode)


def _size(request: Request, side: int) -> tuple[int, int]:
    """Width and height in pixels where nobody says: an edit keeps its picture's shape."""
    return working_size(request, side) if request.edits else (side, side)
