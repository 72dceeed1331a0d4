"""transformers and diffusers without what CLIP, GPT-2 and AutoencoderKL never use.

Both import PyTorch's compiler, its tensors over many machines and the networks of other models,
which takes a third of the time until a command begins to sample.
While they are imported here, such a module is a stand-in: its names become the real ones when they
are first called. Versions that need one of them at once are imported whole.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

LATER = (
    "torch._dynamo",
    *(f"torch.distributed.{name}" for name in ("tensor", "fsdp", "checkpoint", "_composable")),
    "diffusers.models.transformers",
)
ONE_OF = "diffusers.models.autoencoders."
WANTED = ("autoencoder_kl", "vae")
"""Of the modules in there; the others are other models."""


class Name(type):
    """A name of a stand-in: a class that nothing is an instance of, or a decorator."""

    def __call__(cls, *arguments: Any, **options: Any) -> Any:
        """What the real one returns; while the libraries are imported, what a decorator does."""
        if Thing not in cls.__bases__:  # a class of theirs, made from a name
            return super().__call__(*arguments, **options)
        if isinstance(sys.modules.get(cls.__module__), StandIn):
            return arguments[0] if arguments and callable(arguments[0]) else Thing()
        real = getattr(importlib.import_module(cls.__module__), cls.__name__)
        return real(*arguments, **options)


class Thing:
    """What a name makes while the libraries are imported; it decorates without doing anything."""

    def __call__(self, function: Any) -> Any:
        """The function as it is."""
        return function


class StandIn(ModuleType):
    """A module of which nothing is loaded."""

    def __getattr__(self, name: str) -> Any:
        """Any name that is asked for."""
        if name.startswith("__"):
            raise AttributeError(name)
        made = Name(name, (Thing,), {"__module__": self.__name__})
        setattr(self, name, made)
        return made


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives stand-ins for modules that can wait."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A stand-in, or None for a module that is wanted."""
        inside = name.startswith(ONE_OF) and name.removeprefix(ONE_OF) not in WANTED
        if inside or any(f"{name}.".startswith(f"{later}.") for later in LATER):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """Nothing but its name."""
        self.given.append(spec.name)
        return StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is run."""


@contextmanager
def _stand_ins() -> Iterator[None]:
    """Inside, what can wait is not imported; afterwards whoever asks gets the real modules."""
    finder = Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in finder.given:
            parent, _, own = name.rpartition(".")
            sys.modules.pop(name, None)
            vars(sys.modules[parent]).pop(own, None) if parent in sys.modules else None


def import_libraries() -> None:
    """Import all that a model is made of, in as little time as these versions allow."""
    import torch  # noqa: F401 - whole, before any of it is kept away

    before = set(sys.modules)
    try:
        with _stand_ins():
            _import()
    except Exception:  # noqa: BLE001 - whatever a library raises that finds no real module
        for name in set(sys.modules) - before:
            if name.split(".")[0] in ("transformers", "diffusers"):
                del sys.modules[name]
        _import()


def _import() -> None:
    from diffusers import AutoencoderKL  # noqa: F401
    from transformers import (  # noqa: F401
        CLIPTextModel,
        CLIPVisionModelWithProjection,
        DynamicCache,
        GPT2LMHeadModel,
        ResNetModel,
    )
