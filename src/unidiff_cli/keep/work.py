"""The thread that works: it has the model, and does one call after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unidiff_cli.errors import UnidiffError
from unidiff_cli.keep.calls import perform
from unidiff_cli.keep.frames import Frame
from unidiff_cli.keep.guests import Gone, Guest, Teller
from unidiff_cli.keep.travel import from_json, to_json

if TYPE_CHECKING:
    from unidiff_cli.engine.pipeline import UniDiffuser
    from unidiff_cli.keep.holding import Holding

END = object()


@dataclass
class Hand:
    """The model, once it is loaded, and what is done with it."""

    holding: Holding
    loader: Callable[[Holding], UniDiffuser]
    model: UniDiffuser | None = None
    failed: bool = False
    """Whether the model could not be loaded: a helper without one is of no use."""
    device: str = ""
    dtype: str = ""

    def load(self) -> None:
        """Load the model, unless it is there; what goes wrong is said to the first guest."""
        if self.model is None and not self.failed:
            try:
                self.model = self.loader(self.holding)
            except UnidiffError:
                self.failed = True
                return
            self.device, self.dtype = (self.model.made_with[n] for n in ("device", "dtype"))

    def answer(self, guest: Guest, asked: Frame) -> Frame | None:
        """What comes of a call; None where the guest has gone meanwhile."""
        blobs: list[bytes] = []
        try:
            value, kind = self._do(guest, asked), "answer"
        except Gone:
            guest.walk = guest.model = None
            return None
        except UnidiffError as error:
            value, kind = error, "error"
        except Exception as error:  # noqa: BLE001 - whoever asked does it alone, and says it all
            return Frame("trouble", {"said": f"{type(error).__name__}: {error}"})
        if value is END:
            return Frame("end")
        return Frame(kind, {"value": to_json(value, blobs)}, blobs)

    def _do(self, guest: Guest, asked: Frame) -> Any:
        if guest.gone:
            raise Gone
        with nullcontext() if self.failed else self._threads(asked.values["threads"]):
            if asked.kind == "next":
                assert guest.walk is not None
                return next(guest.walk, END)
            arguments = from_json(asked.values["arguments"], asked.blobs)
            made = perform(self._model(guest), asked.values["name"], *arguments)
            if isinstance(made, Iterator):
                guest.walk = made
                return next(made, END)
            return made

    def _model(self, guest: Guest) -> UniDiffuser:
        """The model, telling this guest; the error again if it could not be loaded."""
        from unidiff_cli.keep.held import for_guest

        if guest.model is None:
            teller = Teller(guest)
            sketch = teller.sketch if guest.settings.get("preview") else None
            model = self.model or self.loader(self.holding)
            guest.model = for_guest(model, teller, sketch)
        return guest.model

    def rest(self) -> None:
        """Give back what only the work needed."""
        from unidiff_cli.keep.held import rest

        if self.model is not None:
            rest(self.model)

    def _threads(self, count: int | None) -> Any:
        from unidiff_cli.keep.held import threads

        return threads(count)
