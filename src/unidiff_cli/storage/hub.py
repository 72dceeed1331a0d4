"""Models on the Hugging Face Hub: which files suffice, fetched, hashed, kept in the Hub's cache.

The cache, its variables (HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE, HF_TOKEN, HF_ENDPOINT, ...) and
the transfer are huggingface_hub's own. It takes any bytes of the right length for the file, so
each file is hashed here. No torch.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import huggingface_hub
from huggingface_hub import errors
from huggingface_hub.utils.tqdm import disable_progress_bars

from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.registry import MODELS
from unidiff_cli.storage.cached import cache_folder
from unidiff_cli.storage.hub_errors import hub_errors
from unidiff_cli.storage.layout import files_in, human, layout_among, needed

Tell = Callable[[str], None]
CHUNK = 1 << 22


@dataclass(frozen=True)
class RemoteFile:
    """A file of a repository, and what its bytes must hash to."""

    name: str
    size: int
    sha256: str = ""
    """Of a large file, as the Hub's LFS states it."""
    blob: str = ""
    """Of a small one: git's own hash."""

    def matches(self, path: Path) -> bool:
        """Whether the file at `path` has these very bytes."""
        if path.stat().st_size != self.size:
            return False
        if self.sha256:
            return file_hash(path, hashlib.sha256()) == self.sha256
        header = b"blob %d\0" % self.size
        return file_hash(path, hashlib.sha1(header, usedforsecurity=False)) == self.blob


@dataclass(frozen=True)
class Plan:
    """What a pull will do."""

    repo: str
    revision: str
    commit: str
    license: str
    files: tuple[RemoteFile, ...]
    here: frozenset[str]
    """Names of files that need no fetching."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def to_fetch(self) -> int:
        """Bytes that are not here yet."""
        return sum(file.size for file in self.files if file.name not in self.here)


def plan(repo: str, revision: str = "main") -> Plan:
    """Ask the Hub what a pull of `repo` takes; ModelUnavailable when it cannot say."""
    with hub_errors(repo):
        info = huggingface_hub.HfApi().model_info(repo, revision=revision, files_metadata=True)
    remote = {sibling.rfilename: sibling for sibling in info.siblings or []}
    layout = layout_among(remote)
    if layout is None or info.sha is None:
        raise ModelUnavailable(
            "model.other-kind", f"{repo} on the Hub is no UniDiffuser: it has no files of one."
        )
    names, missing = needed(layout, remote)
    if missing:
        raise ModelUnavailable(
            "model.hub-incomplete", f"{repo} on the Hub is incomplete: it lacks {missing[0]}."
        )
    files = tuple(
        RemoteFile(
            name,
            remote[name].size or 0,
            sha256=lfs.sha256 if (lfs := remote[name].lfs) else "",
            blob=remote[name].blob_id or "",
        )
        for name in names
    )
    card = (info.card_data and info.card_data.license) or "not stated"
    row = next((row for row in MODELS.values() if row.repo == repo), None)
    here = frozenset(f.name for f in files if _cached_file(repo, f.name, info.sha) is not None)
    return Plan(repo, revision, info.sha, row.license if row else str(card), files, here)


def check_space(plan: Plan) -> int:
    """Free bytes on the cache's disk; ModelUnavailable when the pull does not fit."""
    free = shutil.disk_usage(_existing(cache_folder())).free
    if free < plan.to_fetch:
        raise ModelUnavailable(
            "model.disk-full",
            f"{plan.repo} needs {human(plan.to_fetch)} more, and {cache_folder()} has "
            f"{human(free)} free.",
            "Make room, or set HF_HUB_CACHE to a folder on a larger disk.",
        )
    return free


def fetch(plan: Plan, tell: Tell) -> Path:
    """Fetch and hash every file of a plan; returns the folder that they are in.

    ModelUnavailable when a file cannot be fetched or its bytes are wrong. Finished files stay: the
    next pull goes on from there.
    """
    with hub_errors(plan.repo):
        # By the branch's name once: the cache then knows its commit, for other programs as well.
        huggingface_hub.hf_hub_download(plan.repo, plan.files[0].name, revision=plan.revision)
    folder = cache_folder()
    for index, file in enumerate(plan.files, start=1):
        where = f"[{index}/{len(plan.files)}]"
        if file.name in plan.here:
            tell(f"{where} checking {file.name} ({human(file.size)})")
            path = _fetched(plan, file)
            if path is None:
                tell(f"{where} damaged, fetching again: {file.name}")
        else:
            tell(f"{where} fetching {file.name} ({human(file.size)})")
            path = None
        path = path or _fetched(plan, file)
        if path is None:
            raise ModelUnavailable(
                "model.wrong-bytes",
                f"{file.name} of {plan.repo} arrived with wrong bytes, and was dropped.",
                "Pull again; if it stays so, a proxy or mirror (HF_ENDPOINT) alters the file.",
            )
        folder = path.parents[file.name.count("/")]
    return folder


def _fetched(plan: Plan, file: RemoteFile) -> Path | None:
    """The file in the cache, fetched if need be; None, and it is gone, when its bytes are wrong."""
    with hub_errors(plan.repo, file.name):
        path = Path(huggingface_hub.hf_hub_download(plan.repo, file.name, revision=plan.commit))
    if file.matches(path):
        return path
    blob = path.resolve()
    path.unlink()
    blob.unlink(missing_ok=True)
    return None


def damaged(repo: str, folder: Path, tell: Tell) -> list[str]:
    """Names of the files of a snapshot whose bytes are not those that the Hub published."""
    files = _published(repo, folder, tell)
    bad = []
    for index, file in enumerate(files, start=1):
        tell(f"[{index}/{len(files)}] hashing {file.name} ({human(file.size)})")
        if not file.matches(folder / file.name):
            bad.append(file.name)
    return bad


def _published(repo: str, folder: Path, tell: Tell) -> Sequence[RemoteFile]:
    """The hashes that the Hub states; out of its reach, those that the cache remembers."""
    try:
        return plan(repo, folder.name).files
    except ModelUnavailable as error:
        known = _remembered(folder)
        if not known:
            raise
        tell(f"{error.message} Comparing with the hashes that the cache remembers.")
        return known


def _remembered(folder: Path) -> list[RemoteFile]:
    """A snapshot's files: a blob in the cache bears its hash as its name, where there are links."""
    names = files_in(folder)
    layout = layout_among(names)
    out = []
    for name in needed(layout, names)[0] if layout else []:
        blob = (folder / name).resolve()
        sha256 = blob.name if len(blob.name) == 64 else ""
        if blob.parent.name == "blobs":
            out.append(RemoteFile(name, blob.stat().st_size, sha256, "" if sha256 else blob.name))
    return out


def remove(repo: str) -> int:
    """Take every revision of `repo` out of the cache; the bytes that are freed."""
    try:
        scan = huggingface_hub.scan_cache_dir(cache_folder())
    except errors.CacheNotFound:
        return 0
    commits = [
        revision.commit_hash
        for cached in scan.repos
        if cached.repo_id == repo and cached.repo_type == "model"
        for revision in cached.revisions
    ]
    if not commits:
        return 0
    strategy = scan.delete_revisions(*commits)
    strategy.execute()
    return int(strategy.expected_freed_size)


def cached_folder(repo: str, choices: Sequence[Sequence[str]]) -> Path | None:
    """The cached snapshot that has all files of one of the choices, the first that fits."""
    for names in choices:
        paths = [_cached_file(repo, name) for name in names]
        if all(paths) and paths[0] is not None:
            return paths[0].parent
    return None


def without_bars() -> None:
    """The client draws no progress."""
    disable_progress_bars()


def file_hash(path: Path, digest: hashlib._Hash) -> str:
    """The file's bytes through a digest, as hexadecimal."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _cached_file(repo: str, name: str, revision: str | None = None) -> Path | None:
    found = huggingface_hub.try_to_load_from_cache(repo, name, revision=revision)
    return Path(found) if isinstance(found, str) else None


def _existing(folder: Path) -> Path:
    return next(
        path for path in (folder.absolute(), *folder.absolute().parents) if os.path.exists(path)
    )
