"""A hub on this machine: what huggingface_hub asks of one for a model, on a line that can be slow or broken."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """Serves the files of one model. `send` writes a file's bytes to a client; tests put others in its place."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.asked: list[str] = []  # method and file of each request
        self.send: Callable[[BaseHTTPRequestHandler, str, bytes], None] = lambda line, file, data: line.wfile.write(
            data
        )
        hub = self

        class Line(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                hub._answer(self, body=False)

            def do_GET(self) -> None:
                hub._answer(self, body=True)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Line)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # clients go away, as some tests want it
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, line: BaseHTTPRequestHandler, *, body: bool) -> None:
        path = line.path.partition("?")[0].strip("/")
        if path == f"api/models/{self.name}/tree/{COMMIT}":
            tree = [
                {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": self._digest(file)}
                for file in sorted(self.folder.iterdir())
            ]
            self._reply(line, json.dumps(tree).encode(), {"Content-Type": "application/json"}, "")
            return
        for revision in ("main", COMMIT):
            start = f"{self.name}/resolve/{revision}/"
            file = self.folder / path.removeprefix(start)
            if path.startswith(start) and file.is_file():
                self.asked.append(f"{line.command} {file.name}")
                marks = {"X-Repo-Commit": COMMIT, "ETag": f'"{self._digest(file)}"', "Accept-Ranges": "bytes"}
                self._reply(line, file.read_bytes(), marks, file.name if body else None)
                return
        code = "EntryNotFound" if path.startswith(f"{self.name}/resolve") else "RepoNotFound"
        line.send_response(404)
        line.send_header("X-Error-Code", code)
        line.send_header("Content-Length", "0")
        line.end_headers()

    def _reply(self, line: BaseHTTPRequestHandler, data: bytes, headers: dict[str, str], file: str | None) -> None:
        start = int(line.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        line.send_response(206 if start else 200)
        if start:
            line.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        for name, value in {**headers, "Content-Length": str(len(data) - start)}.items():
            line.send_header(name, value)
        line.end_headers()
        if file:
            self.send(line, file, data[start:])
        elif file == "":
            line.wfile.write(data)

    @staticmethod
    def _digest(file: Path) -> str:
        return hashlib.sha1(file.read_bytes(), usedforsecurity=False).hexdigest()


def point_at(url: str, cache: Path, patch) -> None:
    """Let huggingface_hub ask this address alone, and keep what it downloads in this folder."""
    patch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    patch.setattr("huggingface_hub.constants.ENDPOINT", url)
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    patch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)


@contextlib.contextmanager
def running(name: str, folder: Path, cache: Path, patch) -> Iterator[Hub]:
    """The hub in place of the real one, and an empty cache of downloads. patch: pytest's monkeypatch."""
    hub = Hub(name, folder)
    point_at(hub.url, cache, patch)
    yield hub
    hub.close()
