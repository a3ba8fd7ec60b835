# ruff: noqa: N802, ARG002 (the names and arguments are those of the gRPC services)
"""The gRPC side that the program talks to: resource monitor and engine, on one port."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, resource_pb2_grpc
from pulumi.runtime.proto import resource_pb2 as rpc

from sandbox.standins.engine.deployment.goal_requests import read_goal, read_lookup, refuse_unserved
from sandbox.standins.engine.deployment.resource_hooks import Hooks
from sandbox.standins.engine.deployment.step_generator import Deployment
from sandbox.standins.engine.errors import Problem, Refusal, StepFailed, Stopped
from sandbox.standins.engine.providers import wire
from sandbox.standins.engine.providers.wire import from_struct, to_struct
from sandbox.standins.engine.state import version_range

T = TypeVar("T")
FEATURES = {
    "secrets",
    "resourceReferences",
    "outputValues",
    "aliasSpecs",
    "deletedWith",
    "resourceHooks",
    "errorHooks",
    "replacementTrigger",
}
SEVERITIES = ("debug", "info", "warning", "error")
CALLS_AT_ONCE = 512
LAST_WORDS = "Resource monitor has terminated"


class Monitor(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):
    """Serves each call in its own thread. What a program may ask for and isn't served is answered UNIMPLEMENTED."""

    def __init__(self, directory: Path, hooks: Hooks) -> None:
        self._directory, self._hooks, self._root = directory, hooks, ""
        self._finished, self._released = threading.Event(), threading.Event()
        self.signalled = threading.Event()
        """The program has registered all that it wants."""
        self._served: Deployment | None = None
        self._server = grpc.server(ThreadPoolExecutor(CALLS_AT_ONCE), options=wire.CHANNEL)
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(self, self._server)
        engine_pb2_grpc.add_EngineServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def start(self, deployment: Deployment) -> None:
        self._served = deployment
        self._server.start()

    def release(self) -> None:
        """Lets calls that a stop has left waiting fail."""
        self._released.set()

    def finish(self) -> None:
        """Lets the program end."""
        self._released.set()
        self._finished.set()

    def close(self) -> None:
        self.finish()
        self._server.stop(0)

    @property
    def _deployment(self) -> Deployment:
        assert self._served is not None
        return self._served

    def _guarded(self, context: grpc.ServicerContext, act: Callable[[], T]) -> T:
        """A stopped deployment answers only once every step in flight is over: their hooks need the program."""
        try:
            return act()
        except Stopped:
            self._released.wait()
            why = "resource monitor shut down while waiting on step's done channel"
            context.abort(grpc.StatusCode.UNAVAILABLE, why)
        except (Refusal, Problem) as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        raise AssertionError("abort returned")

    # Resource monitor

    def SupportsFeature(
        self, request: rpc.SupportsFeatureRequest, context: grpc.ServicerContext
    ) -> rpc.SupportsFeatureResponse:
        return rpc.SupportsFeatureResponse(hasSupport=request.id in FEATURES)

    def RegisterResource(
        self, request: rpc.RegisterResourceRequest, context: grpc.ServicerContext
    ) -> rpc.RegisterResourceResponse:
        def register() -> rpc.RegisterResourceResponse:
            refuse_unserved(request)
            goal = read_goal(request, self._root, self._directory)
            try:
                state = self._deployment.register(goal)
            except StepFailed:
                urn = self._deployment.urn(goal.type, goal.name, goal.parent)
                return rpc.RegisterResourceResponse(urn=urn, object=request.object, result=rpc.FAIL)
            shown = to_struct(state.outputs if request.custom else {})
            return rpc.RegisterResourceResponse(urn=state.urn, id=state.id, object=shown, unknown=state.unknown)

        return self._guarded(context, register)

    def RegisterResourceOutputs(
        self, request: rpc.RegisterResourceOutputsRequest, context: grpc.ServicerContext
    ) -> Empty:
        outputs = from_struct(request.outputs)
        self._guarded(context, lambda: self._deployment.register_outputs(request.urn, outputs))
        return Empty()

    def ReadResource(self, request: rpc.ReadResourceRequest, context: grpc.ServicerContext) -> rpc.ReadResourceResponse:
        def read() -> rpc.ReadResourceResponse:
            state = self._deployment.read(read_lookup(request), request.id)
            return rpc.ReadResourceResponse(urn=state.urn, properties=to_struct(state.outputs))

        return self._guarded(context, read)

    def Invoke(self, request: rpc.ResourceInvokeRequest, context: grpc.ServicerContext) -> rpc.ResourceInvokeResponse:
        def invoke() -> rpc.ResourceInvokeResponse:
            result, failures = self._deployment.invoke(
                request.tok, from_struct(request.args), request.provider, request.version
            )
            reply: Any = rpc.ResourceInvokeResponse()
            for name, reason in failures:
                reply.failures.add(property=name, reason=reason)
            getattr(reply, "return").CopyFrom(to_struct(result))
            return reply

        return self._guarded(context, invoke)

    def RegisterResourceHook(self, request: rpc.RegisterResourceHookRequest, context: grpc.ServicerContext) -> Empty:
        self._guarded(context, lambda: self._hooks.add(request))
        return Empty()

    def RegisterErrorHook(self, request: rpc.RegisterErrorHookRequest, context: grpc.ServicerContext) -> Empty:
        self._guarded(context, lambda: self._hooks.add(request))
        return Empty()

    def SignalAndWaitForShutdown(self, request: Empty, context: grpc.ServicerContext) -> Empty:
        """The program is done registering; it stays up to serve hooks until the last step is over."""
        self.signalled.set()
        self._finished.wait()
        return Empty()

    # Engine

    def Log(self, request: engine_pb2.LogRequest, context: grpc.ServicerContext) -> Empty:
        ending = self._deployment.runner.stopped.is_set() and LAST_WORDS in request.message
        if ending:
            return Empty()
        severity = SEVERITIES[request.severity]
        if severity == "error":
            self._deployment.view.logged_error = True
        self._deployment.view.diagnostic(severity, request.message, request.urn)
        return Empty()

    def SetRootResource(
        self, request: engine_pb2.SetRootResourceRequest, context: grpc.ServicerContext
    ) -> engine_pb2.SetRootResourceResponse:
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()

    def GetRootResource(
        self, request: engine_pb2.GetRootResourceRequest, context: grpc.ServicerContext
    ) -> engine_pb2.GetRootResourceResponse:
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    def RequirePulumiVersion(
        self, request: engine_pb2.RequirePulumiVersionRequest, context: grpc.ServicerContext
    ) -> engine_pb2.RequirePulumiVersionResponse:
        self._guarded(context, lambda: version_range.require(request.pulumi_version_range))
        return engine_pb2.RequirePulumiVersionResponse()
