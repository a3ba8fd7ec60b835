"""The life of instances and snapshots, against RDS in memory."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from sandbox.standins.aws.instance import InstanceType
from sandbox.standins.aws.snapshot import SnapshotType
from sandbox.standins.plugin.interface import Call, CallRefused, CreatedButFailed
from sandbox.standins.plugin.property_values import UNKNOWN, Properties, is_secret, reveal, secret
from tests.support.standins.fake_rds import RESOURCE_ID, FakeRds, refusal

URN = "urn:pulumi:test::restore::aws:rds/instance:Instance::candidate"
INPUTS: Properties = {"identifier": "shop-1", "instanceClass": "db.r6g.large", "__defaults": []}
RESTORE: Properties = {**INPUTS, "snapshotIdentifier": "manual-1"}


def over(rds: FakeRds, cancelled: threading.Event | None = None) -> InstanceType:
    return InstanceType(rds, "us-east-1", {}, cancelled or threading.Event())


def create(rds: FakeRds, inputs: Properties, timeout: float = 5) -> tuple[str, Properties]:
    return over(rds).create(Call(urn=URN, raw=inputs, timeout=timeout))


def test_the_id_is_the_resource_id_and_the_password_stays_secret() -> None:
    rds = FakeRds(("creating", "backing-up", "available"))
    identity, state = create(rds, {**RESTORE, "password": secret("hidden"), "tags": {"a": "1"}})
    assert identity == RESOURCE_ID
    assert is_secret(state["password"])
    assert reveal(state["password"]) == "hidden"
    assert (state["address"], state["endpoint"]) == ("127.0.0.9", "127.0.0.9:5432")
    assert state["snapshotIdentifier"] == "manual-1"
    assert state["tagsAll"] == {"a": "1"}
    assert rds.asked("ModifyDBInstance")[0]["MasterUserPassword"] == "hidden"


def test_a_preview_calls_nothing_and_knows_no_address() -> None:
    rds = FakeRds()
    identity, state = over(rds).create(Call(urn=URN, raw=RESTORE, preview=True))
    assert (identity, state["address"], state["identifier"]) == ("", UNKNOWN, "shop-1")
    assert rds.calls == []


def test_a_timeout_leaves_an_orphan_and_no_state() -> None:
    rds = FakeRds(("creating",))
    with pytest.raises(CallRefused) as caught:
        create(rds, RESTORE, timeout=0.3)
    assert not isinstance(caught.value, CreatedButFailed)
    assert str(caught.value) == (
        "1 error occurred:\n\t* waiting for RDS DB Instance (shop-1) create: timeout while waiting for state to become "
        "'available, storage-optimization' (last state: 'creating', timeout: 300ms)\n\n"
    )
    assert "shop-1" in rds.instances


def test_a_failed_restore_is_told_with_its_status() -> None:
    with pytest.raises(
        CallRefused, match="unexpected state 'incompatible-restore', wanted target 'available, storage-opt"
    ):
        create(FakeRds(("creating", "incompatible-restore")), RESTORE)


def test_a_cancelled_wait_ends_at_once_without_state() -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(CallRefused, match=r"\(shop-1\) create: context canceled"):
        over(FakeRds(("creating",)), cancelled).create(Call(urn=URN, raw=RESTORE))


def test_a_taken_name_is_told_in_awss_words() -> None:
    rds = FakeRds()
    create(rds, RESTORE)
    with pytest.raises(
        CallRefused, match=r"creating RDS DB Instance \(restore from snapshot\) \(shop-1\): .*AlreadyExists"
    ):
        create(rds, RESTORE)


def test_a_failed_modification_after_the_restore_is_saved_with_the_id() -> None:
    error = refusal("InvalidParameterValue", "no")
    rds = FakeRds(errors={"ModifyDBInstance": error})
    with pytest.raises(CreatedButFailed, match=r"updating RDS DB Instance \(shop-1\)") as caught:
        create(rds, {**RESTORE, "backupRetentionPeriod": 7})
    assert caught.value.identity == RESOURCE_ID
    assert caught.value.properties["identifier"] == "shop-1"


def test_a_fresh_instance_without_storage_is_refused_at_creation() -> None:
    with pytest.raises(CallRefused, match="3 errors occurred"):
        create(FakeRds(), INPUTS)


def made(rds: FakeRds, **inputs: Any) -> tuple[Properties, Properties]:
    given = {**RESTORE, **inputs}
    return given, create(rds, given)[1]


def test_a_rename_keeps_the_id() -> None:
    rds = FakeRds(("renaming", "available"))
    inputs, state = made(rds)
    news = {**inputs, "identifier": "shop-2", "applyImmediately": True}
    state = over(rds).update(Call(urn=URN, id=RESOURCE_ID, raw=news, raw_state=state))
    assert (state["identifier"], state["resourceId"]) == ("shop-2", RESOURCE_ID)
    assert set(rds.instances) == {"shop-2"}


def test_an_update_of_the_programs_settings_calls_nothing_at_aws() -> None:
    rds = FakeRds()
    inputs, state = made(rds)
    news = {**inputs, "finalSnapshotIdentifier": "last", "deleteAutomatedBackups": False}
    state = over(rds).update(Call(urn=URN, id=RESOURCE_ID, raw=news, raw_state=state))
    assert (state["finalSnapshotIdentifier"], state["deleteAutomatedBackups"]) == ("last", False)
    assert not rds.asked("ModifyDBInstance")


def test_a_failed_update_is_saved_as_planned() -> None:
    rds = FakeRds()
    inputs, state = made(rds)
    rds.errors["ModifyDBInstance"] = refusal("InvalidDBInstanceState", "busy")
    with pytest.raises(CreatedButFailed) as caught:
        over(rds).update(Call(urn=URN, id=RESOURCE_ID, raw={**inputs, "instanceClass": "db.x"}, raw_state=state))
    assert caught.value.properties["instanceClass"] == "db.x"


def test_an_import_finds_by_identifier_and_by_resource_id() -> None:
    rds = FakeRds()
    made(rds)
    for name in ("shop-1", RESOURCE_ID):
        found = over(rds).read(Call(urn=URN, id=name))
        assert found is not None
        assert (found.id, found.state["resourceId"]) == (name, RESOURCE_ID)
        assert found.state["skipFinalSnapshot"] is True
        assert found.inputs["identifier"] == "shop-1"
    assert over(rds).read(Call(urn=URN, id="absent")) is None


def test_a_refresh_keeps_what_aws_never_tells() -> None:
    rds = FakeRds()
    inputs, state = made(rds, password=secret("hidden"))
    rds.instances["shop-1"]["BackupRetentionPeriod"] = 3
    found = over(rds).read(Call(urn=URN, id=RESOURCE_ID, raw_state=state, raw_old_inputs=inputs))
    assert found is not None
    assert found.state["snapshotIdentifier"] == "manual-1"
    assert is_secret(found.state["password"])
    assert is_secret(found.inputs["password"])
    assert found.state["backupRetentionPeriod"] == 3


def test_a_protected_instance_is_not_deleted() -> None:
    rds = FakeRds()
    _, state = made(rds, deletionProtection=True, skipFinalSnapshot=True)
    with pytest.raises(CallRefused, match=r"deleting RDS DB Instance \(shop-1\): .*disable deletion protection"):
        over(rds).delete(Call(urn=URN, id=RESOURCE_ID, raw_state=state))
    assert "shop-1" in rds.instances


def test_a_deletion_goes_by_the_name_in_the_state() -> None:
    """The trap of a name that moved since: whoever holds it now is deleted."""
    rds = FakeRds()
    _, state = made(rds, skipFinalSnapshot=True)
    over(rds).delete(Call(urn=URN, id=RESOURCE_ID, raw_state=state))
    assert rds.asked("DeleteDBInstance") == [
        {"DBInstanceIdentifier": "shop-1", "DeleteAutomatedBackups": True, "SkipFinalSnapshot": True}
    ]
    over(rds).delete(Call(urn=URN, id=RESOURCE_ID, raw_state=state))


def test_a_deletion_needs_a_final_snapshot_or_the_word_to_skip_it() -> None:
    rds = FakeRds()
    _, state = made(rds)
    with pytest.raises(CallRefused, match="final_snapshot_identifier is required"):
        over(rds).delete(Call(urn=URN, id=RESOURCE_ID, raw_state=state))
    assert not rds.asked("DeleteDBInstance")


SAFETY: Properties = {"dbInstanceIdentifier": "shop", "dbSnapshotIdentifier": "shop-safety", "tags": {"a": "1"}}


def test_a_snapshot_is_waited_for() -> None:
    rds = FakeRds(("creating", "creating", "available"))
    snapshot = SnapshotType(rds, "us-east-1", {}, threading.Event())
    identity, state = snapshot.create(Call(urn=URN, raw={**SAFETY, "__defaults": []}))
    assert (identity, state["status"], state["tags"]) == ("shop-safety", "available", {"a": "1"})
    snapshot.delete(Call(id=identity))
    assert snapshot.read(Call(id=identity)) is None


def test_a_failed_snapshot_is_saved_with_the_id() -> None:
    snapshot = SnapshotType(FakeRds(("creating", "failed")), "us-east-1", {}, threading.Event())
    with pytest.raises(CreatedButFailed, match="unexpected state 'failed', wanted target 'available'") as caught:
        snapshot.create(Call(urn=URN, raw=SAFETY))
    assert caught.value.identity == "shop-safety"


def test_another_name_or_source_is_another_snapshot() -> None:
    snapshot = SnapshotType(FakeRds(), "us-east-1", {}, threading.Event())
    state = {**SAFETY, "status": "available"}
    for key in ("dbInstanceIdentifier", "dbSnapshotIdentifier"):
        assert snapshot.diff(Call(raw={**SAFETY, key: "x"}, raw_state=state)).replaces == [key]


def test_a_snapshot_whose_wait_was_cut_off_is_taken_up_by_the_next_update() -> None:
    """Its state has no ARN yet: the provider leaves its tags alone then."""
    rds = FakeRds(("creating", "failed"))
    snapshot = SnapshotType(rds, "us-east-1", {}, threading.Event())
    with pytest.raises(CreatedButFailed) as caught:
        snapshot.create(Call(urn=URN, raw=SAFETY))
    rds.coming = ["available"]
    kept = Call(id=caught.value.identity, raw_state=caught.value.properties, raw=SAFETY)
    assert snapshot.update(kept)["status"] == "available"
    assert rds.asked("AddTagsToResource") == []
