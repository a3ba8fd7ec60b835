"""The Kubernetes API as JSON: one request function, and its errors in this program's words."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn, Protocol, cast
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from restore.errors import PermanentError, Problem, RestoreError, TemporaryError
from restore.kubernetes import connection
from restore.units import parse_date

JsonBody = dict[str, Any]

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
PAGE = 500
PATCHES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}
BUSY = frozenset({408, 410, 429, 500, 502, 503, 504})
CONFLICT = 409
ANY_STATUS = tuple(range(300, 600))
MOST_REDIRECTS = 3
PROXY = 'resource "pods/proxy"'
"""In the API server's own refusal; a pod may answer 403 as well."""


class Conflict(TemporaryError):
    """The object was changed by somebody else in between, or exists already."""


class Forbidden(PermanentError):
    """The login has no right (RBAC) to do this."""


@dataclass(frozen=True)
class ReadObject:
    """An object, or a list of them, that the login may have no right to read."""

    item: JsonBody | None = None
    """None: there is none, or it is forbidden."""
    forbidden: bool = False


@dataclass(frozen=True)
class PodAnswer:
    """What a pod answered to a request."""

    status: int
    body: bytes


class ApiAnswer(Protocol):
    """urllib3's response, as far as it is used."""

    status: int
    data: bytes
    headers: Mapping[str, str]


class Api:
    """The API server of a kubeconfig's context, or of the pod this runs in. Nothing is read before the first call.

    Safe to use from several threads. Every method raises PermanentError (forbidden, bad kubeconfig, refused) or
    TemporaryError (no answer, throttled, 5xx) with what was found, what is needed and how to fix it.
    """

    def __init__(self, kubeconfig: str | None = None, context: str | None = None):
        self._kubeconfig = kubeconfig
        self._context = context
        self._lock = threading.Lock()
        self._login: connection.ClusterLogin | None = None

    def probe(self) -> str:
        """Returns the server's version, for example `v1.36.3`: proves that it is reachable and accepts the login."""
        return str(self._parse_json(self._answer("GET", "/version"))["gitVersion"])

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return self._load_login().server

    def read_server_time(self) -> datetime | None:
        """Returns the server's clock, in whole seconds; None when an answer doesn't tell it (RFC 9110, section
        6.6.1)."""
        return parse_date(self._answer("GET", "/version").headers.get("Date"))

    def get(self, path: str, **query: str) -> JsonBody | None:
        """Returns one object or list; None for 404."""
        answer = self._answer("GET", path, query=query, also=(404,))
        return None if answer.status == 404 else self._parse_json(answer)

    def read(self, path: str) -> ReadObject:
        """Returns an object; that the login may not read it is an answer too, and no error."""
        try:
            return ReadObject(self.get(path))
        except Forbidden:
            return ReadObject(forbidden=True)

    def list_items(self, path: str, **query: str) -> list[JsonBody]:
        """Returns all items of a list, page by page; empty when the server doesn't know the resource (404)."""
        items: list[JsonBody] = []
        position = ""
        while True:
            page = self.get(path, **query, limit=str(PAGE), **({"continue": position} if position else {}))
            if page is None:
                return items
            items += cast("list[JsonBody]", page.get("items") or [])
            metadata: JsonBody = page.get("metadata") or {}
            position = str(metadata.get("continue") or "")
            if not position:
                return items

    def create(self, path: str, body: Mapping[str, Any]) -> JsonBody:
        """Creates an object. Raises Conflict when one of that name exists."""
        return self._parse_json(self._answer("POST", path, body=body))

    def patch(self, path: str, body: Any, kind: str, **query: str) -> JsonBody:
        """Patches an object. `kind`: json, merge, strategic or apply (server-side). Raises Conflict when its
        resourceVersion isn't the newest."""
        return self._parse_json(self._answer("PATCH", path, query=query, body=body, content=PATCHES[kind]))

    def delete(self, path: str, *, uid: str | None = None, propagation: str = "Background") -> bool:
        """Deletes an object; returns False when there was nothing to delete. `uid`: only this very object; raises
        Conflict for another one."""
        body: JsonBody = {"propagationPolicy": propagation}
        if uid:
            body["preconditions"] = {"uid": uid}
        return self._answer("DELETE", path, body=body, also=(404,)).status != 404

    def read_text(self, path: str, **query: str) -> str:
        """Returns an answer that is no JSON, for example a log; empty for 404."""
        answer = self._answer("GET", path, query=query, also=(404,))
        return "" if answer.status == 404 else answer.data.decode(errors="replace")

    def ask_pod_health(self, namespace: str, pod: str, scheme: str, port: int, path: str) -> int:
        """Returns the status with which a pod answers a GET, asked through the API server: from outside of the cluster
        nobody reaches a pod's address. Redirects are followed, three at most. Raises Forbidden without the right
        `get pods/proxy`."""
        where = f"/api/v1/namespaces/{quote(namespace)}/pods/{scheme}:{quote(pod)}:{port}/proxy{path}"
        return self._follow_redirects(where, MOST_REDIRECTS)

    def ask_pod(self, namespace: str, pod: str, url: SplitResult, method: str, headers: Mapping[str, str]) -> PodAnswer:
        """Returns a pod's own answer to a request, sent through the API server; redirects are not followed. The server
        keeps the header Authorization to itself (k8s.io/apiserver, pkg/endpoints/filters/authentication.go). Raises
        Forbidden without the right on pods/proxy."""
        port = url.port or (443 if url.scheme == "https" else 80)
        where = f"/api/v1/namespaces/{quote(namespace)}/pods/{url.scheme}:{quote(pod)}:{port}/proxy{url.path or '/'}"
        where += f"?{url.query}" if url.query else ""
        answer = self._answer(method, where, also=ANY_STATUS, headers=headers)
        if answer.status == 403 and PROXY in _read_message(answer):
            _refuse(method, where, answer)
        return PodAnswer(answer.status, answer.data)

    def _follow_redirects(self, path: str, redirects: int) -> int:
        answer = self._answer("GET", path, also=ANY_STATUS)
        if answer.status == 403 and PROXY in _read_message(answer):
            _refuse("GET", path, answer)
        location = urlsplit(str(answer.headers.get("Location") or ""))
        if redirects and 300 <= answer.status < 400 and location.path.startswith("/"):
            return self._follow_redirects(
                location.path + (f"?{location.query}" if location.query else ""), redirects - 1
            )
        return answer.status

    def _answer(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content: str = "application/json",
        also: Collection[int] = (),
        headers: Mapping[str, str] | None = None,
    ) -> ApiAnswer:
        where = self._load_login()
        url = where.server + path + (f"?{urlencode(query)}" if query else "")
        sent = {"Accept": "application/json, */*", **(headers or {}), **where.build_headers()}
        encoded = None
        if body is not None:
            encoded, sent["Content-Type"] = json.dumps(body).encode(), content
        answer = where.send_request(method, url, sent, encoded, (CONNECT_SECONDS, READ_SECONDS))
        if answer.status >= 300 and answer.status not in also:
            _refuse(method, path, answer)
        return answer

    def _parse_json(self, answer: ApiAnswer) -> JsonBody:
        try:
            return cast("JsonBody", json.loads(answer.data))
        except ValueError as error:
            found = "an answer that is no JSON"
            needed = "a Kubernetes API server"
            raise PermanentError.of(
                Problem(f"{self._load_login().server}", found, needed, "kubectl config view --minify")
            ) from error

    def _load_login(self) -> connection.ClusterLogin:
        with self._lock:
            if self._login is None:
                self._login = connection.load(self._kubeconfig, self._context)
            return self._login


def _read_message(answer: ApiAnswer) -> str:
    """Returns the server's own words: the message of its Status."""
    try:
        status = json.loads(answer.data)
    except ValueError:
        return f"HTTP {answer.status}"
    message = cast("JsonBody", status).get("message") if isinstance(status, dict) else None
    return str(message or f"HTTP {answer.status}")


def translate_error(method: str, path: str, status: int, message: str) -> RestoreError:
    """Returns an error answer as this program's error."""
    if status == 401:
        fix = "log in to the cluster again, then check with: kubectl auth whoami"
        return PermanentError.of(Problem("Kubernetes login", message, "a login that the cluster accepts", fix))
    if status == 403:
        needed = "the right (RBAC) to do this"
        return Forbidden.of(Problem("Kubernetes rights", message, needed, "see docs/permissions.md"))
    if status == CONFLICT:
        return Conflict(f"Kubernetes: {message}")
    if status in BUSY:
        return TemporaryError(f"Kubernetes: {method} {path}: {message}")
    needed = "a request that the cluster accepts"
    return PermanentError.of(
        Problem(
            f"Kubernetes {method} {path}",
            message,
            needed,
            "docs/permissions.md lists every call that this program makes",
        )
    )


def _refuse(method: str, path: str, answer: ApiAnswer) -> NoReturn:
    raise translate_error(method, path, answer.status, _read_message(answer))
