"""A small Hugging Face hub on this machine: the three answers that huggingface_hub asks of the real one.

GET /api/models/OWNER/NAME(/revision/REVISION)     what files there are
HEAD and GET /OWNER/NAME/resolve/COMMIT/FILE       a file's size and etag; its bytes, from where a Range asks
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class SmallHub:
    """repositories: folders by "owner/name". gets: the files that were sent, in order. cut: files sent half, once.

    swapped: other bytes than announced, by file. gated: repositories that ask for an account.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Path] = {}
        self.gets: list[str] = []
        self.cut: set[str] = set()
        self.swapped: dict[str, bytes] = {}
        self.gated: set[str] = set()

    def about(self, name: str) -> dict[str, Any]:
        folder = self.repositories[name]
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {
            "id": name,
            "sha": COMMIT,
            "cardData": {"license": "openrail++"},
            "siblings": [
                {"rfilename": path.relative_to(folder).as_posix(), **_blob(path.read_bytes(), path.suffix)}
                for path in files
            ],
        }


def _blob(content: bytes, suffix: str) -> dict[str, Any]:
    blob: dict[str, Any] = {"size": len(content), "blobId": _etag(content, "")}
    if suffix == ".safetensors":
        blob["lfs"] = {"sha256": _etag(content, suffix), "size": len(content), "pointerSize": 134}
    return blob


def _etag(content: bytes, suffix: str) -> str:
    if suffix == ".safetensors":
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    hub: SmallHub

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        path = self.path.split("?")[0].strip("/")
        parts = path.removeprefix("api/models/").split("/")
        name = "/".join(parts[:2])
        if name in self.hub.gated:
            self._send(403, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "gated"})
        elif name not in self.hub.repositories:
            self._send(404, b"", {"X-Error-Code": "RepoNotFound"})
        elif not path.startswith("api/models/"):
            self._file(self.hub.repositories[name], "/".join(parts[4:]), with_body)
        elif parts[2:] in ([], ["revision", "main"], ["revision", COMMIT]):
            self._send(200, json.dumps(self.hub.about(name)).encode(), {"Content-Type": "application/json"})
        else:
            self._send(404, b"", {"X-Error-Code": "RevisionNotFound"})

    def _file(self, folder: Path, file: str, with_body: bool) -> None:
        content = (folder / file).read_bytes()
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{_etag(content, Path(file).suffix)}"'}
        if not with_body:
            self._send(200, b"", headers, length=len(content))
            return
        self.hub.gets.append(file)
        sent = self.hub.swapped.get(file, content)
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(sent) - 1}/{len(sent)}"
        cut = file in self.hub.cut
        self.hub.cut.discard(file)
        rest = sent[start:]
        self._send(206 if start else 200, rest[: len(rest) // 2] if cut else rest, headers, length=len(rest))

    def _send(self, status: int, body: bytes, headers: dict[str, str], length: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(hub: SmallHub) -> Iterator[str]:
    """Its address."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
