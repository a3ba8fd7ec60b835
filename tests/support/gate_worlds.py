"""A world for gates: the plan is a real one, each outside system a stand-in that answers from memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from restore import plan as plans
from restore import postgres
from restore.errors import PermanentError, Problem, RestoreError, TemporaryError
from restore.evidence import Store
from restore.gates.context import GateContext
from restore.gates.hook import Gate, Proof, Running, Watch, attempt
from restore.kubernetes import Pod
from restore.model.cluster import Deployment
from restore.model.inventory import Inventory
from restore.model.rds import Credential, Endpoint, Instance, InstanceSettings
from restore.model.request import Request, Settings, Tls
from restore.postgres import Activity, Attempt, Quiet, Session
from tests.support import worlds

STOPPED = TemporaryError.of(Problem("PostgreSQL", "connection refused", "an answer", "check the instance's status"))
REFUSED = PermanentError.of(Problem("PostgreSQL", "password authentication failed", "a login", "check the password"))
QUIET_AT = datetime(2026, 11, 22, 14, 50, tzinfo=UTC)
QUIET = Quiet((), (), Activity(QUIET_AT, 0, 0, 0), Activity(QUIET_AT, 0, 0, 0))
MAY_ALL = Attempt("shop_app", "shop", "17.10", recovering=False, schema="public", missing_privileges=())


@dataclass
class Rds:
    """Instances by identifier, and every change that was asked for."""

    instances: list[Instance]
    modified: list[tuple[str, InstanceSettings]] = field(default_factory=list[tuple[str, InstanceSettings]])

    def instance(self, identifier: str) -> Instance | None:
        return next((one for one in self.instances if one.identifier == identifier), None)

    def instance_by_resource_id(self, resource_id: str) -> Instance | None:
        return next((one for one in self.instances if one.resource_id == resource_id), None)

    def wait_until(self, resource_id: str, wanted: Callable[[Instance], bool], **_: object) -> Instance:
        found = self.instance_by_resource_id(resource_id)
        assert found is not None
        if not wanted(found):
            raise TemporaryError(f"out of time; {found.identifier} is {found.status}")
        return found

    def modify(self, resource_id: str, wanted: InstanceSettings) -> None:
        self.modified.append((resource_id, wanted))
        self.instances = [replace(i, settings=wanted) if i.resource_id == resource_id else i for i in self.instances]


@dataclass
class Namespace:
    found: Mapping[str, Deployment | None]
    url: str
    by_selector: Mapping[str, Sequence[Pod]] = field(default_factory=dict[str, Sequence[Pod]])

    def deployments(self, names: Sequence[str]) -> Mapping[str, Deployment | None]:
        return {name: self.found.get(name) for name in names}

    def pods(self, selector: str) -> Sequence[Pod]:
        return self.by_selector.get(selector, ())

    def connection_secret(self, _name: str, _key: str) -> Any:
        return worlds.secret(self.url)


class Secrets:
    def login(self, _login: object, _endpoint: Endpoint) -> Credential:
        return Credential("admin", "operators-password")


@dataclass
class Databases:
    """PostgreSQL by host: what a connection, or the application's read of a row, comes to there."""

    down: dict[str, RestoreError] = field(default_factory=dict[str, RestoreError])
    unread: dict[str, RestoreError] = field(default_factory=dict[str, RestoreError])
    rest: Quiet = QUIET
    there: dict[str, tuple[Session, ...]] = field(default_factory=dict[str, tuple[Session, ...]])
    asked: list[str] = field(default_factory=list[str])

    @contextmanager
    def connect(self, endpoint: Endpoint, *_: object) -> Generator[str]:
        self.asked.append(endpoint.host)
        if endpoint.host in self.down:
            raise self.down[endpoint.host]
        yield endpoint.host

    def read_row(self, _url: str, endpoint: Endpoint, _tls: Tls) -> str:
        self.asked.append(endpoint.host)
        if error := self.unread.get(endpoint.host) or self.down.get(endpoint.host):
            raise error
        return "public.users"

    def sessions(self, connection: str) -> tuple[Session, ...]:
        return self.there.get(connection, ())

    def install(self, patch: pytest.MonkeyPatch) -> None:
        def quiet(*_: object) -> Quiet:
            return self.rest

        def try_login(*_: object) -> Attempt:
            return MAY_ALL

        patch.setattr(postgres, "connect", self.connect)
        patch.setattr(postgres, "read_row", self.read_row)
        patch.setattr(postgres, "sessions", self.sessions)
        patch.setattr(postgres, "quiet", quiet)
        patch.setattr(postgres, "try_login", try_login)


@dataclass
class Stage:
    """One gate's surroundings; `prove` runs it as the hook does, waivers and evidence included."""

    context: GateContext
    rds: Rds
    namespace: Namespace
    records: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])

    def prove(
        self,
        name: str,
        work: Callable[[GateContext, Watch], Proof],
        *,
        receipt: Mapping[str, Any] | None = None,
        earlier: Mapping[str, Any] | None = None,
        seconds: float = 0.0,
    ) -> str | None:
        """None when the gate opens, else why it doesn't."""

        def record(document: Mapping[str, Any]) -> str:
            self.records.append(document)
            return self.context.store.write("prod", "inc-1", name, document)

        gate = Gate(name, seconds, lambda watch: work(self.context, watch), record, self.context.settings.waive)
        return attempt(gate, Running(), lambda _text: None, receipt, earlier)

    @property
    def last(self) -> Mapping[str, Any]:
        return self.records[-1]


def stage(request: Request, found: Inventory, folder: Path, **changes: Any) -> Stage:
    """The plan is made of what is found, with these settings changed; Kubernetes is as found."""
    configured: Settings = worlds.settings(request, **changes)
    secret = found.cluster.secret
    assert secret is not None
    assert secret.url is not None
    rds = Rds([one for one in (found.source, found.candidate) if one])
    namespace = Namespace(found.cluster.deployments, secret.url)
    context = GateContext(
        settings=configured,
        plan=plans.make(configured, found),
        aws=cast("Any", None),
        rds=cast("Any", rds),
        secrets=cast("Any", Secrets()),
        api=cast("Any", None),
        namespace=cast("Any", namespace),
        store=Store.open(str(folder)),
    )
    return Stage(context, rds, namespace)


def watch(gate: str) -> Watch:
    return Watch(gate, 0, threading.Event(), lambda _text: None)
