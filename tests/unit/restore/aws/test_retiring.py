"""What RDS and CloudWatch are asked when an instance is deleted, by the vendor's own model of their APIs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from botocore.session import Session
from botocore.stub import Stubber

from restore.aws import Aws, Rds
from restore.aws.metrics import Measured, read_hourly_connections
from restore.errors import PermanentError

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
INSTANCE: dict[str, Any] = {
    "DBInstanceIdentifier": "shop-inc-1",
    "DbiResourceId": "db-CANDIDATE",
    "DBInstanceArn": "arn:aws:rds:us-east-1:123456789012:db:shop-inc-1",
    "DBInstanceStatus": "available",
    "Engine": "postgres",
    "EngineVersion": "17.10",
}


def stubbed(monkeypatch: pytest.MonkeyPatch, service: str) -> tuple[Aws, Stubber]:
    session = cast("Any", Session())
    client = session.create_client(
        service, region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none"
    )
    stub = Stubber(client)
    stub.activate()

    def give(_self: Aws, _service: str) -> Any:
        return client

    monkeypatch.setattr(Aws, "open_client", give)
    return Aws("us-east-1"), stub


def deleting(stub: Stubber, deleted: str) -> None:
    stub.add_response("describe_db_instances", {"DBInstances": [INSTANCE]})
    asked = {
        "DBInstanceIdentifier": "shop-inc-1",
        "SkipFinalSnapshot": False,
        "FinalDBSnapshotIdentifier": "shop-inc-1-final",
        "DeleteAutomatedBackups": False,
    }
    stub.add_response("delete_db_instance", {"DBInstance": {**INSTANCE, "DbiResourceId": deleted}}, asked)


def test_a_deletion_takes_a_final_snapshot_and_keeps_the_backups(monkeypatch: pytest.MonkeyPatch) -> None:
    aws, stub = stubbed(monkeypatch, "rds")
    deleting(stub, "db-CANDIDATE")
    Rds(aws).delete("db-CANDIDATE", "shop-inc-1-final")
    stub.assert_no_pending_responses()


def test_a_name_that_moved_at_the_moment_of_the_call_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    aws, stub = stubbed(monkeypatch, "rds")
    deleting(stub, "db-ANOTHER")
    with pytest.raises(PermanentError, match="RDS now deletes db-ANOTHER"):
        Rds(aws).delete("db-CANDIDATE", "shop-inc-1-final")


def test_connections_are_asked_for_by_the_hour_and_told_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    aws, stub = stubbed(monkeypatch, "cloudwatch")
    since, earlier = NOW - timedelta(days=7), NOW - timedelta(hours=1)
    asked = {
        "Namespace": "AWS/RDS",
        "MetricName": "DatabaseConnections",
        "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": "shop-inc-1"}],
        "StartTime": since,
        "EndTime": NOW,
        "Period": 3600,
        "Statistics": ["Maximum"],
    }
    points = [{"Timestamp": NOW, "Maximum": 0.0}, {"Timestamp": earlier, "Maximum": 2.0}]
    stub.add_response("get_metric_statistics", {"Datapoints": points}, asked)
    assert read_hourly_connections(aws, "shop-inc-1", since, NOW) == (Measured(2.0, earlier), Measured(0.0, NOW))
