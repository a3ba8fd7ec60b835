# ruff: noqa: N802, ARG002 (gRPC's method names and signatures)
"""The gRPC side that both providers share: pulumirpc.ResourceProvider over a table of resource types."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import wraps
from typing import Any, NoReturn, TypeVar, cast

import grpc
from google.protobuf.any_pb2 import Any as Detail
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from sandbox.standins.plugin.engine_log import EngineLog
from sandbox.standins.plugin.interface import (
    Call,
    CallRefused,
    CheckFailure,
    CreatedButFailed,
    Difference,
    Function,
    Package,
    ResourceType,
    Surroundings,
)
from sandbox.standins.plugin.property_values import Properties, from_struct, has_unknown, reveal, to_struct

THREADS = 64
MESSAGE_LIMIT = 400 << 20
ALONE_SECONDS = 300
Answer = TypeVar("Answer")


def _answers(method: Callable[..., Answer]) -> Callable[..., Answer]:
    """Counts the call as under way and turns what it raises into gRPC errors that name no Python file."""

    @wraps(method)
    def wrapped(self: Servicer, request: Any, context: grpc.ServicerContext) -> Answer:
        with self.under_way():
            try:
                return method(self, request, context)
            except CreatedButFailed as error:
                _abort_with_state(context, error)
            except CallRefused as error:
                context.abort(grpc.StatusCode.UNKNOWN, str(error))
            except Exception as error:  # noqa: BLE001 a defect here must reach the operator, not hang the engine
                context.abort(grpc.StatusCode.INTERNAL, f"stand-in provider: {error}\n{traceback.format_exc()}")
            raise AssertionError("abort raises")

    return wrapped


def _abort_with_state(context: grpc.ServicerContext, error: CreatedButFailed) -> NoReturn:
    detail = Detail()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.identity, properties=to_struct(error.properties), reasons=error.reasons
        )
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error), details=[detail])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, str(error))
    raise AssertionError("abort raises")


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Speaks to the engine; what a resource is and does stands in the package."""

    def __init__(self, package: Package, warn: Callable[[str, str], None]) -> None:
        self._package, self._warn = package, warn
        self._resources: Mapping[str, ResourceType] = {}
        self._functions: Mapping[str, Function] = {}
        self._cancelled = threading.Event()
        self._running, self._mutex = 0, threading.Lock()

    @contextmanager
    def under_way(self) -> Generator[None]:
        with self._mutex:
            self._running += 1
        try:
            yield
        finally:
            with self._mutex:
                self._running -= 1

    @property
    def idle(self) -> bool:
        return self._running == 0

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def _resource(self, call: Call) -> ResourceType:
        if call.type not in self._package.types:
            raise CallRefused(f"stand-in provider has no type {call.type}: install the real plugin ({self._install})")
        if call.type not in self._resources:
            raise CallRefused(f"{self._package.name} is not configured yet: {call.urn}")
        return self._resources[call.type]

    @property
    def _install(self) -> str:
        return f"pulumi plugin install resource {self._package.name} {self._package.version}"

    @_answers
    def GetPluginInfo(self, request: Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=self._package.version)

    @_answers
    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        config = reveal(from_struct(request.news))
        failures: Sequence[CheckFailure] = () if has_unknown(config) else self._package.check_config(config)
        return provider_pb2.CheckResponse(inputs=request.news, failures=[_failure(f) for f in failures])

    @_answers
    def DiffConfig(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        olds, news = reveal(from_struct(request.olds)), reveal(from_struct(request.news))
        changed = sorted(key for key in {*olds, *news} if olds.get(key) != news.get(key))
        return _difference(Difference(dict.fromkeys(changed, "UPDATE")))

    @_answers
    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        config = reveal(from_struct(request.args)) if request.HasField("args") else _variables(request.variables)
        if failures := self._package.check_config(config):
            raise CallRefused("\n".join(f"{f.property}: {f.reason}" if f.property else f.reason for f in failures))
        self._resources = self._package.configure(config, Surroundings(self._cancelled, self._warn))
        self._functions = self._package.functions(config)
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    @_answers
    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        call = Call(
            urn=request.urn,
            raw=from_struct(request.news),
            raw_old_inputs=from_struct(request.olds),
            seed=request.randomSeed,
        )
        checked = self._resource(call).check(call)
        return provider_pb2.CheckResponse(
            inputs=to_struct(checked.inputs), failures=[_failure(f) for f in checked.failures]
        )

    @_answers
    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        call = Call(
            urn=request.urn,
            id=request.id,
            raw=from_struct(request.news),
            raw_state=from_struct(request.olds),
            raw_old_inputs=from_struct(request.old_inputs),
            ignored=tuple(request.ignoreChanges),
        )
        return _difference(self._resource(call).diff(call))

    @_answers
    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        call = Call(
            urn=request.urn,
            raw=from_struct(request.properties),
            timeout=request.timeout,
            preview=request.preview,
        )
        identity, state = self._resource(call).create(call)
        return provider_pb2.CreateResponse(id=identity, properties=to_struct(state))

    @_answers
    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        call = Call(
            urn=request.urn,
            id=request.id,
            raw_state=from_struct(request.properties),
            raw_old_inputs=from_struct(request.inputs),
        )
        resource = self._resource(call).read(call)
        if resource is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=resource.id, inputs=to_struct(resource.inputs), properties=to_struct(resource.state)
        )

    @_answers
    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        call = Call(
            urn=request.urn,
            id=request.id,
            raw=from_struct(request.news),
            raw_state=from_struct(request.olds),
            raw_old_inputs=from_struct(request.old_inputs),
            ignored=tuple(request.ignoreChanges),
            timeout=request.timeout,
            preview=request.preview,
        )
        return provider_pb2.UpdateResponse(properties=to_struct(self._resource(call).update(call)))

    @_answers
    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> Empty:
        call = Call(
            urn=request.urn,
            id=request.id,
            raw_state=from_struct(request.properties),
            raw_old_inputs=from_struct(request.old_inputs),
            timeout=request.timeout,
        )
        self._resource(call).delete(call)
        return Empty()

    @_answers
    def Invoke(self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext) -> provider_pb2.InvokeResponse:
        if (function := self._functions.get(request.tok)) is None:
            raise CallRefused(
                f"stand-in provider has no function {request.tok}: install the real plugin ({self._install})"
            )
        reply = provider_pb2.InvokeResponse()
        getattr(reply, "return").CopyFrom(to_struct(function()))
        return reply

    @_answers
    def GetSchema(
        self, request: provider_pb2.GetSchemaRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetSchemaResponse:
        return provider_pb2.GetSchemaResponse(schema="{}")

    @_answers
    def Attach(self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext) -> Empty:
        return Empty()

    def Cancel(self, request: Empty, context: grpc.ServicerContext) -> Empty:
        self._cancelled.set()
        return Empty()


def _failure(failure: CheckFailure) -> provider_pb2.CheckFailure:
    return provider_pb2.CheckFailure(property=failure.property, reason=failure.reason)


def _difference(difference: Difference) -> provider_pb2.DiffResponse:
    changed = bool(difference.detailed)
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
        diffs=sorted({path.partition(".")[0] for path in difference.detailed}),
        replaces=difference.replaces,
        deleteBeforeReplace=difference.delete_first,
        detailedDiff={
            path: provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.Kind.Value(kind))
            for path, kind in difference.detailed.items()
        },
        hasDetailedDiff=True,
    )


def _variables(variables: Mapping[str, str]) -> Properties:
    return {key.split(":")[-1]: value for key, value in variables.items()}


def start(servicer: Servicer) -> tuple[grpc.Server, int]:
    """A server of `servicer` on a free loopback port, and that port."""
    limits = [("grpc.max_receive_message_length", MESSAGE_LIMIT), ("grpc.max_send_message_length", MESSAGE_LIMIT)]
    server = grpc.server(ThreadPoolExecutor(max_workers=THREADS), options=limits)
    add = cast("Callable[[Any, Any], None]", provider_pb2_grpc.add_ResourceProviderServicer_to_server)
    add(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def serve(package: Package, engine: str) -> None:
    """Prints the port and serves until the engine, whose log listens at `engine`, ends this plugin or is gone.

    The engine calls Cancel and then interrupts (pkg/resource/plugin/plugin.go waits five seconds for the end). An
    interrupt without Cancel is a Ctrl-C, which reaches the whole group: the engine says what it means. What is under
    way is finished first, as the real plugins do: they notice within five minutes that the engine is gone.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # for the threads to come as well: sigtimedwait gets it
    logging.getLogger("grpc").addHandler(logging.NullHandler())
    servicer = Servicer(package, EngineLog(engine).warn)
    parent = os.getppid()
    server, port = start(servicer)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    ended, alone = False, 0
    while not ((ended or alone) and servicer.idle) and alone < ALONE_SECONDS:
        interrupted = signal.sigtimedwait({signal.SIGINT}, 1) is not None
        ended = ended or (interrupted and servicer.cancelled)
        alone += os.getppid() != parent
    server.stop(grace=None)
