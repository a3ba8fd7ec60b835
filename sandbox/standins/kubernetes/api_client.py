"""The Kubernetes API over HTTPS: the few requests that patches need."""

from __future__ import annotations

import http.client
import json
import ssl
import tempfile
from pathlib import Path
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from sandbox.standins.kubernetes.provider_config import Connection
from sandbox.standins.plugin.interface import CallRefused, Unreachable
from sandbox.standins.plugin.property_values import Properties

APPLY = "application/apply-patch+yaml"
SECONDS = 32
REFUSED = 400


class KubernetesError(CallRefused):
    """The API server's refusal, with its own message."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason = code, reason


class Api(Protocol):
    def get(self, path: str) -> Properties: ...
    def list(self, path: str, selector: str) -> list[Properties]: ...
    def watch(self, path: str) -> None: ...
    def apply(self, path: str, body: Properties, manager: str, *, force: bool, dry_run: bool = False) -> Properties: ...
    def delete(self, path: str) -> None: ...


class Https:
    """One connection per request, so that calls of many threads don't meet."""

    def __init__(self, connection: Connection | None, reason: str) -> None:
        self._connection, self._reason = connection, reason
        self._context: ssl.SSLContext | None = None

    def get(self, path: str) -> Properties:
        return self._request("GET", path)

    def list(self, path: str, selector: str) -> list[Properties]:
        return list(self._request("GET", f"{path}?{urlencode({'labelSelector': selector})}").get("items") or [])

    def watch(self, path: str) -> None:
        """Begins to watch, and ends as soon as the server agrees: this double polls, but needs the same rights."""
        self._request("GET", f"{path}?watch=true", reads_on=False)

    def apply(self, path: str, body: Properties, manager: str, *, force: bool, dry_run: bool = False) -> Properties:
        query = {"fieldManager": manager, "force": str(force).lower(), "fieldValidation": "Warn"}
        if dry_run:
            query["dryRun"] = "All"
        return self._request("PATCH", f"{path}?{urlencode(query)}", json.dumps(body).encode())

    def delete(self, path: str) -> None:
        self._request("DELETE", path)

    def _request(self, method: str, path: str, body: bytes | None = None, *, reads_on: bool = True) -> Properties:
        """Raises ApiError for a refusal, Unreachable when no answer came."""
        if self._connection is None:
            raise Unreachable(self._reason)
        channel = self._channel(self._connection)
        headers = {"Accept": "application/json", **({"Content-Type": APPLY} if body is not None else {})}
        if self._connection.token:
            headers["Authorization"] = f"Bearer {self._connection.token}"
        try:
            channel.request(method, path, body, headers)
            answer = channel.getresponse()
            content = answer.read() if reads_on or answer.status >= REFUSED else b"{}"
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(self._unreachable(self._connection, error)) from error
        finally:
            channel.close()
        return _answered(answer.status, content)

    def _channel(self, connection: Connection) -> http.client.HTTPConnection:
        parts = urlsplit(connection.server)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=SECONDS)
        if self._context is None:
            self._context = tls(connection)
        return http.client.HTTPSConnection(host, port, timeout=SECONDS, context=self._context)

    @staticmethod
    def _unreachable(connection: Connection, error: Exception) -> str:
        where = urlsplit(connection.server).netloc
        if isinstance(error, ConnectionRefusedError):
            cause = f"dial tcp {where}: connect: connection refused"
        else:
            cause = str(error) or type(error).__name__
        url = f"{connection.server.rstrip('/')}/openapi/v2?timeout={SECONDS}s"
        return f'unable to load schema information from the API server: Get "{url}": {cause}'


def tls(connection: Connection) -> ssl.SSLContext:
    """A connection's context. The ssl module takes client certificates from files alone: one is made and removed."""
    context = ssl.create_default_context(cadata=connection.ca)
    if connection.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if connection.certificate and connection.key:
        with tempfile.NamedTemporaryFile("w", prefix="kube-", delete=False) as file:
            file.write(f"{connection.certificate.rstrip()}\n{connection.key.rstrip()}\n")
        try:
            context.load_cert_chain(file.name)
        finally:
            Path(file.name).unlink()
    return context


def _answered(status: int, content: bytes) -> Properties:
    try:
        answer: Properties = json.loads(content)
    except ValueError:
        answer = {"message": content.decode(errors="replace")}
    if status >= REFUSED:
        raise KubernetesError(status, str(answer.get("reason") or ""), str(answer.get("message") or f"HTTP {status}"))
    return answer
