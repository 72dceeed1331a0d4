"""Where on this machine the model of a given name is. No torch."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.registry import DEFAULT, FALLBACK, MODELS, STARTER_FOLDER, Row
from unidiff_cli.storage.layout import human

HUB_ID = re.compile(r"(?=.{3,96}$)\w[\w.-]*/\w[\w.-]*")
"""Of 96 characters at most, as the Hub has it."""


@dataclass(frozen=True)
class Found:
    """A model on this machine."""

    name: str
    """As the user knows it."""
    folder: Path | None
    """None for a model of random weights."""
    revision: str = ""
    """The Hub's commit, "bundled", "random", or empty for a folder of the user's."""
    row: Row | None = None
    repo: str = ""
    """The Hub's id, for a model in the Hub's cache."""

    @property
    def license(self) -> str:
        """Of the weights, where a row states it."""
        return self.row.license if self.row else "unknown"

    @property
    def shown(self) -> str:
        """A name for a model that does not state its own: a folder's is its last part."""
        return self.name if self.row or self.folder is None else self.folder.resolve().name


def find(name: str | None = None) -> Found:
    """The model of that name: a row of the registry, a folder, or a Hub id; None is the default.

    ModelUnavailable says how to get one that is not here.
    """
    if name is None:
        return _row(DEFAULT) if is_here(DEFAULT) else _row(FALLBACK)
    if name in MODELS:
        return _row(name)
    # os.path takes what cannot be the name of a file, where Path raises.
    path = Path(os.path.expanduser(name))
    if os.path.exists(path):
        _check_utf8(name)
        return Found(_plain(name), path)
    if HUB_ID.fullmatch(name):
        return _cached(name, name, "main", None)
    raise ModelUnavailable(
        "model.unknown",
        f"There is no model {name!r}.",
        f"Models with a name: {', '.join(MODELS)}; or a folder.",
    )


def _check_utf8(name: str) -> None:
    """ModelUnavailable for a name that the libraries which read weights do not take."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ModelUnavailable(
            "model.folder",
            f"The name of the folder {name!r} is not UTF-8, so no weights are read from it.",
            "Rename the folder.",
        ) from None


def _plain(name: str) -> str:
    """The name of a folder in one of its spellings: mine, ./mine and mine/ are mine.

    Not so for ./tiny, since tiny is another model.
    """
    plain = str(Path(name))
    return os.path.join(os.curdir, plain) if plain in MODELS else plain


def is_here(name: str) -> bool:
    """Whether a row's model can be opened without fetching anything."""
    try:
        _row(name)
    except ModelUnavailable:
        return False
    return True


def _row(name: str) -> Found:
    row = MODELS[name]
    if row.kind == "random":
        return Found(name, None, "random", row)
    if row.kind == "bundled":
        if not (STARTER_FOLDER / "config.json").is_file():
            raise ModelUnavailable(
                "model.missing",
                "The starter model is not part of this installation.",
                f"Fetch the published one: unidiff models pull {DEFAULT}",
            )
        return Found(name, STARTER_FOLDER, "bundled", row)
    return _cached(name, row.repo, row.revision, row)


def _cached(name: str, repo: str, revision: str, row: Row | None) -> Found:
    from unidiff_cli.storage.cached import snapshot

    try:
        folder = snapshot(repo, revision)
    except OSError as error:
        raise ModelUnavailable(
            "model.cache",
            f"{name} cannot be looked for in the Hub's cache: {error.filename} cannot be read "
            f"({error.strerror}).",
            "Ask its owner, or set HF_HUB_CACHE to a folder of your own.",
        ) from None
    if folder is None:
        if row is None:
            raise ModelUnavailable(
                "model.missing",
                f"{name} is neither a folder nor a repository in the Hub's cache.",
                f"To fetch it from the Hub: unidiff models pull {name}",
            )
        raise ModelUnavailable(
            "model.missing",
            f"{name} is not on this machine.",
            f"Fetch it ({human(row.size)}, {row.license}): unidiff models pull {name}",
        )
    return Found(name, folder, folder.name, row, repo)
