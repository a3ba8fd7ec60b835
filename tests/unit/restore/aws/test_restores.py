"""A restore as RDS takes it: no setting is lost by a wrong name, and backups don't hold up what follows."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from botocore.session import Session
from botocore.stub import Stubber

from restore import plan
from restore.aws import Aws, Rds
from restore.aws.parse import MODIFY
from restore.aws.restores import NAMES, NOT_TAKEN, POINT_IN_TIME_ONLY, RETENTION, build_restore, build_settings
from restore.errors import TemporaryError
from restore.model.planned import Plan, RecoveryPoint
from restore.model.rds import InstanceSettings
from restore.model.request import Method
from tests.support.worlds import SOURCE_SETTINGS, TARGET, inventory, settings

SNAPSHOT = RecoveryPoint(Method.SNAPSHOT, snapshot="shop-nightly")


def planned(**changes: Any) -> Plan:
    return replace(plan.make(settings(), inventory()), **changes)


def members(operation: str) -> set[str]:
    """What the vendor's own model has among the parameters of an operation."""
    model = cast("Any", Session()).get_service_model("rds")
    return set(model.operation_model(operation).input_shape.members)


def test_every_parameter_is_one_that_both_restores_take() -> None:
    point_in_time, snapshot = members("RestoreDBInstanceToPointInTime"), members("RestoreDBInstanceFromDBSnapshot")
    assert set(NAMES.values()) <= point_in_time
    assert set(NAMES.values()) - snapshot == POINT_IN_TIME_ONLY


def test_no_setting_is_left_for_a_second_call_that_the_first_one_takes() -> None:
    taken = members("RestoreDBInstanceFromDBSnapshot") & members("RestoreDBInstanceToPointInTime")
    directory = {"domain", "domain_iam_role_name"}
    assert not {MODIFY[field] for field in NOT_TAKEN - directory} & taken
    assert {field.name for field in fields(InstanceSettings)} - NAMES.keys() - NOT_TAKEN == {"associated_roles"}


@pytest.mark.parametrize(("retention", "asked"), [(7, 0), (0, 0), (None, None)])
def test_backups_stay_off_only_where_it_is_known_how_they_come_on_again(
    retention: int | None, asked: int | None
) -> None:
    parameters = build_settings(replace(SOURCE_SETTINGS, backup_retention_period=retention))
    assert parameters.get(RETENTION) == asked


def test_a_restore_to_a_moment_names_the_source_by_what_no_rename_moves() -> None:
    parameters = build_restore(planned())
    assert parameters["TargetDBInstanceIdentifier"] == "shop-inc-1"
    assert parameters["SourceDbiResourceId"] == "db-SOURCE"
    assert parameters["RestoreTime"] == TARGET
    assert parameters["VpcSecurityGroupIds"] == ["sg-1", "sg-2"]
    assert {"Key": "restore:id", "Value": "inc-1"} in parameters["Tags"]


def test_a_retained_backup_is_restored_by_its_arn_and_latest_by_rds_s_own_clock() -> None:
    point = RecoveryPoint(Method.PITR, latest=True, source_resource_id="db-SOURCE", automated_backup_arn="arn:ab")
    parameters = build_restore(planned(point=point))
    assert parameters["SourceDBInstanceAutomatedBackupsArn"] == "arn:ab"
    assert parameters["UseLatestRestorableTime"] is True
    assert not {"SourceDbiResourceId", "RestoreTime"} & parameters.keys()


INSTANCE: dict[str, Any] = {
    "DBInstanceIdentifier": "shop-inc-1", "DbiResourceId": "db-CANDIDATE", "DBInstanceStatus": "creating"
}  # fmt: skip


def stubbed(monkeypatch: pytest.MonkeyPatch) -> tuple[Rds, Stubber]:
    session = cast("Any", Session())
    client = session.create_client("rds", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    stub = Stubber(client)
    stub.activate()

    def give(_self: Aws, _service: str) -> Any:
        return client

    monkeypatch.setattr(Aws, "open_client", give)
    return Rds(Aws("us-east-1")), stub


def test_each_method_is_asked_by_its_own_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stub checks parameters against the vendor's model."""
    rds, stub = stubbed(monkeypatch)
    for call, wanted in (
        ("restore_db_instance_to_point_in_time", planned()),
        ("restore_db_instance_from_db_snapshot", planned(point=SNAPSHOT)),
    ):
        parameters = build_restore(wanted)
        stub.add_response(call, {"DBInstance": INSTANCE}, parameters)
        assert rds.restore(parameters)
    stub.assert_no_pending_responses()


def test_an_identifier_that_is_taken_is_no_second_restore(monkeypatch: pytest.MonkeyPatch) -> None:
    rds, stub = stubbed(monkeypatch)
    stub.add_client_error("restore_db_instance_to_point_in_time", "DBInstanceAlreadyExists")
    assert not rds.restore(build_restore(planned()))


def test_a_source_that_is_busy_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rds, stub = stubbed(monkeypatch)
    stub.add_client_error("restore_db_instance_to_point_in_time", "InvalidDBInstanceState")
    with pytest.raises(TemporaryError):
        rds.restore(build_restore(planned(point=replace(planned().point, time=datetime(2026, 11, 22, tzinfo=UTC)))))
