"""Files as S3 objects, for reading: HEAD and GET with ranges. moto keeps objects in memory and copies them per range,
so it would be what is measured.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

BUCKET = "bench"
RANGE = re.compile(r"bytes=(\d+)-(\d*)$")
BLOCK = 1 << 20


class Handler(BaseHTTPRequestHandler):
    """GET and HEAD of /bench/NAME, a file of the folder."""

    protocol_version = "HTTP/1.1"
    folder: Path

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = self.folder / unquote(urlsplit(self.path).path).removeprefix(f"/{BUCKET}/")
        if path.parent != self.folder or not path.is_file():
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        size = path.stat().st_size
        first, last = 0, size - 1
        if asked := RANGE.match(self.headers.get("Range", "")):
            first, last = int(asked[1]), min(int(asked[2] or last), last)
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Content-Length", str(last - first + 1))
        self.send_header("ETag", f'"{path.name}-{size}"')
        self.send_header("Last-Modified", self.date_time_string(path.stat().st_mtime))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        if body:
            self._send(path, first, last + 1 - first)

    def _send(self, path: Path, offset: int, left: int) -> None:
        with path.open("rb") as file:
            file.seek(offset)
            self.wfile.flush()
            self.connection.settimeout(None)
            self.connection.sendfile(file, offset, left)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Silent: the benchmark's output is a table."""


@contextmanager
def serving(folder: Path) -> Generator[str]:
    """The endpoint's URL, while the context lasts."""
    handler = type("FolderHandler", (Handler,), {"folder": folder})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
