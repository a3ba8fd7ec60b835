"""Messages to the operator, through the engine that started the plugin."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any, cast

import grpc

SECONDS = 5
NO_PROXY = [("grpc.enable_http_proxy", 0)]


class EngineLog:
    """The engine's log at an address; a message that it doesn't take is lost, never an error."""

    def __init__(self, address: str) -> None:
        self._address, self._log, self._mutex = address, None, threading.Lock()

    def warn(self, urn: str, text: str) -> None:
        from pulumi.runtime.proto import engine_pb2

        message = engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=text, urn=urn)
        with contextlib.suppress(grpc.RpcError):
            self._connected()(message, timeout=SECONDS)

    def _connected(self) -> Callable[..., Any]:
        with self._mutex:
            if self._log is None:
                from pulumi.runtime.proto import engine_pb2_grpc

                stub: Any = cast("Any", engine_pb2_grpc).EngineStub(grpc.insecure_channel(self._address, NO_PROXY))
                self._log = stub.Log
            return self._log
