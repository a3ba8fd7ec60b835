"""What a plugin has to say reaches the operator, and never costs the operation."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from sandbox.standins.kubernetes.patch import Patch
from sandbox.standins.kubernetes.patched_objects import DEPLOYMENT
from sandbox.standins.kubernetes.provider_config import KubernetesSettings
from sandbox.standins.plugin.engine_log import EngineLog
from sandbox.standins.plugin.interface import Call, Surroundings
from sandbox.standins.plugin.property_values import Properties
from tests.support.standins.no_objects import NoObjects

URN = "urn:pulumi:test::restore::kubernetes:apps/v1:DeploymentPatch::freeze"


class Engine(engine_pb2_grpc.EngineServicer):
    def __init__(self) -> None:
        self.heard: list[tuple[int, str, str]] = []

    def Log(self, request: engine_pb2.LogRequest, context: Any) -> Empty:  # noqa: N802
        self.heard.append((request.severity, request.urn, request.message))
        return Empty()


def test_a_warning_arrives_at_its_resource() -> None:
    engine, server = Engine(), grpc.server(ThreadPoolExecutor(2))
    cast("Any", engine_pb2_grpc).add_EngineServicer_to_server(engine, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    EngineLog(f"127.0.0.1:{port}").warn(URN, "look")
    server.stop(None)
    assert engine.heard == [(engine_pb2.WARNING, URN, "look")]


def test_an_engine_that_is_gone_is_no_error() -> None:
    EngineLog("127.0.0.1:1").warn(URN, "look")


def test_a_deployment_at_zero_is_ready_at_once_and_the_operator_is_warned() -> None:
    heard: list[tuple[str, str]] = []
    around = Surroundings(threading.Event(), lambda where, text: heard.append((where, text)))
    inputs: Properties = {"metadata": {"name": "indexer", "namespace": "shop"}, "spec": {"replicas": 0}}
    identity, _ = Patch(DEPLOYMENT, NoObjects(), KubernetesSettings(None), around).create(Call(urn=URN, raw=inputs))
    assert identity == "shop/indexer"
    assert heard == [(URN, "Replicas scaled to 0")]
