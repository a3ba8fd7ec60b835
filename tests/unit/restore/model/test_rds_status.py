"""No status of an RDS instance is unknown at 3 a.m., and none is both usable and broken."""

from __future__ import annotations

import pytest

from restore.model.rds_status import BROKEN, DEAD_ENDS, LEAVING, SNAPSHOT_READY, STATUSES, USABLE, describe_way_out

DOCUMENTED = """
available backing-up configuring-enhanced-monitoring configuring-iam-database-auth configuring-log-exports
converting-to-vpc creating delete-precheck deleting failed inaccessible-encryption-credentials
inaccessible-encryption-credentials-recoverable incompatible-create incompatible-network incompatible-option-group
incompatible-parameters incompatible-restore insufficient-capacity maintenance modifying moving-to-vpc rebooting
resetting-master-credentials renaming restore-error starting stopped stopping storage-config-upgrade storage-full
storage-initialization storage-optimization upgrading upgrade_failed
"""
"""The table of the RDS User Guide, "Viewing Amazon RDS DB instance status", in its order."""


def test_no_documented_status_surprises_the_program() -> None:
    assert sorted(STATUSES) == sorted(DOCUMENTED.split())


def test_a_database_that_answers_is_used_although_rds_still_works_on_it() -> None:
    rds_still_works = {"backing-up", "storage-config-upgrade", "storage-initialization", "storage-optimization"}
    assert rds_still_works | {"available"} == USABLE


def test_the_safety_snapshot_waits_for_a_status_in_which_rds_takes_it() -> None:
    assert {"available", "storage-optimization"} == SNAPSHOT_READY


def test_no_status_is_waited_for_and_given_up_at_once() -> None:
    assert not BROKEN & (USABLE | LEAVING)
    assert DEAD_ENDS < BROKEN


@pytest.mark.parametrize("status", sorted(BROKEN))
def test_every_broken_status_has_a_command_that_leads_out_of_it(status: str) -> None:
    fix = describe_way_out(status, "shop-db")
    assert "aws rds " in fix
    assert "shop-db" in fix
    assert "{" not in fix
