"""Copies of snapshots and parameter groups, against RDS in memory."""

from __future__ import annotations

import threading

import pytest

from sandbox.standins.aws.parameter_group import ParameterGroupType
from sandbox.standins.aws.snapshot_copy import SnapshotCopyType
from sandbox.standins.plugin.interface import Call, CreatedButFailed
from sandbox.standins.plugin.property_values import UNKNOWN, Properties
from tests.support.standins.fake_rds import FakeRds, refusal

URN = "urn:pulumi:test::restore::aws:rds/snapshotCopy:SnapshotCopy::copy"
COPY: Properties = {
    "sourceDbSnapshotIdentifier": "arn:aws:rds:us-east-1:123456789012:snapshot:weekly",
    "targetDbSnapshotIdentifier": "shop-copy",
    "kmsKeyId": "key-west",
    "tags": {"a": "1"},
}


def over(rds: FakeRds) -> SnapshotCopyType:
    return SnapshotCopyType(rds, "us-west-2", {}, threading.Event())


def test_a_copy_is_waited_for_and_keeps_what_it_was_made_with() -> None:
    rds = FakeRds(("creating", "creating", "available"))
    identity, state = over(rds).create(Call(urn=URN, raw={**COPY, "__defaults": []}))
    assert identity == state["targetDbSnapshotIdentifier"] == "shop-copy"
    (asked,) = rds.asked("CopyDBSnapshot")
    assert asked["KmsKeyId"] == "key-west"
    assert over(rds).diff(Call(raw=COPY, raw_state=state)).detailed == {}


def test_a_copy_that_fails_is_saved_with_its_id() -> None:
    with pytest.raises(CreatedButFailed) as caught:
        over(FakeRds(("creating", "failed"))).create(Call(urn=URN, raw=COPY))
    assert caught.value.identity == "shop-copy"


def test_another_original_or_key_is_another_copy() -> None:
    for key in ("sourceDbSnapshotIdentifier", "targetDbSnapshotIdentifier", "kmsKeyId"):
        assert over(FakeRds()).diff(Call(raw={**COPY, key: "x"}, raw_state=COPY)).replaces == [key]


def test_a_preview_of_either_calls_nothing() -> None:
    rds = FakeRds()
    _, copy = over(rds).create(Call(urn=URN, raw=COPY, preview=True))
    group = ParameterGroupType(rds, "us-west-2", {}, threading.Event())
    _, planned = group.create(Call(urn=URN, raw={"name": "shop-pg17", "family": "postgres17"}, preview=True))
    assert copy["dbSnapshotArn"] == planned["arn"] == UNKNOWN
    assert rds.calls == []


def test_a_group_that_does_not_take_its_parameters_is_saved_with_its_id() -> None:
    rds = FakeRds(errors={"ModifyDBParameterGroup": refusal("InvalidParameterValue", "no such parameter")})
    inputs: Properties = {"name": "shop-pg17", "family": "postgres17", "parameters": [{"name": "x", "value": "1"}]}
    with pytest.raises(CreatedButFailed) as caught:
        ParameterGroupType(rds, "us-west-2", {}, threading.Event()).create(Call(urn=URN, raw=inputs))
    assert caught.value.identity == "shop-pg17"
