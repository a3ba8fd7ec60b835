"""Resource hooks: functions of the program, called back over gRPC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import grpc
from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc
from pulumi.runtime.proto import resource_pb2 as rpc

from sandbox.standins.engine.errors import Refusal
from sandbox.standins.engine.property_values import Props
from sandbox.standins.engine.providers import wire
from sandbox.standins.engine.providers.wire import to_struct
from sandbox.standins.engine.state.resource import Resource
from sandbox.standins.engine.urns import name_of

MOMENTS = {
    "before_create": "BeforeCreate",
    "after_create": "AfterCreate",
    "before_update": "BeforeUpdate",
    "after_update": "AfterUpdate",
    "before_delete": "BeforeDelete",
    "after_delete": "AfterDelete",
    "on_error": "OnError",
}


class Report(Protocol):
    """Where messages go. `logged_error`: the program has said itself what went wrong."""

    logged_error: bool

    def diagnostic(self, severity: str, message: str, urn: str = "") -> None: ...


class Hooks:
    """The hooks that the program has registered, by name."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Any, Any]] = {}

    def add(self, request: Any) -> None:
        """Takes a RegisterResourceHookRequest or RegisterErrorHookRequest; raises Refusal for a name that is taken."""
        if request.name in self._known:
            raise Refusal(f'resource hook already registered for name "{request.name}"')
        channel = grpc.insecure_channel(request.callback.target, wire.CHANNEL)
        self._known[request.name] = request, callback_pb2_grpc.CallbacksStub(channel)

    def _call(self, name: str, request: Any, answer: Any) -> Any:
        registration, stub = self._known[name]
        invocation = callback_pb2.CallbackInvokeRequest(
            token=registration.callback.token, request=request.SerializeToString()
        )
        try:
            return answer.FromString(stub.Invoke(invocation).response)
        except grpc.RpcError as error:
            code = wire.code(error)
            detail = "error reading from server: EOF" if code == "Unavailable" else wire.details(error)
            return answer(error=f"rpc error: code = {code} desc = {detail}")

    def run(
        self, moment: str, resource: Resource, dry_run: bool, report: Report, properties: Mapping[str, Props]
    ) -> None:
        """Runs a resource's hooks of one moment in order; raises Refusal at the first that fails."""
        for name in resource.hooks(moment):
            if name not in self._known:
                raise Refusal(f'hook "{name}" was not registered')
            registration = self._known[name][0]
            if dry_run and not registration.on_dry_run:
                continue
            request = rpc.ResourceHookRequest(**_arguments(resource, properties))
            error = self._call(name, request, rpc.ResourceHookResponse).error
            if error and registration.ignore_errors:
                report.diagnostic("warning", f'{moment} hook "{name}" failed: {error}', resource.urn)
            elif error:
                when = "before" if moment.startswith("Before") else "after"
                raise Refusal(f'{when} hook "{name}" failed: {error}')

    def retry(self, resource: Resource, operation: str, errors: list[str], properties: Mapping[str, Props]) -> bool:
        """Whether an error hook of the resource wants the failed operation to be tried again."""
        again = False
        for name in resource.hooks("OnError"):
            request = rpc.ErrorHookRequest(
                failed_operation=operation, errors=errors, **_arguments(resource, properties)
            )
            reply = self._call(name, request, rpc.ErrorHookResponse)
            if reply.error:
                raise Refusal(f'error hooks execution failed: error hook "{name}" failed: {reply.error}')
            again = again or reply.retry
        return again


def _arguments(resource: Resource, properties: Mapping[str, Props]) -> dict[str, Any]:
    identity = {"urn": resource.urn, "id": resource.id, "name": name_of(resource.urn), "type": resource.type}
    return {**identity, **{k: to_struct(v) for k, v in properties.items()}}
