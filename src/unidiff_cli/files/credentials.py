"""Content Credentials (C2PA): what any file carries, and whether it can be believed.

All that is known of the format is c2pa-python's; it comes with unidiff-cli[c2pa].
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from unidiff_cli.errors import InputError, UsageError
from unidiff_cli.errors.system import cannot_read
from unidiff_cli.files.pictures import opened

if TYPE_CHECKING:
    pass

SETTINGS: dict[str, Any] = {
    # A thumbnail would be many times as large as a small picture.
    "builder": {"thumbnail": {"enabled": False}},
    # Nothing is fetched on the word of a stranger's file.
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
}


def library() -> Any:
    """The package c2pa, or a UsageError that names it."""
    try:
        import c2pa
    except ImportError as error:
        raise UsageError(
            "usage.needs-package",
            "Content Credentials need the package c2pa-python.",
            "Install it with: pip install 'unidiff-cli[c2pa]'",
        ) from error
    return c2pa


def certificates(path: Path) -> bytes:
    """The certificates in a file of PEM, else an InputError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise cannot_read(path, error) from error
    if b"-----BEGIN CERTIFICATE-----" not in data:
        raise InputError(
            "input.certificate", f"{path} holds no certificate in PEM.", "See docs/credentials.md"
        )
    return data


State = Literal["trusted", "valid", "broken", "unchecked"]


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What a file's manifest says, and whether that can be believed."""

    state: State
    """valid: unchanged since it was signed, by somebody for whom nobody vouches here."""
    signer: str = ""
    made_with: str = ""
    source: str = ""
    """IPTC's kind of source."""
    inputs: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    manifest: Mapping[str, Any] = field(default_factory=dict)
    """All of it, as c2pa tells it."""

    def to_json(self) -> dict[str, Any]:
        """JSON values, without the whole manifest; what there is not is left out."""
        values = {**vars(self), "inputs": list(self.inputs), "problems": list(self.problems)}
        del values["manifest"]
        return {name: value for name, value in values.items() if value}


def carries_credentials(path: str | Path) -> bool:
    """Whether a file looks as if it did; read without any library."""
    with (
        suppress(OSError, ValueError),
        open(path, "rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        return data.find(b"jumb") >= 0 and data.find(b"c2pa") >= 0
    return False


def read_credentials(path: str | Path, trusted: bytes = b"") -> Credentials | None:
    """The credentials of a file, None where it carries none.

    `trusted` are certificates in PEM: who signs with one of them, or with one that they signed, is
    trusted.
    """
    if not carries_credentials(path):
        return None
    try:
        c2pa = library()
    except UsageError:
        return Credentials(state="unchecked")
    trust = {"trust": {"trust_anchors": trusted.decode(errors="replace")}} if trusted else {}
    try:
        context = c2pa.Context.from_dict({**SETTINGS, **trust})
        with opened(path) as picture:
            kind = picture.get_format_mimetype() or ""  # type: ignore[attr-defined]
        with open(path, "rb") as file:
            reader = c2pa.Reader.try_create(kind, file, context=context)
            return None if reader is None else _told(json.loads(reader.json()))
    except (c2pa.C2paError, ValueError, OSError) as error:
        return Credentials(state="broken", problems=(str(error),))


def _told(known: dict[str, Any]) -> Credentials:
    """The active manifest in words."""
    manifest = known.get("manifests", {}).get(known.get("active_manifest"), {})
    states: dict[str, State] = {"Trusted": "trusted", "Valid": "valid"}
    state = states.get(known.get("validation_state", ""), "broken")
    signed = manifest.get("signature_info", {})
    actions = [
        action
        for assertion in manifest.get("assertions", [])
        if str(assertion.get("label")).startswith("c2pa.actions")
        for action in assertion.get("data", {}).get("actions", [])
    ]
    agents = [action.get("softwareAgent") for action in actions]
    names = [_named(each) for each in [*manifest.get("claim_generator_info", []), *agents]]
    sources = [
        str(action["digitalSourceType"]) for action in actions if "digitalSourceType" in action
    ]
    return Credentials(
        state=state,
        signer=", ".join(filter(None, (signed.get("common_name"), signed.get("issuer")))),
        made_with=", ".join(dict.fromkeys(filter(None, names))),
        source=sources[0] if sources else "",
        inputs=tuple(str(each.get("title", "")) for each in manifest.get("ingredients", [])),
        problems=tuple(
            str(each.get("explanation") or each.get("code"))
            for each in known.get("validation_status", [])
            if state == "broken" and each.get("code") != "signingCredential.untrusted"
        ),
        manifest=known,
    )


def _named(agent: object) -> str:
    """A program with its version, in either of the forms that C2PA has for it."""
    if isinstance(agent, dict):
        return " ".join(str(agent[name]) for name in ("name", "version") if agent.get(name))
    return str(agent or "")
