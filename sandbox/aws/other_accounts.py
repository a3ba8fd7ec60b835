"""Requests with another account's key, passed on to the gateway of that account: as on AWS the key alone decides."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterable
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

from sandbox.aws.client import ACCESS_KEY
from sandbox.aws.moto_services import Environ, StartResponse, read_body

KEY = re.compile(r"Credential=([^/]+)/")
HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "keep-alive"})
SECONDS = 60.0


class OtherAccounts:
    """The endpoints of other accounts, by access key."""

    def __init__(self) -> None:
        self._endpoints: dict[str, str] = {}

    def change(self, content: dict[str, Any]) -> dict[str, Any]:
        """Adds `key` with its `endpoint`; an empty endpoint takes it away."""
        key, endpoint = str(content["key"]), str(content["endpoint"])
        self._endpoints = {**self._endpoints, key: endpoint}
        return {"keys": sorted(key for key, place in self._endpoints.items() if place)}

    def endpoint(self, environ: Environ) -> str | None:
        """Where a request belongs that is another account's."""
        match = KEY.search(environ.get("HTTP_AUTHORIZATION", ""))
        return self._endpoints.get(match[1]) if match else None


def forward(endpoint: str, environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """The answer of that account's gateway, to which the caller is its administrator."""
    headers = {name[5:].replace("_", "-"): str(value) for name, value in environ.items() if name.startswith("HTTP_")}
    headers["CONTENT-TYPE"] = environ.get("CONTENT_TYPE", "")
    headers["AUTHORIZATION"] = KEY.sub(f"Credential={ACCESS_KEY}/", headers.get("AUTHORIZATION", ""))
    query = f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else ""
    place = urlsplit(endpoint)
    with closing(http.client.HTTPConnection(place.netloc, timeout=SECONDS)) as connection:
        path = environ.get("RAW_URI") or environ.get("PATH_INFO", "/") + query
        connection.request(environ["REQUEST_METHOD"], path, read_body(environ), headers)
        answer = connection.getresponse()
        body = answer.read()
    kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP]
    start(f"{answer.status} {answer.reason}", kept)
    return [body]
