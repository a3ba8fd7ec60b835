"""aws:rds/snapshotCopy:SnapshotCopy: a manual snapshot that is a copy of another (snapshot_copy.go)."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from sandbox.standins.aws import outputs, tag_lists
from sandbox.standins.aws.input_checks import checked
from sandbox.standins.aws.input_diff import difference
from sandbox.standins.aws.instance import failed
from sandbox.standins.aws.property_schema import SNAPSHOT_COPY
from sandbox.standins.aws.rds_client import RdsClient
from sandbox.standins.aws.snapshot import CREATE_SECONDS, SnapshotType, no_problems
from sandbox.standins.plugin.interface import Call, CallRefused, Checked, CreatedButFailed, Difference, ReadResult
from sandbox.standins.plugin.property_values import UNKNOWN, Properties
from sandbox.standins.plugin.status_wait import Wait, wait_for


class SnapshotCopyType:
    def __init__(
        self, rds: RdsClient, region: str, default_tags: Mapping[str, str], cancelled: threading.Event
    ) -> None:
        self._snapshots = SnapshotType(rds, region, default_tags, cancelled)
        self._rds, self._region, self._tags, self._cancelled = rds, region, default_tags, cancelled

    def check(self, call: Call) -> Checked:
        return checked(SNAPSHOT_COPY, call, self._tags, no_problems, self._region)

    def diff(self, call: Call) -> Difference:
        return difference(SNAPSHOT_COPY, call.state, call.news, call.ignored)

    def create(self, call: Call) -> tuple[str, Properties]:
        inputs = {key: value for key, value in call.news.items() if key != "__defaults"}
        if call.preview:
            unknown = {key: UNKNOWN for key, declared in SNAPSHOT_COPY.items() if declared.computed}
            return "", {**unknown, "tagsAll": inputs.get("tags") or {}, **inputs}
        identity = str(inputs["targetDbSnapshotIdentifier"])
        try:
            self._rds.call("CopyDBSnapshot", _request(inputs, identity))
        except CallRefused as error:
            raise CallRefused(failed(f"creating RDS DB Snapshot Copy ({identity}): {error}")) from error
        try:
            wait = Wait(frozenset({"creating"}), ("available",), call.timeout or CREATE_SECONDS)
            wait_for(lambda: self._snapshots.status(identity), wait, self._cancelled)
            return identity, self._state(identity)
        except CallRefused as error:
            text = failed(f"waiting for RDS DB Snapshot Copy ({identity}) create: {error}")
            raise CreatedButFailed(text, identity, inputs) from error

    def update(self, call: Call) -> Properties:
        state, news = call.state, call.news
        if call.preview:
            return {**state, **{key: value for key, value in news.items() if key != "__defaults"}}
        tag_lists.update(self._rds, str(state["dbSnapshotArn"]), state.get("tagsAll") or {}, news.get("tags") or {})
        return self._state(call.id)

    def read(self, call: Call) -> ReadResult | None:
        if self._snapshots.find(call.id) is None:
            return None
        state = self._state(call.id)
        return ReadResult(call.id, outputs.inputs_of(SNAPSHOT_COPY, state, call.old_inputs), state)

    def delete(self, call: Call) -> None:
        self._snapshots.delete(call)

    def _state(self, identity: str) -> Properties:
        described = self._snapshots.find(identity)
        if described is None:
            raise CallRefused(f"reading RDS DB Snapshot Copy ({identity}): couldn't find resource")
        return outputs.snapshot_copy(described, self._region)


def _request(inputs: Properties, identity: str) -> Properties:
    optional = {"CopyTags": "copyTags", "KmsKeyId": "kmsKeyId", "OptionGroupName": "optionGroupName"}
    given = {name: inputs[key] for name, key in optional.items() if inputs.get(key)}
    return {
        "SourceDBSnapshotIdentifier": str(inputs["sourceDbSnapshotIdentifier"]),
        "TargetDBSnapshotIdentifier": identity,
        "Tags": tag_lists.to_list(inputs.get("tags") or {}),
        **given,
    }
