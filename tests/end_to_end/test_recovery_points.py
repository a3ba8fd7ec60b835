"""Recovery points that exist where nobody planned: AWS Backup's, another instance's under the name, a deleted one's."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from psycopg import sql

from sandbox.application import manifests, names
from sandbox.machine.processes import wait_until
from tests.support.sandbox.harness import Project, Sandbox
from validation.baseline import latest
from validation.baseline.record import record

ROTATED = "rotated-after-the-snapshot"
CANDIDATE = f"{names.INSTANCE}-inc-1"


def available(sandbox: Sandbox, identifier: str) -> None:
    wait_until(
        lambda: identifier in sandbox.instances() and sandbox.instance(identifier)["DBInstanceStatus"] == "available",
        60,
        f"{identifier} available",
        0.1,
    )


def renamed(sandbox: Sandbox, identifier: str, name: str) -> None:
    sandbox.aws.rds.modify_db_instance(
        DBInstanceIdentifier=identifier, NewDBInstanceIdentifier=name, ApplyImmediately=True
    )
    available(sandbox, name)


def tags(sandbox: Sandbox, identifier: str) -> Mapping[str, str]:
    return {one["Key"]: one["Value"] for one in sandbox.instance(identifier)["TagList"]}


def set_password(sandbox: Sandbox, identifier: str, password: str) -> None:
    with sandbox.admin(identifier) as connection:
        statement = "ALTER ROLE {} PASSWORD {}"
        connection.execute(sql.SQL(statement).format(sql.Identifier(names.APP_USER), sql.Literal(password)))


def test_a_rehearsal_from_aws_backup_refuses_all_mistakes_at_once_and_touches_no_application(
    sandbox: Sandbox, project: Project
) -> None:
    taken = sandbox.aws.post("awsbackup", instance=names.INSTANCE)["snapshot"]
    waiter = sandbox.aws.rds.get_waiter("db_snapshot_available")
    waiter.wait(DBSnapshotIdentifier=taken, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    set_password(sandbox, names.INSTANCE, ROTATED)  # since then: the snapshot has the earlier one
    sandbox.put_url(sandbox.url.replace(urlsplit(sandbox.url).password or "", ROTATED))
    before = sandbox.generations(), sandbox.secret_version()

    project.config(id="inc-1", method="snapshot", snapshot="no-such-snapshot", traffic="frozen")
    project.pulumi("config", "set", "--path", 'apps["indexr"].replicas', "2").ok()
    project.pulumi("config", "set", "--plaintext", "--path", "secret.key", "DATABASE_URI").ok()
    sandbox.kube.create(manifests.cron_job("nightly", schedule="0 3 1 1 *"))
    try:
        wrong = project.preview().failed("no-such-snapshot", taken, "indexr", "DATABASE_URI", "CronJob nightly")
    finally:
        sandbox.kube.delete("CronJob", names.NAMESPACE, "nightly")
    assert wrong.text.count("needed:") >= 4
    assert set(sandbox.instances()) == {names.INSTANCE}

    project.pulumi("config", "rm", "--path", 'apps["indexr"]').ok()
    project.pulumi("config", "set", "--plaintext", "--path", "secret.key", names.SECRET_KEY).ok()
    project.config(snapshot="latest", traffic="source")
    sandbox.aws.faults.add("throttle", "DescribeDBInstances", times=3)
    project.up().failed("validated.in-cluster", "password authentication failed", names.APP_USER)
    set_password(sandbox, CANDIDATE, ROTATED)
    project.up().ok()
    assert tags(sandbox, CANDIDATE)["restore:recovery-point"] == f"snapshot:{taken}"
    assert sandbox.ask("SELECT count(*) FROM users", CANDIDATE)[0] >= 20_000
    assert (sandbox.generations(), sandbox.secret_version()) == before


def test_another_instance_under_the_sources_name_is_never_taken_for_it(sandbox: Sandbox, project: Project) -> None:
    project.config(id="inc-1", method="snapshot", snapshot="latest")
    project.up().ok()
    before = sandbox.generations(), sandbox.secret_version()
    snapshot = next(s["DBSnapshotIdentifier"] for s in sandbox.snapshots() if s["SnapshotType"] == "automated")
    renamed(sandbox, names.INSTANCE, "put-aside")
    try:
        sandbox.aws.rds.restore_db_instance_from_db_snapshot(
            DBInstanceIdentifier=names.INSTANCE, DBSnapshotIdentifier=snapshot
        )
        available(sandbox, names.INSTANCE)
        project.config(traffic="frozen")
        project.up().failed(sandbox.resource_id, sandbox.instances()[names.INSTANCE])
        assert (sandbox.generations(), sandbox.secret_version()) == before
    finally:
        sandbox.remove(names.INSTANCE)
        renamed(sandbox, "put-aside", names.INSTANCE)


def test_a_deleted_source_comes_back_from_its_retained_backup_once_its_settings_are_given(
    sandbox: Sandbox, project: Project
) -> None:
    source = sandbox.instance()
    users = sandbox.ask("SELECT count(*) FROM users")
    host = source["Endpoint"]["Address"]
    baselines = str(project.folder / "baselines")
    latest.save(latest.open_baselines(baselines), record(sandbox.target()))
    sandbox.remove(names.INSTANCE, keep_backups=True)

    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
    refused = project.preview().failed("instanceClass", "dbSubnetGroupName", "vpcSecurityGroupIds", "secret.sourceHost")
    assert "source is gone" in refused.text
    assert sandbox.instances() == {}
    settings = {
        "secret.sourceHost": host,
        "instance.instanceClass": source["DBInstanceClass"],
        "instance.dbSubnetGroupName": source["DBSubnetGroup"]["DBSubnetGroupName"],
        "instance.vpcSecurityGroupIds[0]": source["VpcSecurityGroups"][0]["VpcSecurityGroupId"],
    }
    checks = {"validation.baseline": baselines, "validation.depth": "sample"}
    for key, value in {**settings, **checks}.items():
        project.pulumi("config", "set", "--plaintext", "--path", key, value).ok()
    project.up().failed("INCONCLUSIVE: no source was read", "public.users")
    project.expect({"tables": {"users": {"min": 10_000}}})
    project.up().ok()
    proof = project.evidence("inc-1", "validated")[-1]
    assert proof["facts"]["report"]["depth"] == "sample"
    assert "by a sample that is all of it" in proof["summary"]
    loss = proof["facts"]["loss"]
    assert (loss["source"], loss["precision"]) == (f"the baseline of {names.DATABASE}", "estimated")
    assert loss["lost"]["rows"] == 0
    project.config(traffic="restored")
    project.up().ok()
    assert sandbox.ask("SELECT count(*) FROM users", CANDIDATE) >= users
    assert sandbox.replicas() == names.DEPLOYMENTS
    assert sandbox.instance(CANDIDATE)["Endpoint"]["Address"] in sandbox.url
