"""AWS's room for a restore is looked at before anything stops, and what can't be looked at stops nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from restore import plan
from restore.config.keys import SAFETY_CHECK
from restore.model.capacity import GONE, Capacity, KmsKey, Offer, Quota, Subnet
from restore.model.inventory import Inventory
from restore.model.request import Traffic
from tests.support.worlds import FROZEN, PITR, asked, inventory, only_problem, problems, restored, settings

ROOM = {"DBInstances": Quota(3, 40), "AllocatedStorage": Quota(300, 100_000), "ManualSnapshots": Quota(9, 100)}
OFFER = Offer("17.10", "gp3", frozenset({"us-east-1a", "us-east-1b", "us-east-1c"}), multi_az=True)
SUBNETS = (Subnet("subnet-a", "us-east-1a", 250), Subnet("subnet-b", "us-east-1b", 250))
KEYS = {"key-1": KmsKey("arn:aws:kms:us-east-1:1:key/key-1", "Enabled")}
ENOUGH = Capacity(ROOM, (OFFER,), SUBNETS, KEYS)


def world(**changes: Any) -> Inventory:
    return inventory(capacity=replace(ENOUGH, **changes))


def test_where_there_is_room_nothing_is_said() -> None:
    assert problems(settings(), world()) == {}
    assert "not asked" not in "\n".join(plan.make(settings(), world()).notes)


@pytest.mark.parametrize(
    ("name", "taken", "found"),
    [
        ("DBInstances", Quota(40, 40), "40 of 40 DB instances"),
        ("AllocatedStorage", Quota(950, 1000), "950 of 1000 GiB of storage"),
        ("ManualSnapshots", Quota(100, 100), "100 of 100 manual snapshots"),
    ],
)
def test_a_quota_that_is_used_up_is_found_before_the_applications_stop(name: str, taken: Quota, found: str) -> None:
    problem = only_problem(settings(), world(quotas={**ROOM, name: taken}))
    assert problem.subject == f"account quota {name}"
    assert found in problem.found
    assert problem.fix.startswith("aws service-quotas request-service-quota-increase --service-code rds --quota")


def test_a_snapshot_that_is_not_taken_needs_no_room() -> None:
    full = world(quotas={**ROOM, "ManualSnapshots": Quota(100, 100)})
    assert problems(settings(asked(traffic=Traffic.SOURCE)), full) == {}
    assert problems(settings(waive={SAFETY_CHECK: "the quota is raised on Monday"}), full) == {}


@pytest.mark.parametrize(
    ("changes", "subject", "found"),
    [
        ({"offers": ()}, "config instance.instanceClass", "creates no db.r6g.large in us-east-1"),
        ({"offers": (replace(OFFER, storage_type="io2"),)}, "config instance.storageType", "gp3 storage"),
        (
            {"offers": (replace(OFFER, zones=frozenset({"us-east-1f"})),)},
            "config instance.dbSubnetGroupName",
            "its subnets are in us-east-1a, us-east-1b; db.r6g.large can be ordered in us-east-1f",
        ),
        (
            {"offers": (replace(OFFER, zones=frozenset({"us-east-1a"})),)},
            "config instance.dbSubnetGroupName",
            "can be ordered in us-east-1a",
        ),
        (
            {"subnets": (SUBNETS[0], replace(SUBNETS[1], free=0))},
            "config instance.dbSubnetGroupName",
            "no free address in subnet-b",
        ),
    ],
)
def test_a_place_that_has_no_room_is_found_before_the_applications_stop(
    changes: dict[str, Any], subject: str, found: str
) -> None:
    problem = only_problem(settings(), world(**changes))
    assert problem.subject == subject
    assert found in problem.found


def test_one_zone_with_a_free_address_is_enough_for_an_instance_in_one_zone() -> None:
    full = world(subnets=(SUBNETS[0], replace(SUBNETS[1], free=0)))
    assert problems(settings(instance={"multiAz": False}), full) == {}


def test_a_version_that_is_not_created_any_more_does_not_hide_where_the_class_is() -> None:
    elsewhere = (replace(OFFER, version="17.11"),)
    assert problems(settings(), world(offers=elsewhere)) == {}


@pytest.mark.parametrize(
    ("state", "fix"),
    [
        ("Disabled", "aws kms enable-key --key-id arn:aws:kms:us-east-1:1:key/key-1"),
        ("PendingDeletion", "aws kms cancel-key-deletion"),
        ("Unavailable", "aws kms describe-key"),
        (GONE, "python -m restore options"),
    ],
)
def test_a_key_that_rds_cannot_use_is_found_before_the_applications_stop(state: str, fix: str) -> None:
    problem = only_problem(settings(), world(keys={"key-1": replace(KEYS["key-1"], state=state)}))
    assert (problem.subject, problem.found) == ("key arn:aws:kms:us-east-1:1:key/key-1", state)
    assert problem.fix.startswith(fix)


@pytest.mark.parametrize("part", ["quotas", "offers", "subnets", "keys"])
def test_what_could_not_be_asked_is_said_and_stops_nobody(part: str) -> None:
    unasked = world(**{part: None, "unasked": {part: "AccessDenied: not authorized"}})
    assert f"note: not asked: {part} (AccessDenied" in "\n".join(plan.make(settings(PITR), unasked).notes)


def test_addresses_that_could_not_be_asked_are_not_taken_for_none() -> None:
    unknown = tuple(replace(subnet, free=None) for subnet in SUBNETS)
    assert problems(settings(), world(subnets=unknown)) == {}


def test_a_candidate_that_is_made_already_needs_no_room() -> None:
    full = Capacity({name: Quota(1, 1) for name in ROOM}, (), SUBNETS, {"k": KmsKey("k", "Disabled")})
    assert problems(settings(asked()), restored(cluster=FROZEN, capacity=full)) == {}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"quotas": {**ROOM, "DBInstances": Quota(40, 40)}}, "DBInstances"),
        ({"quotas": {**ROOM, "AllocatedStorage": Quota(950, 1000)}}, "AllocatedStorage"),
        ({"quotas": {**ROOM, "ManualSnapshots": Quota(100, 100)}}, "ManualSnapshots"),
        ({"offers": ()}, "class"),
        ({"offers": (replace(OFFER, storage_type="io2"),)}, "storage-type"),
        ({"offers": (replace(OFFER, zones=frozenset({"us-east-1f"})),)}, "zones"),
        ({"subnets": (SUBNETS[0], replace(SUBNETS[1], free=0))}, "addresses"),
        ({"keys": {"key-1": replace(KEYS["key-1"], state="Disabled")}}, KEYS["key-1"].arn),
    ],
)
def test_who_knows_better_than_aws_goes_on_by_the_printed_waiver(changes: dict[str, Any], name: str) -> None:
    check = f"preflight.room:{name}"
    assert (
        f"""pulumi config set --plaintext --path 'waive["{check}"]' "<reason>\""""
        in only_problem(settings(), world(**changes)).fix
    )
    assert problems(settings(waive={check: "raised an hour ago"}), world(**changes)) == {}
