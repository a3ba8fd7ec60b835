"""aws:rds/snapshot:Snapshot: a manual snapshot of an instance."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import cast

from sandbox.standins.aws import outputs, tag_lists
from sandbox.standins.aws.input_checks import checked
from sandbox.standins.aws.input_diff import difference
from sandbox.standins.aws.instance import failed
from sandbox.standins.aws.property_schema import SNAPSHOT
from sandbox.standins.aws.rds_client import RdsClient, RdsError
from sandbox.standins.plugin.interface import Call, CallRefused, Checked, CreatedButFailed, Difference, ReadResult
from sandbox.standins.plugin.property_values import UNKNOWN, Properties, block, items
from sandbox.standins.plugin.status_wait import Wait, wait_for

CREATE_SECONDS = 20 * 60.0


def no_problems(_inputs: Properties) -> Iterator[tuple[str, str]]:
    return iter(())


class SnapshotType:
    def __init__(
        self, rds: RdsClient, region: str, default_tags: Mapping[str, str], cancelled: threading.Event
    ) -> None:
        self._rds, self._region, self._tags, self._cancelled = rds, region, default_tags, cancelled

    def check(self, call: Call) -> Checked:
        return checked(SNAPSHOT, call, self._tags, no_problems, self._region)

    def diff(self, call: Call) -> Difference:
        return difference(SNAPSHOT, call.state, call.news, call.ignored)

    def create(self, call: Call) -> tuple[str, Properties]:
        inputs = {key: value for key, value in call.news.items() if key != "__defaults"}
        if call.preview:
            unknown = {key: UNKNOWN for key, declared in SNAPSHOT.items() if declared.computed}
            return "", {**unknown, "tagsAll": inputs.get("tags") or {}, **inputs}
        source, identity = str(inputs["dbInstanceIdentifier"]), str(inputs["dbSnapshotIdentifier"])
        tags = tag_lists.to_list(inputs.get("tags") or {})
        request = {"DBInstanceIdentifier": source, "DBSnapshotIdentifier": identity, "Tags": tags}
        try:
            self._rds.call("CreateDBSnapshot", request)
        except CallRefused as error:
            raise CallRefused(failed(f"creating RDS DB Snapshot ({identity}): {error}")) from error
        try:
            wait = Wait(frozenset({"creating"}), ("available",), call.timeout or CREATE_SECONDS)
            wait_for(lambda: self.status(identity), wait, self._cancelled)
            self._share(identity, [], inputs.get("sharedAccounts") or [])
            return identity, self._state(identity)
        except CallRefused as error:
            text = failed(f"waiting for RDS DB Snapshot ({identity}) create: {error}")
            raise CreatedButFailed(text, identity, inputs) from error

    def update(self, call: Call) -> Properties:
        state, news = call.state, call.news
        if call.preview:
            return {**state, **{key: value for key, value in news.items() if key != "__defaults"}}
        try:
            if arn := state.get("dbSnapshotArn"):  # none after a wait that was cut off (tags_interceptor.go, `run`)
                tag_lists.update(self._rds, str(arn), state.get("tagsAll") or {}, news.get("tags") or {})
            self._share(call.id, state.get("sharedAccounts") or [], news.get("sharedAccounts") or [])
            return self._state(call.id)
        except CallRefused as error:
            raise CreatedButFailed(failed(f"updating RDS DB Snapshot ({call.id}): {error}"), call.id, state) from error

    def read(self, call: Call) -> ReadResult | None:
        if self.find(call.id) is None:
            return None
        state = self._state(call.id)
        return ReadResult(call.id, outputs.inputs_of(SNAPSHOT, state, call.old_inputs), state)

    def delete(self, call: Call) -> None:
        try:
            self._rds.call("DeleteDBSnapshot", {"DBSnapshotIdentifier": call.id})
        except RdsError as error:
            if not error.code.startswith("DBSnapshotNotFound"):
                raise CallRefused(failed(f"deleting RDS DB Snapshot ({call.id}): {error}")) from error

    def _share(self, identity: str, olds: list[str], news: list[str]) -> None:
        added, removed = sorted(set(news) - set(olds)), sorted(set(olds) - set(news))
        if added or removed:
            request = {"DBSnapshotIdentifier": identity, "AttributeName": "restore"}
            changes = {"ValuesToAdd": added, "ValuesToRemove": removed}
            self._rds.call("ModifyDBSnapshotAttribute", {**request, **changes})

    def _state(self, identity: str) -> Properties:
        described = self.find(identity)
        if described is None:
            raise CallRefused(f"reading RDS DB Snapshot ({identity}): couldn't find resource")
        result = self._rds.call("DescribeDBSnapshotAttributes", {"DBSnapshotIdentifier": identity})
        attributes = items(block(result["DBSnapshotAttributesResult"]).get("DBSnapshotAttributes"))
        shared = [items(a.get("AttributeValues")) for a in attributes if a.get("AttributeName") == "restore"]
        return outputs.snapshot(described, shared[0] if shared else [], self._region)

    def status(self, identity: str) -> str | None:
        described = self.find(identity)
        return None if described is None else str(described["Status"])

    def find(self, identity: str) -> Properties | None:
        try:
            listed = self._rds.call("DescribeDBSnapshots", {"DBSnapshotIdentifier": identity})["DBSnapshots"]
        except RdsError as error:
            if error.code.startswith("DBSnapshotNotFound"):
                return None
            raise
        return cast("Properties", listed[0]) if listed else None
