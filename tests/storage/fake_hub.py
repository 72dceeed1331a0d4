"""A Hub on loopback, small but speaking its protocol, and as unreliable as a test asks for."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = 2000
"""Files from this size on are in LFS, as on the Hub."""


@dataclass
class FakeHub:
    """One repository, and how it misbehaves."""

    repo: str
    files: dict[str, bytes]
    url: str = ""
    license: str = "agpl-3.0"
    status: dict[str, int] = field(default_factory=dict)
    """Answer requests for a file ("" for the repository itself) with this status."""
    cut: dict[str, int] = field(default_factory=dict)
    """Close the connection of a file after so many bytes, this many times."""
    wrong: set[str] = field(default_factory=set)
    """Send other bytes of the same length for these files."""
    served: list[str] = field(default_factory=list)
    """Names of files whose bytes were asked for."""

    def sha256(self, name: str) -> str:
        return hashlib.sha256(self.files[name]).hexdigest()

    def blob(self, name: str) -> str:
        data = self.files[name]
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    def info(self) -> dict[str, Any]:
        siblings = []
        for name, data in self.files.items():
            sibling: dict[str, Any] = {
                "rfilename": name,
                "size": len(data),
                "blobId": self.blob(name),
            }
            if len(data) >= LARGE:
                sibling["lfs"] = {
                    "sha256": self.sha256(name),
                    "size": len(data),
                    "pointerSize": 134,
                }
            siblings.append(sibling)
        return {
            "_id": "0",
            "id": self.repo,
            "sha": COMMIT,
            "siblings": siblings,
            "cardData": {"license": self.license},
        }


class Handler(BaseHTTPRequestHandler):
    """GET and HEAD of /api/models/ID/revision/X and of /ID/resolve/X/FILE."""

    protocol_version = "HTTP/1.1"
    hub: FakeHub

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        path, hub = self.path.split("?")[0].lstrip("/"), self.hub
        if path.startswith(f"api/models/{hub.repo}"):
            self.say(hub.status.get("", 200), json.dumps(hub.info()).encode(), body)
            return
        start = f"{hub.repo}/resolve/"
        name = path.removeprefix(start).partition("/")[2] if path.startswith(start) else ""
        if name not in hub.files:
            kind = "EntryNotFound" if path.startswith(start) else "RepoNotFound"
            self.say(404, b"", body, {"X-Error-Code": kind})
        elif name in hub.status:
            self.say(hub.status[name], b"", body)
        else:
            self.file(name, body)

    def file(self, name: str, body: bool) -> None:
        hub = self.hub
        data = hub.files[name]
        large = len(data) >= LARGE
        etag = hub.sha256(name) if large else hub.blob(name)
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"'}
        if large:
            headers |= {"X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(len(data))}
        if body:
            hub.served.append(name)
        if name in hub.wrong:
            data = bytes(255 - byte for byte in data)
        first = 0
        if wanted := self.headers.get("Range"):
            first = int(wanted.removeprefix("bytes=").split("-")[0])
            headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
        status = 206 if wanted else 200
        if body and hub.cut.get(name, 0) > 0:
            hub.cut[name] -= 1
            self.send_response(status)
            self.send_header("Content-Length", str(len(data) - first))
            for key, value in headers.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(data[first : first + len(data) // 3] if first == 0 else b"")
            self.wfile.flush()
            self.close_connection = True
            return
        self.say(status, data[first:], body, headers)

    def say(
        self, status: int, data: bytes, body: bool, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.end_headers()
        if body:
            self.wfile.write(data)


@contextmanager
def serving(hub: FakeHub) -> Iterator[FakeHub]:
    """The hub, reachable under its url."""
    handler = type("Bound", (Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
