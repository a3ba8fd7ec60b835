"""The Kubernetes API as JSON: one request function, and its errors in this program's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]


class Api:
    """The API server of a kubeconfig's context, else of the pod this runs in. Nothing is read before the first call.

    Safe to use from several threads. Every method raises PermanentError (forbidden, bad kubeconfig, refused) or
    TemporaryError (no answer, throttled, 5xx) with what was found, what is needed and how to fix it.
    """

    def __init__(self, kubeconfig: str | None = None, context: str | None = None):
        raise NotImplementedError

    def probe(self) -> str:
        """The server's version, for example `v1.36.3`: proves that it is reachable and accepts the login."""
        raise NotImplementedError

    def get(self, path: str, **query: str) -> Json | None:
        """One object or list; None for 404."""
        raise NotImplementedError

    def items(self, path: str, **query: str) -> list[Json]:
        """All items of a list, page by page; empty when the server doesn't know the resource (404)."""
        raise NotImplementedError

    def create(self, path: str, body: Mapping[str, Any]) -> Json:
        raise NotImplementedError

    def patch(self, path: str, body: Any, kind: str) -> Json:
        """`kind`: json, merge, strategic."""
        raise NotImplementedError

    def delete(self, path: str, *, uid: str | None = None, propagation: str = "Background") -> bool:
        """False when there was nothing to delete; `uid`: only this very object."""
        raise NotImplementedError

    def text(self, path: str, **query: str) -> str:
        """An answer that is no JSON, for example a log."""
        raise NotImplementedError
