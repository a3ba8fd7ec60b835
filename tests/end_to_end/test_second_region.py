"""A source whose region is lost: brought back in another one from what was replicated or copied there."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

from sandbox.application import names, nightly_dump, second_region
from sandbox.application.stack_config import configuration_of_second_region
from sandbox.aws.client import clients
from sandbox.machine.processes import wait_until
from tests.support.sandbox.harness import Project, Sandbox, utc_now

CANDIDATE = f"{names.INSTANCE}-inc-1"
UNFENCED = f"quiesced.unfenced:{names.REGION}"


@pytest.fixture
def west(sandbox: Sandbox, new_project: Callable[[], Project]) -> Generator[Project]:
    """The stack of the second region, prepared; the first one is back at the end."""
    second_region.prepare(sandbox.layout)
    project = new_project()
    project.edit(lambda config: config.update(configuration_of_second_region(sandbox.layout) | keep(config)))
    try:
        yield project
    finally:
        second_region.make_dark(sandbox.layout, names.REGION, "")
        second_region.clear(sandbox.layout)


def keep(config: dict[str, Any]) -> dict[str, Any]:
    """What a test's project has of its own."""
    return {name: config[name] for name in ("restore:evidence",) if name in config}


def in_west(sandbox: Sandbox) -> Any:
    return clients(sandbox.layout, second_region.REGION).rds


@pytest.mark.slow
def test_a_lost_region_is_replaced_by_another_once_somebody_answers_for_its_writers(
    sandbox: Sandbox, west: Project
) -> None:
    second_region.make_dark(sandbox.layout, names.REGION, "refuse")
    west.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
    refused = west.preview().failed(f"region {names.REGION}", "doesn't answer", UNFENCED)
    assert "safety snapshot" not in refused.text
    reason = "the network team has cut region one off"
    west.pulumi("config", "set", "--path", f'waive["{UNFENCED}"]', reason).ok()
    west.pulumi("config", "set", "--path", 'waive["validated.rows:public.users"]', reason).ok()
    west.up().ok()
    instance = in_west(sandbox).describe_db_instances(DBInstanceIdentifier=CANDIDATE)["DBInstances"][0]
    tags = {tag["Key"]: tag["Value"] for tag in instance["TagList"]}
    assert tags["restore:source-resource-id"] == sandbox.resource_id
    assert tags["Project"] == names.TAGS["Project"]
    west.config(traffic="restored")
    west.up().ok()
    assert second_region.replicas(sandbox.layout) == names.DEPLOYMENTS
    assert instance["Endpoint"]["Address"] in second_region.database_url(sandbox.layout)
    west.config(traffic="source")
    west.preview().failed("traffic source", "Failing back")


@pytest.mark.slow
def test_a_region_that_goes_dark_in_the_middle_of_a_run_holds_nothing_up_but_asks_for_a_word(
    sandbox: Sandbox, west: Project
) -> None:
    """It answers in the preview, and no more once the candidate is being made."""
    until = second_region.replicated_until(sandbox.layout)
    west.config(id="inc-1", method="pitr", time=until, traffic="frozen")
    west.pulumi("config", "set", "--path", 'waive["quiesced.sessions"]', "its applications are still running").ok()
    west.pulumi("config", "set", "--path", 'waive["quiesced.writes"]', "its applications are still running").ok()
    west.pulumi("config", "set", "--path", 'waive["validated.rows:public.users"]', "nothing to compare with").ok()
    process = west.start("pulumi", "up", "--yes", "--skip-preview")
    try:
        wait_until(lambda: CANDIDATE in identifiers(sandbox), 90, "the candidate to be listed", 0.1)
        second_region.make_dark(sandbox.layout, names.REGION, "hang")
        code = process.wait(240)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if code:  # what the gate had not asked yet when the region went dark
        assert UNFENCED in west.output, west.output
    west.pulumi("config", "set", "--path", f'waive["{UNFENCED}"]', "region one is cut off").ok()
    west.up().ok()
    west.config(traffic="restored")
    west.up().ok()
    assert second_region.replicas(sandbox.layout) == names.DEPLOYMENTS


@pytest.mark.slow
def test_a_copy_that_lags_is_told_and_restored_once_it_has_ended_though_its_region_is_dark_by_then(
    sandbox: Sandbox, west: Project
) -> None:
    taken = "weekly"
    first = sandbox.aws.rds
    first.create_db_snapshot(DBInstanceIdentifier=names.INSTANCE, DBSnapshotIdentifier=taken)
    first.get_waiter("db_snapshot_available").wait(DBSnapshotIdentifier=taken, WaiterConfig={"Delay": 1})
    arn = first.describe_db_snapshots(DBSnapshotIdentifier=taken)["DBSnapshots"][0].get("DBSnapshotArn", "")
    clients(sandbox.layout, second_region.REGION).rds.delete_db_parameter_group(
        DBParameterGroupName=names.PARAMETER_GROUP
    )
    west.config(id="inc-1", method="snapshot", snapshot=arn)
    west.preview().failed(f"parameter group {names.PARAMETER_GROUP}", "create.parameterGroup true")
    west.pulumi("config", "set", "--path", "create.parameterGroup", "true").ok()
    west.pulumi("config", "set", "--path", 'waive["validated.rows:public.users"]', "nothing to compare with").ok()
    shown = west.preview().ok()
    assert " up to $" in shown.text
    sandbox.aws.faults.add("slow-copy", "CopyDBSnapshot", seconds=12.0)
    made = west.up().ok()
    assert f"copy {CANDIDATE}-copy is creating" in made.text
    second_region.make_dark(sandbox.layout, names.REGION, "refuse")
    again = west.up().ok()
    assert "created" not in again.changes, again.text
    values = in_west(sandbox).describe_db_parameters(DBParameterGroupName=names.PARAMETER_GROUP, Source="user")
    assert [item["ParameterName"] for item in values["Parameters"]] == ["log_min_duration_statement"]


def identifiers(sandbox: Sandbox) -> set[str]:
    return {str(item["DBInstanceIdentifier"]) for item in in_west(sandbox).describe_db_instances()["DBInstances"]}


@pytest.mark.slow
def test_a_dump_that_has_not_arrived_is_told_and_the_newest_that_has_is_restored(
    sandbox: Sandbox, west: Project
) -> None:
    arrived = nightly_dump.run(sandbox.layout)
    second_region.replicate_dumps(sandbox.layout)
    now = utc_now()
    wait_until(lambda: utc_now() > now, 5, "the next second, which names the next dump", 0.1)
    late = nightly_dump.run(sandbox.layout)
    west.config(id="inc-1", method="dump", dump="latest")
    shown = west.preview().ok()
    assert f"dump {late.key}" in shown.text
    assert "S3 replication PENDING" in shown.text
    assert f"/{arrived.key} " in shown.text
