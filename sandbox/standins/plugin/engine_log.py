"""Messages to the operator, through the engine that started the plugin."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any, cast

import grpc

SECONDS = 5
NO_PROXY = [("grpc.enable_http_proxy", 0)]


@dataclass(frozen=True)
class EngineLog:
    """The engine's log at an address; a message that it doesn't take is lost, never an error."""

    address: str

    def warn(self, urn: str, text: str) -> None:
        """One connection a message: one held open would grumble on standard error when the engine ends."""
        from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

        message = engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=text, urn=urn)
        with contextlib.suppress(grpc.RpcError), grpc.insecure_channel(self.address, NO_PROXY) as channel:
            cast("Any", engine_pb2_grpc).EngineStub(channel).Log(message, timeout=SECONDS)
