"""Who changed an instance of the sandbox is found by LookupEvents, and no password with it."""

from __future__ import annotations

import time

from restore.aws.history import parse_call
from sandbox.aws.trail import PAGE, Trail


def test_a_change_is_found_with_its_caller_and_without_its_password() -> None:
    trail = Trail()
    trail.record("ModifyDBInstance", {"DBInstanceIdentifier": "shop", "MasterUserPassword": "hunter2"}, "AKIA1", "eu")
    trail.record("DescribeDBInstances", {}, "AKIA1", "eu")
    (event,) = trail.look_up({"StartTime": int(time.time()) - 60})["Events"]
    assert "hunter2" not in str(event)
    assert (event["EventName"], event["Username"], '"shop"' in event["CloudTrailEvent"]) == (
        "ModifyDBInstance", "AKIA1", True,
    )  # fmt: skip
    assert parse_call(event) is None  # its time is a number: boto3 makes a datetime of it


def test_pages_are_followed_to_the_last_call() -> None:
    trail = Trail()
    for number in range(PAGE + 1):
        trail.record("CreateDBSnapshot", {"DBSnapshotIdentifier": str(number)}, "AKIA1", "eu")
    first = trail.look_up({})
    assert (len(first["Events"]), len(trail.look_up({"NextToken": first["NextToken"]})["Events"])) == (PAGE, 1)


def test_calls_of_another_time_or_service_are_left_out() -> None:
    trail = Trail()
    trail.record("CreateDBSnapshot", {}, "AKIA1", "eu")
    other = {"LookupAttributes": [{"AttributeKey": "EventSource", "AttributeValue": "s3.amazonaws.com"}]}
    assert [trail.look_up(asked)["Events"] for asked in ({"EndTime": 1}, other)] == [[], []]
