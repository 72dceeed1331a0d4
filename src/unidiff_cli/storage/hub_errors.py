"""What goes wrong on the way to the Hub, in words, with the next thing to try. No torch."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub import constants, errors

from unidiff_cli.errors import ModelUnavailable

# httpx's or httpx2's, whichever this huggingface_hub is built on.
_HTTPError: type[Exception] = errors.HfHubHTTPError.__mro__[1]


@contextmanager
def hub_errors(repo: str, name: str = "") -> Iterator[None]:
    """What goes wrong on the way to the Hub, as a ModelUnavailable with the next thing to try."""
    try:
        yield
    except errors.HFValidationError as error:
        raise ModelUnavailable(
            "model.hub-name", f"{repo!r} is not the id of a repository: {error}."
        ) from error
    except (_HTTPError, OSError, RuntimeError) as error:
        raise _translated(repo, name, error) from error


def _translated(repo: str, name: str, error: Exception) -> ModelUnavailable:
    what = f"{name} of {repo}" if name else repo
    kept = "Files that are complete are kept; pull again to go on from there."
    if isinstance(error, errors.LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    if isinstance(error, errors.OfflineModeIsEnabled):
        return ModelUnavailable(
            "model.offline",
            f"{what} is not here, and HF_HUB_OFFLINE forbids to fetch it.",
            "Unset HF_HUB_OFFLINE, or copy the model here and give its folder to --model.",
        )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return ModelUnavailable(
            "model.disk-full",
            f"The disk filled up while {what} was fetched to {constants.HF_HUB_CACHE}.",
            f"Make room, or set HF_HUB_CACHE to a larger disk. {kept}",
        )
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.GatedRepoError) or status == 403:
        return ModelUnavailable(
            "model.hub-refused",
            f"The Hub refuses {what} (403).",
            f"Accept its terms at {constants.ENDPOINT}/{repo}, then log in: hf auth login",
        )
    if status == 401:
        return ModelUnavailable(
            "model.hub-login",
            f"The Hub asks who you are before it gives {what} (401).",
            "Is the name right? If so, log in with: hf auth login, or set HF_TOKEN.",
        )
    if status == 404:
        return ModelUnavailable(
            "model.hub-unknown",
            f"The Hub has no {what} (404).",
            "Names of models: unidiff models list",
        )
    if status is not None:
        return ModelUnavailable(
            "model.hub-failed",
            f"The Hub failed on {what} (error {status}).",
            f"Try again later. {kept}",
        )
    return ModelUnavailable(
        "model.unreachable",
        f"{what} could not be fetched from {constants.ENDPOINT} "
        f"({_first_line(error) or type(error).__name__}).",
        f"Check the connection, HF_ENDPOINT and proxies. {kept}",
    )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else ""
