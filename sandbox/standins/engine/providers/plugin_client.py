"""Provider processes, spoken to over gRPC (pulumirpc.ResourceProvider)."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import IO, Any

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import plugin_pb2, provider_pb2_grpc
from pulumi.runtime.proto import provider_pb2 as rpc

from sandbox.standins.engine import property_values
from sandbox.standins.engine.errors import Failure, Failures, Refusal
from sandbox.standins.engine.property_values import Props
from sandbox.standins.engine.providers import wire
from sandbox.standins.engine.providers.interface import Diff, LiveResource
from sandbox.standins.engine.providers.wire import from_struct, to_struct
from sandbox.standins.engine.state.resource import Resource
from sandbox.standins.engine.urns import name_of, type_of

Report = Callable[[str, str], None]
CLOSE_SECONDS = 5.0


class Plugin:
    """One provider, configured once.

    It is not tied to the engine's life: a provider whose engine is killed finishes what it has begun, as with the
    Pulumi CLI, and ends by itself when it finds its parent gone.
    """

    def __init__(self, package: str, port: int, process: subprocess.Popen[str] | None, report: Report) -> None:
        self._package, self._process, self._report = package, process, report
        self.configured = False
        self._has_answered = False
        self._secrets = self._previews = False
        for stream in (process.stdout, process.stderr) if process else ():
            threading.Thread(target=self._forward, args=(stream,), daemon=True).start()
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", wire.CHANNEL)
        self._stub = provider_pb2_grpc.ResourceProviderStub(self._channel)
        if process is None:
            self._call("Attach", plugin_pb2.PluginAttach(address=""))

    def _forward(self, stream: IO[str]) -> None:
        with contextlib.suppress(ValueError):
            for line in stream:
                self._report("info", line.rstrip("\n"))

    def expect_version(self, version: str) -> None:
        with contextlib.suppress(Refusal):
            present = str(self._call("GetPluginInfo", Empty()).version).removeprefix("v")
            if version and present and _numbers(present) < _numbers(version):
                self._report(
                    "warning",
                    f"resource plugin {self._package} is expected to have version >={version}, but has {present}; the "
                    "wrong version may be on your path, or this may be a bug in the plugin",
                )

    def _call(self, method: str, request: Any) -> Any:
        # Only its start is waited for: a plugin that was killed since never comes back
        try:
            reply = getattr(self._stub, method)(request, wait_for_ready=not self._has_answered)
        except grpc.RpcError as error:
            raise wire.refusal(error) from None
        self._has_answered = True
        return reply

    def _struct(self, properties: Props | None) -> Any:
        return to_struct(properties if self._secrets else property_values.reveal_all(properties or {}))

    # Configuration

    def check_config(self, urn: str, olds: Props | None, news: Props) -> Failures:
        return self._checked("CheckConfig", urn, olds, news)

    def diff_config(self, urn: str, olds: Props, news: Props) -> Diff:
        request = rpc.DiffRequest(
            urn=urn, olds=self._struct(olds), news=self._struct(news), old_inputs=self._struct(olds)
        )
        try:
            return self._differ("DiffConfig", request, olds, news)
        except Refusal:
            return Diff()

    def configure(self, urn: str, identity: str, inputs: Props) -> None:
        variables = {
            f"{self._package}:config:{k}": v if isinstance(v, str) else json.dumps(v)
            for k, v in property_values.reveal_all(inputs).items()
            if k != "version"
        }
        request = rpc.ConfigureRequest(
            args=to_struct(inputs),
            variables=variables,
            acceptSecrets=True,
            acceptResources=True,
            sends_old_inputs=True,
            sends_old_inputs_to_delete=True,
            urn=urn,
            id=identity,
            name=name_of(urn),
            type=type_of(urn),
        )
        reply = self._call("Configure", request)
        self._secrets, self._previews, self.configured = reply.acceptSecrets, reply.supportsPreview, True

    # Resources

    def check(self, urn: str, olds: Props | None, news: Props, seed: bytes) -> Failures:
        return self._checked("Check", urn, olds, news, seed)

    def _checked(self, method: str, urn: str, olds: Props | None, news: Props, seed: bytes = b"") -> Failures:
        request = rpc.CheckRequest(
            urn=urn,
            name=name_of(urn),
            type=type_of(urn),
            randomSeed=seed,
            news=self._struct(news),
            olds=self._struct(olds) if olds is not None else None,
        )
        reply = self._call(method, request)
        inputs = property_values.keep_secrets(from_struct(reply.inputs), news)
        return Failures(inputs, [Failure(f.property, f.reason) for f in reply.failures])

    def diff(self, old: Resource, news: Props, ignored: Sequence[str] = ()) -> Diff:
        request = rpc.DiffRequest(
            id=old.id,
            urn=old.urn,
            name=name_of(old.urn),
            type=type_of(old.urn),
            olds=self._struct(old.outputs),
            news=self._struct(news),
            old_inputs=self._struct(old.inputs),
            ignoreChanges=ignored,
        )
        return self._differ("Diff", request, old.inputs, news)

    def _differ(self, method: str, request: rpc.DiffRequest, olds: Props, news: Props) -> Diff:
        reply: rpc.DiffResponse = self._call(method, request)
        changed = reply.changes == reply.DIFF_SOME or (reply.changes == reply.DIFF_UNKNOWN and olds != news)
        detailed: dict[str, property_values.Value] = {
            path: {"diffKind": rpc.PropertyDiff.Kind.Name(d.kind).lower().replace("_", "-"), "inputDiff": d.inputDiff}
            for path, d in reply.detailedDiff.items()
        }
        replaces = list(reply.replaces)
        return Diff(changed or bool(replaces), list(reply.diffs), replaces, reply.deleteBeforeReplace, detailed)

    def create(self, urn: str, inputs: Props, timeout: float, preview: bool) -> tuple[str, Props]:
        if preview and not (self._previews and self.configured):
            return "", {**inputs} if self.configured else {}
        request = rpc.CreateRequest(
            urn=urn,
            name=name_of(urn),
            type=type_of(urn),
            properties=self._struct(inputs),
            timeout=timeout,
            preview=preview,
        )
        reply = self._call("Create", request)
        if not reply.id and not preview:
            raise Refusal("provider did not return an ID from Create")
        return reply.id, from_struct(reply.properties)

    def update(self, old: Resource, news: Props, timeout: float, ignored: Sequence[str], preview: bool) -> Props:
        if preview and not self._previews:
            return {**old.outputs, **news}
        request = rpc.UpdateRequest(
            id=old.id,
            urn=old.urn,
            name=name_of(old.urn),
            type=type_of(old.urn),
            olds=self._struct(old.outputs),
            old_inputs=self._struct(old.inputs),
            news=self._struct(news),
            timeout=timeout,
            ignoreChanges=ignored,
            preview=preview,
        )
        return from_struct(self._call("Update", request).properties)

    def delete(self, old: Resource, timeout: float) -> None:
        request = rpc.DeleteRequest(
            id=old.id,
            urn=old.urn,
            name=name_of(old.urn),
            type=type_of(old.urn),
            properties=self._struct(old.outputs),
            old_inputs=self._struct(old.inputs),
            timeout=timeout,
        )
        self._call("Delete", request)

    def read(self, urn: str, identity: str, inputs: Props, state: Props) -> LiveResource | None:
        request = rpc.ReadRequest(
            id=identity,
            urn=urn,
            name=name_of(urn),
            type=type_of(urn),
            inputs=self._struct(inputs),
            properties=self._struct(state),
        )
        reply = self._call("Read", request)
        if not reply.id:
            return None
        outputs = property_values.keep_secrets(from_struct(reply.properties), state)
        return LiveResource(reply.id, from_struct(reply.inputs), outputs)

    def invoke(self, token: str, args: Props, preview: bool) -> tuple[Props, list[Failure]]:
        try:
            reply = self._call("Invoke", rpc.InvokeRequest(tok=token, args=self._struct(args), preview=preview))
        except Refusal as error:
            raise Refusal(f"invocation of {token} returned an error: {error}") from None
        return from_struct(getattr(reply, "return")), [Failure(f.property, f.reason) for f in reply.failures]

    # The end

    def cancel(self) -> None:
        with contextlib.suppress(grpc.RpcError):
            self._stub.Cancel(Empty(), timeout=CLOSE_SECONDS)

    def close(self) -> None:
        self._channel.close()
        if not self._process:
            return
        self._process.terminate()
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.partition("-")[0].partition("+")[0].split(".") if part.isdigit()]
