"""Real rows through every way back: snapshot, point in time, retained backups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from botocore.exceptions import ClientError

from tests.sandbox_rds.conftest import Sandbox


@pytest.fixture(scope="module")
def source(sandbox: Sandbox) -> str:
    sandbox.create("prod")
    sandbox.available("prod")
    sandbox.sql("prod", "CREATE TABLE orders AS SELECT g AS id FROM generate_series(1, 5000) g")
    return "prod"


def count(sandbox: Sandbox, name: str) -> int:
    return sandbox.sql(name, "SELECT count(*) FROM orders")[0][0]


def server_now(sandbox: Sandbox, name: str) -> datetime:
    return sandbox.sql(name, "SELECT clock_timestamp()")[0][0]


def test_a_point_in_time_restore_has_what_was_there_then_and_nothing_later(sandbox: Sandbox, source: str) -> None:
    before = server_now(sandbox, source)
    sandbox.sql(source, "DELETE FROM orders")
    after = server_now(sandbox, source)
    sandbox.sql(source, "INSERT INTO orders VALUES (1)")
    sandbox.restorable(source, after)
    for name, time in (("to-before", before), ("to-after", after)):
        sandbox.aws.rds.restore_db_instance_to_point_in_time(
            SourceDBInstanceIdentifier=source, TargetDBInstanceIdentifier=name, RestoreTime=time
        )
    sandbox.aws.rds.restore_db_instance_to_point_in_time(
        SourceDBInstanceIdentifier=source, TargetDBInstanceIdentifier="to-latest", UseLatestRestorableTime=True
    )
    for name in ("to-before", "to-after", "to-latest"):
        sandbox.available(name)
    assert [count(sandbox, n) for n in ("to-before", "to-after", "to-latest")] == [5000, 0, 1]
    sandbox.sql(source, "INSERT INTO orders SELECT generate_series(2, 5000)")
