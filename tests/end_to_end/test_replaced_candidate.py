"""What serves is never modified nor checked again, and what was proved of an instance says nothing of the next one."""

from __future__ import annotations

import pytest

from sandbox.application import names
from sandbox.machine.processes import wait_until
from tests.support.sandbox.harness import Project, Sandbox

CANDIDATE = f"{names.INSTANCE}-inc-1"


def resized(sandbox: Sandbox, instance_class: str, retention: int) -> None:
    """Changes the source, and waits until it is so."""
    sandbox.aws.rds.modify_db_instance(
        DBInstanceIdentifier=names.INSTANCE,
        DBInstanceClass=instance_class,
        BackupRetentionPeriod=retention,
        ApplyImmediately=True,
    )
    wait_until(lambda: sandbox.instance()["DBInstanceClass"] == instance_class, 60, "the source to be resized", 0.1)


def test_production_is_not_modified_by_a_waiver_after_the_old_source_was_shrunk(
    sandbox: Sandbox, project: Project
) -> None:
    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
    project.up().ok()
    project.config(traffic="restored")
    project.up().ok()
    given = sandbox.instance()
    try:
        resized(sandbox, "db.t4g.medium", 1)
        before = sandbox.instance(CANDIDATE)
        project.pulumi("config", "set", "--path", 'waive["conformed.iops"]', "the new disks are slower").ok()
        project.pulumi("config", "set", "--path", "instance.multiAz", "true").ok()
        project.expect({"tables": {"users": {"min": 10_000_000}}})
        sandbox.aws.faults.add("error", "ModifyDBInstance")  # as long as it waits, nobody has called
        project.up().ok()
        assert [one["operation"] for one in sandbox.aws.faults.waiting()] == ["ModifyDBInstance"]
        after = sandbox.instance(CANDIDATE)
        compared = ("DBInstanceClass", "BackupRetentionPeriod", "MultiAZ", "PendingModifiedValues", "DBInstanceStatus")
        assert [after[name] for name in compared] == [before[name] for name in compared]
        for gate in ("conformed", "validated"):
            last = project.evidence("inc-1", gate)[-1]
            assert (last["open"], bool(last["facts"]["held"])) == (True, True)
    finally:
        sandbox.aws.faults.clear()
        resized(sandbox, given["DBInstanceClass"], given["BackupRetentionPeriod"])


@pytest.mark.slow
def test_a_candidate_that_was_deleted_and_made_again_is_proved_again(sandbox: Sandbox, project: Project) -> None:
    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
    project.up().ok()
    former = sandbox.instances()[CANDIDATE]
    sandbox.remove(CANDIDATE)
    project.pulumi("refresh", "--yes", "--target", "**candidate-inc-1").ok()
    project.up().ok()
    made = sandbox.instances()[CANDIDATE]
    for gate in ("conformed", "validated"):
        assert [one["facts"]["resource_id"] for one in project.evidence("inc-1", gate)] == [former, made]
    project.config(traffic="restored")
    project.up().ok()
    assert project.evidence("inc-1", "switched")[-1]["facts"]["resource_id"] == made
    assert project.restore("report").ok().text.startswith("PASS")
