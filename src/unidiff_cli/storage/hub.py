"""Models on the Hugging Face Hub: which files suffice, fetched, hashed, kept in the Hub's cache.

The cache, its variables (HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE, HF_TOKEN, HF_ENDPOINT, ...) and
the transfer are huggingface_hub's own. It takes any bytes of the right length for the file, so
each file is hashed here. No torch.
"""

from __future__ import annotations

import errno
import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import huggingface_hub
from huggingface_hub import constants, errors
from huggingface_hub.file_download import repo_folder_name

from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.registry import MODELS
from unidiff_cli.storage.layout import files_in, layout_among, needed

Tell = Callable[[str], None]
CHUNK = 1 << 22
# httpx's or httpx2's, whichever this huggingface_hub is built on.
_HTTPError: type[Exception] = errors.HfHubHTTPError.__mro__[1]


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
        raise ModelUnavailable(f"{repo} on the Hub is no UniDiffuser: it has no files of one.")
    names, missing = needed(layout, remote)
    if missing:
        raise ModelUnavailable(f"{repo} on the Hub is incomplete: it lacks {missing[0]}.")
    files = tuple(
        RemoteFile(
            name,
            remote[name].size or 0,
            sha256=lfs.sha256 if (lfs := remote[name].lfs) else "",
            blob=remote[name].blob_id or "",
        )
        for name in names
    )
    card = info.card_data.license if info.card_data else None
    row = next((row for row in MODELS.values() if row.repo == repo), None)
    here = frozenset(f.name for f in files if _cached_file(repo, f.name, info.sha) is not None)
    return Plan(repo, revision, info.sha, row.license if row else str(card), files, here)


def check_space(plan: Plan) -> int:
    """Free bytes on the cache's disk; ModelUnavailable when the pull does not fit."""
    free = shutil.disk_usage(_existing(cache_folder())).free
    if free < plan.to_fetch:
        raise ModelUnavailable(
            f"{plan.repo} needs {human(plan.to_fetch)} more, and {cache_folder()} has "
            f"{human(free)} free.",
            "Make room, or set HF_HUB_CACHE to a folder on a larger disk.",
        )
    return free


def fetch(plan: Plan, tell: Tell) -> Path:
    """Fetch and hash every file of a plan; the folder that they are in.

    Finished files stay when another one fails: the next pull goes on from there.
    """
    folder = cache_folder()
    for index, file in enumerate(plan.files, start=1):
        verb = "checking" if file.name in plan.here else "fetching"
        tell(f"[{index}/{len(plan.files)}] {verb} {file.name} ({human(file.size)})")
        with hub_errors(plan.repo, file.name):
            path = Path(huggingface_hub.hf_hub_download(plan.repo, file.name, revision=plan.commit))
        if not file.matches(path):
            _drop(path)
            raise ModelUnavailable(
                f"{file.name} of {plan.repo} arrived with wrong bytes, and was dropped.",
                "Pull again; if it stays so, a proxy or mirror (HF_ENDPOINT) alters the file.",
            )
        folder = path.parents[file.name.count("/")]
    return folder


def snapshot(repo: str, revision: str = "main") -> Path | None:
    """The folder of a complete model in the cache: at `revision` if it is here, or the newest."""
    base = cache_folder() / repo_folder_name(repo_id=repo, repo_type="model")
    ref = base / "refs" / revision
    known = ref.read_text().strip() if ref.is_file() else revision
    found = [path for path in (base / "snapshots").glob("*") if is_complete(path)]
    found.sort(key=lambda path: (path.name == known, path.stat().st_mtime))
    return found[-1] if found else None


def is_complete(folder: Path) -> bool:
    """Whether all files of a model are in a folder."""
    names = files_in(folder)
    layout = layout_among(names)
    return layout is not None and not needed(layout, names)[1]


def remembered(folder: Path) -> list[RemoteFile]:
    """A snapshot's files with the hashes that the cache remembers: a blob bears its own as name.

    Where the disk has no links, the cache has forgotten them, and the list is shorter.
    """
    names = files_in(folder)
    layout = layout_among(names)
    wanted = needed(layout, names)[0] if layout else []
    out = []
    for name in wanted:
        blob = (folder / name).resolve()
        key = {"sha256": blob.name} if len(blob.name) == 64 else {"blob": blob.name}
        if blob.parent.name == "blobs":
            out.append(RemoteFile(name, blob.stat().st_size, **key))
    return out


def remove(repo: str) -> int:
    """Take every revision of `repo` out of the cache; the bytes that are freed."""
    try:
        scan = huggingface_hub.scan_cache_dir()
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


def cache_folder() -> Path:
    """Where huggingface_hub keeps what it fetches."""
    return Path(constants.HF_HUB_CACHE)


def file_hash(path: Path, digest: hashlib._Hash) -> str:
    """The file's bytes through a digest, as hexadecimal."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def human(size: int) -> str:
    """Bytes in the unit that people read: 5.49 GB."""
    number, units = float(size), ["bytes", "kB", "MB", "GB", "TB"]
    while number >= 999.5 and len(units) > 1:
        number /= 1000
        units.pop(0)
    return f"{number:.0f} bytes" if units[0] == "bytes" else f"{number:.3g} {units[0]}"


def _cached_file(repo: str, name: str, revision: str | None = None) -> Path | None:
    found = huggingface_hub.try_to_load_from_cache(repo, name, revision=revision)
    return Path(found) if isinstance(found, str) else None


def _drop(path: Path) -> None:
    blob = path.resolve()
    path.unlink()
    blob.unlink(missing_ok=True)


def _existing(folder: Path) -> Path:
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


@contextmanager
def hub_errors(repo: str, name: str = "") -> Iterator[None]:
    """What goes wrong on the way to the Hub, as a ModelUnavailable with the next thing to try."""
    try:
        yield
    except errors.HFValidationError as error:
        raise ModelUnavailable(f"{repo!r} is not the id of a repository: {error}.") from error
    except (_HTTPError, OSError, RuntimeError) as error:
        raise _translated(repo, name, error) from error


def _translated(repo: str, name: str, error: Exception) -> ModelUnavailable:
    what = f"{name} of {repo}" if name else repo
    kept = "Files that are complete are kept; pull again to go on from there."
    if isinstance(error, errors.LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    if isinstance(error, errors.OfflineModeIsEnabled):
        return ModelUnavailable(
            f"{what} is not here, and HF_HUB_OFFLINE forbids to fetch it.",
            "Unset HF_HUB_OFFLINE, or copy the model here and give its folder to --model.",
        )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return ModelUnavailable(
            f"The disk filled up while {what} was fetched to {cache_folder()}.",
            f"Make room, or set HF_HUB_CACHE to a larger disk. {kept}",
        )
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.GatedRepoError) or status == 403:
        return ModelUnavailable(
            f"The Hub refuses {what} (403).",
            f"Accept its terms at {constants.ENDPOINT}/{repo}, then log in: hf auth login",
        )
    if status == 401:
        return ModelUnavailable(
            f"The Hub asks who you are before it gives {what} (401).",
            "Is the name right? If so, log in with: hf auth login, or set HF_TOKEN.",
        )
    if status == 404:
        return ModelUnavailable(
            f"The Hub has no {what} (404).", "Names of models: unidiff models list"
        )
    if status is not None:
        return ModelUnavailable(
            f"The Hub failed on {what} (error {status}).", f"Try again later. {kept}"
        )
    return ModelUnavailable(
        f"{what} could not be fetched from {constants.ENDPOINT} "
        f"({_first_line(error) or type(error).__name__}).",
        f"Check the connection, HF_ENDPOINT and proxies. {kept}",
    )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else ""
