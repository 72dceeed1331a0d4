"""A model that a helper keeps, with the face of one that is loaded here. No torch.

When the helper is lost, the model is loaded here and goes on where the helper stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from unidiff_cli.core.tuned import Tuned
from unidiff_cli.engine.fit import Fit
from unidiff_cli.engine.model import Answer, Model, Stage
from unidiff_cli.errors import ModelUnavailable, OutOfMemory, UnidiffError
from unidiff_cli.files.pictures import open_picture
from unidiff_cli.keep.calls import perform
from unidiff_cli.keep.client import Lost, Session
from unidiff_cli.keep.overview import end as end_helper
from unidiff_cli.model_config import ModelConfig
from unidiff_cli.progress import Progress
from unidiff_cli.request import Request

if TYPE_CHECKING:
    from PIL import Image

FULL = "it has no room left"


@dataclass
class Kept(Model):
    """A model in another process, as long as that answers."""

    session: Session | None
    progress: Progress
    load: Callable[[], Model]
    """Loads the same model here."""
    say: Callable[[str], None]
    threads: int | None = None

    @cached_property
    def here(self) -> Model:
        """The same model, loaded in this process."""
        model = self.load()
        model.use_threads(self.threads)
        return model

    @cached_property
    def about(self) -> dict[str, Any]:
        """What the helper says of the model: made_with, config, tuned."""
        found: dict[str, Any] = self.ask("about")
        return found

    @property
    def config(self) -> ModelConfig:
        """The sizes of the parts, and the model's defaults."""
        config: ModelConfig = self.about["config"]
        return config

    @property
    def made_with(self) -> Mapping[str, str]:
        """What a result depends on besides its request."""
        found: Mapping[str, str] = self.about["made_with"]
        return found

    @property
    def tuned(self) -> Tuned | None:
        """The solver that was learned for the model, if one was."""
        tuned: Tuned | ModelUnavailable | None = self.about["tuned"]
        if isinstance(tuned, ModelUnavailable):
            raise tuned
        return tuned

    def usual_batch(self, request: Request) -> int:
        """How many samples of this shape go together when nobody says how many."""
        return int(self.ask("usual_batch", request))

    def strange_words(self, prompt: str) -> list[str]:
        """The words of a prompt that the model never saw, where it knows which it saw."""
        return list(self.ask("strange_words", prompt))

    def unread(self, prompt: str) -> str:
        """The end of a prompt that is longer than what the model reads; usually empty."""
        return str(self.ask("unread", prompt))

    def answers(self, batch: list[Request]) -> list[Answer]:
        """An answer to each of some resolved requests for one sample, alike in shape."""
        found: list[Answer] = self.ask("answers", batch)
        full = [one for one, _ in found if isinstance(one, OutOfMemory)]
        if self.session is not None and full:
            self._leave(FULL, end=True)
            return self.answers(batch)
        return found

    def fits(
        self, texts: Sequence[str], seed: int, picture: Image.Image, keep: int, draws: int
    ) -> list[Fit]:
        """The texts for an RGB picture, the best first."""
        return list(self.ask("fits", list(texts), seed, picture, keep, draws))

    def ask(self, name: str, *arguments: Any) -> Any:
        """What the helper makes of a call, or the model here once the helper is lost."""
        with self._attended():
            if self.session is not None:
                return self.session.call(name, self.threads, *arguments)
        return perform(self.here, name, *arguments)

    def walk(self, asked: Callable[[Any], Iterator[Stage]]) -> Iterator[Stage]:
        """The stages of a walk. Those that are lost are made again, and told only once."""
        told = 0
        with self._attended():
            if self.session is not None:
                for stage in self.session.walk(_opened(asked), self.threads):
                    yield stage
                    told += 1
                return
        yield from islice(self.here.walk(asked), told, None)

    def use_threads(self, threads: int | None) -> None:
        """Compute with so many threads from now on; None leaves it as it is."""
        self.threads = threads
        if self.session is None:
            self.here.use_threads(threads)

    def close(self) -> None:
        """The helper is free for others."""
        if self.session is not None:
            self.session.close()

    @contextmanager
    def _attended(self) -> Iterator[None]:
        """A helper that is lost is told of, and left; an interrupt ends what it does."""
        try:
            yield
        except Lost as lost:
            self._leave(str(lost))
        except OutOfMemory:
            if self.session is None:
                raise
            self._leave(FULL, end=True)
        except ModelUnavailable:
            self._leave("")  # what is wrong with the model is said in the words of this process
        except UnidiffError:
            raise
        except BaseException:
            self.close()
            raise

    def _leave(self, why: str, end: bool = False) -> None:
        """Go on without the helper; `end` lets it make room."""
        assert self.session is not None
        session, self.session = self.session, None
        session.close()
        if why:
            self.say(f"the helper cannot be used ({why}): working without it")
        if end:
            with suppress(Lost):
                end_helper(session.path)


def _opened(asked: Any) -> Any:
    """The walk with its pictures read here, where their paths mean something."""
    ends = {
        f.name: replace(end, image=open_picture(end.image))
        for f in fields(asked)
        if isinstance(end := getattr(asked, f.name), Request) and end.image is not None
    }
    return replace(asked, **ends)
