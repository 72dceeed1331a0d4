"""What lies in the Hub's cache, seen without huggingface_hub's client, which takes its time."""

from __future__ import annotations

import os
from pathlib import Path

from huggingface_hub import constants

from unidiff_cli.storage.layout import check_readable, is_complete


def cache_folder() -> Path:
    """Where huggingface_hub keeps what it fetches."""
    return Path(constants.HF_HUB_CACHE)


def repo_folder(repo: str) -> Path:
    """Where it keeps a model: what `repo_folder_name` says."""
    return cache_folder() / constants.REPO_ID_SEPARATOR.join(["models", *repo.split("/")])


def snapshot(repo: str, revision: str = "main") -> Path | None:
    """The folder of a complete model in the cache: at `revision` if it is here, or the newest.

    None where there is none, and OSError where nobody can tell.
    """
    base = repo_folder(repo)
    try:
        folders = [base / "snapshots" / name for name in os.listdir(base / "snapshots")]
    except (FileNotFoundError, NotADirectoryError):
        return None
    ref = base / "refs" / revision
    known = ref.read_text().strip() if ref.is_file() else revision
    found = [path for path in folders if is_complete(path)]
    if not found:
        return None
    best = max(found, key=lambda path: (path.name == known, path.stat().st_mtime))
    check_readable(best)
    return best
