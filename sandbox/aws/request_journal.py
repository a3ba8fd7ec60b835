"""Requests that changed something, in order, on disk: played again they bring moto's memory back.

One folder: log.jsonl has a line for each request; bodies above some size lie beside it, one file each.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

INLINE_BYTES = 16 * 1024


@dataclass(frozen=True)
class Request:
    """An HTTP request; `seed` makes the identifiers that it draws the same each time it is played."""

    seed: int
    time: datetime
    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Journal:
    """Appends and reads requests. A line that a kill cut off is dropped with the request it stood for."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self._log = folder, folder / "log.jsonl"
        self.count = 0
        self._drop_half_line()

    def _drop_half_line(self) -> None:
        if not self._log.exists():
            return
        content = self._log.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with self._log.open("r+b") as log:
                log.truncate(whole)
        self.count = content.count(b"\n", 0, whole)

    def append(self, request: Request) -> None:
        entry: dict[str, Any] = {
            "seed": request.seed,
            "time": request.time.isoformat(),
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": request.headers,
        }
        if len(request.body) > INLINE_BYTES:
            name = f"body-{self.count}"
            part = self._folder / f"{name}.part"
            part.write_bytes(request.body)
            part.replace(self._folder / name)
            entry["file"] = name
        else:
            entry["body"] = base64.b64encode(request.body).decode()
        with self._log.open("ab") as log:
            log.write(json.dumps(entry).encode() + b"\n")
        self._log.chmod(0o600)
        self.count += 1

    def __iter__(self) -> Iterator[Request]:
        if not self._log.exists():
            return
        with self._log.open("rb") as log:
            for line in log:
                yield self._read(json.loads(line))

    def _read(self, entry: dict[str, Any]) -> Request:
        body = (self._folder / entry["file"]).read_bytes() if "file" in entry else base64.b64decode(entry["body"])
        return Request(
            seed=entry["seed"],
            time=datetime.fromisoformat(entry["time"]),
            method=entry["method"],
            path=entry["path"],
            query=entry["query"],
            headers=tuple((str(k), str(v)) for k, v in entry["headers"]),
            body=body,
        )


def now() -> datetime:
    return datetime.now(UTC)
