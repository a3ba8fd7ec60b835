"""How things are, read from AWS, the cluster, the databases and the state's file: no word of the program is asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import psycopg

from sandbox.application import names
from tests.support.sandbox.harness import Project, Sandbox

ROWS = """
SELECT (SELECT count(*) FROM transactions WHERE created_at <= '{0}'),
       (SELECT md5(string_agg(t::text, '|' ORDER BY id)) FROM transactions t WHERE created_at <= '{0}'),
       (SELECT md5(string_agg(id::text || email, '|' ORDER BY id)) FROM users WHERE created_at <= '{0}')
"""
SESSIONS = """
SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename = 'ghost_app'
"""
LEFT_ROLES = "SELECT count(*) FROM pg_catalog.pg_roles WHERE rolname ~ '^restore_'"


@dataclass(frozen=True)
class World:
    """What must be equal after an interruption and after an undisturbed run. Names hold roles in place of ids."""

    serves: str
    url: str
    """The whole connection URL, its address replaced by the role of the instance that has it."""
    instances: Mapping[str, str]
    """Identifier and status by role."""
    rows: Mapping[str, str]
    """Of each instance: the rows until the recovery point, as a hash."""
    sessions: Mapping[str, int]
    """Of the applications."""
    left_roles: Mapping[str, int]
    """Roles that the program makes for a while."""
    snapshots: tuple[str, ...]
    deployments: Mapping[str, Any]
    """Replicas, ready ones, and the names of annotations."""
    jobs: tuple[str, ...]
    state: tuple[str, ...]
    """Names of what the stack's state holds; of an emptied one the operations that are pending all the same."""

    def differences(self, other: World) -> list[str]:
        mine, others = asdict(self), asdict(other)
        return [f"{name}: {mine[name]}, undisturbed {others[name]}" for name in mine if mine[name] != others[name]]


@dataclass(frozen=True)
class Holdings:
    """Which databases and snapshots exist, by identity, and how many rows each had."""

    instances: Mapping[str, str]
    """Identifier by DbiResourceId."""
    snapshots: frozenset[str]

    def lost(self, later: Holdings) -> list[str]:
        gone = [name for resource_id, name in self.instances.items() if resource_id not in later.instances]
        return [f"{name} is gone" for name in (*gone, *sorted(self.snapshots - later.snapshots))]


@dataclass(frozen=True)
class Reader:
    """Reads with the sandbox's own rights."""

    sandbox: Sandbox
    project: Project
    restore_id: str
    point: str
    """The recovery point, RFC 3339."""

    def holdings(self) -> Holdings:
        snapshots = {str(item["DBSnapshotIdentifier"]) for item in self.sandbox.snapshots()}
        return Holdings({rid: name for name, rid in self.sandbox.instances().items()}, frozenset(snapshots))

    def look(self) -> World:
        described = {name: self.sandbox.instance(name) for name in self.sandbox.instances()}
        url = self.sandbox.url
        host = urlsplit(url).hostname or ""
        serves = next((self.role(n) for n, of in described.items() if host_of(of) == host), "nobody")
        return World(
            serves=serves,
            url=url.replace(host, serves),
            instances={
                self.role(name): f"{self.plain(name)} {of['DBInstanceStatus']}" for name, of in described.items()
            },
            rows={self.role(name): self.ask(name, ROWS.format(self.point)) for name in described},
            sessions={self.role(name): int(self.ask(name, SESSIONS)) for name in described},
            left_roles={self.role(name): int(self.ask(name, LEFT_ROLES)) for name in described},
            snapshots=tuple(sorted(self.snapshots())),
            deployments=self.deployments(),
            jobs=tuple(sorted(str(job["metadata"]["name"]) for job in self.sandbox.kube.list("Job", names.NAMESPACE))),
            state=tuple(sorted(self.state())),
        )

    def role(self, name: str) -> str:
        """`source`, `candidate`, or the name of something that shouldn't be there."""
        if self.sandbox.instances().get(name) == self.sandbox.resource_id:
            return "source"
        return "candidate" if name in (names.INSTANCE, f"{names.INSTANCE}-{self.restore_id}") else name

    def ask(self, identifier: str, query: str) -> str:
        """The row, as text; `?` where it can't be had."""
        try:
            return "|".join(str(value) for value in self.sandbox.ask(query, identifier))
        except (psycopg.Error, KeyError) as error:
            return f"-1{type(error).__name__}" if query == ROWS else "-1"

    def snapshots(self) -> list[str]:
        manual = [item for item in self.sandbox.snapshots() if item["SnapshotType"] == "manual"]
        return [f"{self.plain(item['DBSnapshotIdentifier'])} {item['Status']}" for item in manual]

    def deployments(self) -> dict[str, Any]:
        found = self.sandbox.kube.list("Deployment", names.NAMESPACE)
        return {
            str(item["metadata"]["name"]): (
                item["spec"]["replicas"],
                item.get("status", {}).get("readyReplicas", 0),
                sorted(key for key in item["metadata"].get("annotations", {}) if "restore" in key),
            )
            for item in found
        }

    def state(self) -> list[str]:
        file = self.project.folder / "state" / ".pulumi" / "stacks" / "restore" / f"{self.project.stack}.json"
        content = json.loads(file.read_text())
        latest = cast("dict[str, Any]", content["checkpoint"]["latest"] or {})
        resources = cast("list[dict[str, Any]]", latest.get("resources") or [])
        pending = cast("list[dict[str, Any]]", latest.get("pending_operations") or [])
        named = [
            self.plain(str(item["urn"]).rpartition("::")[2])
            for item in resources
            if item["type"] != "pulumi:pulumi:Stack"
        ]
        return named or [f"pending {self.plain(str(item['resource']['urn']).rpartition('::')[2])}" for item in pending]

    def plain(self, name: str) -> str:
        return name.replace(self.restore_id, "ID").replace(self.project.stack, "STACK")


def host_of(instance: Mapping[str, Any]) -> str:
    endpoint: Any = instance.get("Endpoint") or {}
    return str(endpoint.get("Address", ""))
