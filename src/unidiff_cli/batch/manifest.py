"""What a folder of answers was made with: a run that would make others is refused there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from unidiff_cli.errors import OutputError, UsageError
from unidiff_cli.files.output import replace_file

FORMAT, VERSION = "unidiff batch", 1
NAME = "manifest.json"
DEFAULT_SEED = 0


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """All that decides about results besides the jobs."""

    seed: int
    """Of the run: jobs without a seed get theirs from it."""
    threads: int
    """Of each process. Sums may come out otherwise in the last bit with another number."""
    made_with: Mapping[str, str]
    """model, revision, device, dtype and the versions of the libraries."""

    def to_json(self) -> dict[str, Any]:
        """The manifest as the file in the folder says it."""
        return {"format": FORMAT, "version": VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """The manifest in JSON values, else a KeyError, TypeError or ValueError."""
        if values["format"] != FORMAT or values["version"] != VERSION:
            raise ValueError("not of this program")
        return cls(
            seed=int(values["seed"]),
            threads=int(values["threads"]),
            made_with=dict(values["made_with"]),
        )

    def differences(self, other: Manifest) -> list[str]:
        """What differs between the two, in words; threads are not compared."""
        pairs: dict[str, tuple[object, object]] = {"the run's seed": (self.seed, other.seed)}
        for name in {**self.made_with, **other.made_with}:
            pairs[name] = (
                self.made_with.get(name, "unknown"),
                other.made_with.get(name, "unknown"),
            )
        return [f"{name} was {a}, is {b}" for name, (a, b) in pairs.items() if a != b]


def stored_manifest(folder: Path) -> Manifest | None:
    """The folder's manifest, None in a folder without; OutputError when it cannot be read."""
    path = folder / NAME
    try:
        return Manifest.from_json(json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OutputError(
            "output.unreadable", f"{path} cannot be read: {error.strerror}."
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise OutputError(
            "output.not-ours",
            f"{path} is no manifest of this program ({error}).",
            "Choose another folder with -o.",
        ) from error


def agree(folder: Path, wanted: Manifest) -> None:
    """The folder has this manifest now, or a UsageError says what is different in its own."""
    found = stored_manifest(folder)
    if found is None:
        text = json.dumps(wanted.to_json(), indent=1)  # escaped: a folder's name may be no UTF-8
        replace_file(folder / NAME, f"{text}\n".encode())
        return
    if differences := found.differences(wanted):
        raise UsageError(
            "usage.other-settings",
            f"The answers in {folder} were made otherwise: {'; '.join(differences)}.",
            "Go on as it was begun, or choose another folder with -o.",
        )
