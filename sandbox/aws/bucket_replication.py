"""Buckets whose objects are replicated to another region: what S3 says of each object's way there.

POST /_sandbox/replication   {"from": bucket, "to": bucket}; the objects themselves are brought over by who plays it
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import unquote

from sandbox.aws.moto_services import Environ, MotoServices, StartResponse
from sandbox.aws.query_protocol import Shape

HEADER = "x-amz-replication-status"


class BucketReplication:
    """The bucket that each bucket is replicated to, by name."""

    def __init__(self, moto: MotoServices) -> None:
        self._moto = moto
        self._rules: dict[str, str] = {}

    def routes(self) -> dict[tuple[str, str], Callable[[bytes], Shape]]:
        return {("POST", "replication"): self._change}

    def _change(self, body: bytes) -> Shape:
        content = cast("dict[str, Any]", json.loads(body))
        self._rules = {**self._rules, str(content["from"]): str(content["to"])}
        return {"rules": dict(self._rules)}

    def told(self, environ: Environ, start: StartResponse) -> StartResponse:
        """The answer to a HEAD of an object of such a bucket, with its replication status (S3 User Guide, "Getting
        replication status information")."""
        bucket, _, key = unquote(str(environ.get("PATH_INFO", ""))).lstrip("/").partition("/")
        target = self._rules.get(bucket)
        if environ.get("REQUEST_METHOD") != "HEAD" or target is None or not key:
            return start
        status = "COMPLETED" if self._moto.has_object(f"/{target}/{key}", "") else "PENDING"

        def answer(line: str, headers: list[tuple[str, str]], *more: object) -> object:
            return start(line, [*headers, (HEADER, status)], *more)

        return answer
