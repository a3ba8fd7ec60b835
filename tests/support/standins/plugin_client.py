"""Starts a provider plugin as the engine does and speaks to it in plain dicts."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2 as rpc
from pulumi.runtime.proto import provider_pb2_grpc, status_pb2

from sandbox.machine.layout import CHECKOUT
from sandbox.standins.plugin.property_values import Properties, from_struct, to_struct

BIN = CHECKOUT / "sandbox" / "standins" / "bin"


def urn(type_: str, name: str) -> str:
    return f"urn:pulumi:test::restore::{type_}::{name}"


class CallFailed(Exception):
    """What the engine would be told; with the state that came along, if any."""

    def __init__(self, text: str, detail: rpc.ErrorResourceInitFailed | None) -> None:
        super().__init__(text)
        self.id = detail.id if detail else ""
        self.reasons = list(detail.reasons) if detail else []
        self.state = from_struct(detail.properties) if detail else {}


@dataclass(frozen=True)
class Diff:
    detailed: dict[str, str]
    replaces: list[str]
    delete_first: bool


@dataclass
class Plugin:
    """A running plugin; `close` ends it."""

    process: subprocess.Popen[str]
    channel: grpc.Channel
    stub: Any = field(init=False)

    def __post_init__(self) -> None:
        self.stub = cast("Any", provider_pb2_grpc).ResourceProviderStub(self.channel)

    @classmethod
    def start(cls, package: str, environment: Mapping[str, str]) -> Plugin:
        program: Path = BIN / f"pulumi-resource-{package}"
        process = subprocess.Popen(
            [program, "127.0.0.1:1"], env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port.isdigit(), process.communicate()
        return cls(process, grpc.insecure_channel(f"127.0.0.1:{port}"))

    def close(self) -> None:
        self.channel.close()
        self.process.terminate()
        self.process.communicate(timeout=10)

    def ask(self, method: str, request: Any) -> Any:
        try:
            return getattr(self.stub, method)(request, timeout=120)
        except grpc.RpcError as error:
            raise failure(error) from None

    def configure(self, **config: Any) -> None:
        request = rpc.ConfigureRequest(args=to_struct(config), acceptSecrets=True, acceptResources=True)
        assert self.ask("Configure", request).acceptSecrets

    def check_config(self, **config: Any) -> list[str]:
        reply = self.ask("CheckConfig", rpc.CheckRequest(urn="urn:x", news=to_struct(config)))
        return [failure.reason for failure in reply.failures]

    def check(self, where: str, news: Properties, olds: Properties | None = None) -> tuple[Properties, list[str]]:
        request = rpc.CheckRequest(urn=where, news=to_struct(news), olds=to_struct(olds or {}), randomSeed=b"seed")
        reply = self.ask("Check", request)
        return from_struct(reply.inputs), [f.reason for f in reply.failures]

    def diff(self, where: str, id_: str, state: Properties, news: Properties, old_inputs: Properties) -> Diff:
        reply = self.ask(
            "Diff",
            rpc.DiffRequest(
                urn=where, id=id_, olds=to_struct(state), news=to_struct(news), old_inputs=to_struct(old_inputs)
            ),
        )
        names = rpc.PropertyDiff.Kind
        detailed = {path: names.Name(change.kind) for path, change in reply.detailedDiff.items()}
        return Diff(detailed, list(reply.replaces), reply.deleteBeforeReplace)

    def create(
        self, where: str, inputs: Properties, timeout: float = 0, preview: bool = False
    ) -> tuple[str, Properties]:
        request = rpc.CreateRequest(urn=where, properties=to_struct(inputs), timeout=timeout, preview=preview)
        reply = self.ask("Create", request)
        return reply.id, from_struct(reply.properties)

    def update(
        self, where: str, id_: str, state: Properties, news: Properties, timeout: float = 0, preview: bool = False
    ) -> Properties:
        request = rpc.UpdateRequest(
            urn=where, id=id_, olds=to_struct(state), news=to_struct(news), timeout=timeout, preview=preview
        )
        return from_struct(self.ask("Update", request).properties)

    def read(
        self, where: str, id_: str, state: Properties | None = None, inputs: Properties | None = None
    ) -> tuple[str, Properties, Properties]:
        request = rpc.ReadRequest(urn=where, id=id_, properties=to_struct(state or {}), inputs=to_struct(inputs or {}))
        reply = self.ask("Read", request)
        return reply.id, from_struct(reply.properties), from_struct(reply.inputs)

    def delete(self, where: str, id_: str, state: Properties) -> None:
        self.ask("Delete", rpc.DeleteRequest(urn=where, id=id_, properties=to_struct(state)))

    def invoke(self, token: str) -> Properties:
        return from_struct(getattr(self.ask("Invoke", rpc.InvokeRequest(tok=token)), "return"))

    def cancel(self) -> None:
        self.ask("Cancel", Empty())


def failure(error: grpc.RpcError) -> CallFailed:
    call = cast("grpc.Call", error)
    for key, data in call.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(cast("bytes", data)).details:
                return CallFailed(call.details() or "", rpc.ErrorResourceInitFailed.FromString(detail.value))
    return CallFailed(call.details() or str(call.code()), None)
