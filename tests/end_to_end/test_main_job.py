"""The whole of a restore on real servers: frozen, restored, back, over, and again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from sandbox.application import database, names
from sandbox.machine.processes import wait_until
from tests.support.sandbox.harness import Project, Run, Sandbox

KEPT = {*(f"{name}-inc-1" for name in ("candidate", "safety", "settings", "way-back")), names.SECRET}
"""What a restore keeps from its creation to its end, besides the Deployments' patches."""
TEAM = "kubectl-client-side-apply"


def owners(sandbox: Sandbox, kind: str, name: str) -> set[str]:
    found = sandbox.kube.get(kind, names.NAMESPACE, name)
    assert found is not None
    return {str(one["manager"]) for one in found["metadata"].get("managedFields", [])}


def assert_made_once(runs: list[Run], kept: set[str]) -> None:
    """No move of traffic creates, deletes or replaces what is there already."""
    steps = [step for run in runs for step in run.steps if step[1] in kept]
    made = Counter(name for done, name in steps if done in ("created", "imported"))
    assert made == Counter(kept), steps
    assert {done for done, _ in steps} <= {"creating", "created", "importing", "imported", "updating", "updated"}, steps


def test_a_restore_loses_nothing_before_its_second_and_can_go_back_and_end(sandbox: Sandbox, project: Project) -> None:
    sandbox.put_url(f"{sandbox.url}\n")  # as `echo "$URL" | base64` writes it
    before, secret = sandbox.replicas(), sandbox.secret()
    happened = sandbox.incident()
    project.config(id="inc-1", method="pitr", time=happened["restore_to"], traffic="frozen")
    frozen = project.up().ok()
    rows = f"SELECT count(*), max(created_at) <= '{happened['restore_to']}' FROM transactions"
    recovered, in_time = sandbox.ask(rows, f"{names.INSTANCE}-inc-1")
    assert in_time
    assert recovered >= happened["rows_until"]["transactions"] - 50  # in flight at that very second

    # What a switch loses and brings back is told before it, row by row
    loss = project.evidence("inc-1", "validated")[-1]["facts"]["loss"]
    by_table = {one["table"]: one for one in loss["tables"]}
    kept = sandbox.ask("SELECT count(*) FROM transactions")[0]
    lost, brought = (by_table["public.transactions"][part]["rows"] for part in ("lost", "brought_back"))
    assert (loss["precision"], kept - lost + brought) == ("exact", recovered)
    assert loss["headline"] in " ".join(frozen.text.split())
    assert project.pulumi("stack", "output", "loss", "--json").ok().text.count(loss["headline"]) == 1

    # Replicas come back as found at the first freeze, after runs at zero and after somebody's scaling
    assert set(sandbox.replicas().values()) == {0}
    again = project.up().ok()
    assert "created" not in again.changes
    written = "SELECT count(*) FROM transactions"
    at_rest = sandbox.ask(written)
    sandbox.kube.scale("indexer", names.NAMESPACE, 5)
    wait_until(lambda: sandbox.ask(written) > at_rest, 60, "what was scaled up to write", 0.1)
    project.up().ok()
    assert set(sandbox.replicas().values()) == {0}

    project.config(traffic="restored")
    would = {name for done, name in project.preview().ok().steps if done in ("create", "delete", "replace")}
    assert would & (KEPT | set(before)) == {"way-back-inc-1", names.SECRET}

    # What was written meanwhile would stay behind: that is a person's decision
    refused = project.up().failed("switched.written")
    later = (
        f"SELECT json_object_agg(id, md5(t::text)) FROM transactions t WHERE created_at > '{happened['restore_to']}'"
    )
    (of_source,) = sandbox.ask(later)
    project.pulumi("config", "set", "--path", 'waive["switched.written"]', "scaled by hand, known to be lost").ok()
    switched = project.up().ok()
    assert sandbox.replicas() == before
    endpoint = sandbox.instance(f"{names.INSTANCE}-inc-1")["Endpoint"]["Address"]
    source = sandbox.instance()["Endpoint"]["Address"]
    expected = {**secret, names.SECRET_KEY: secret[names.SECRET_KEY].replace(f"@{source}:", f"@{endpoint}:")}
    assert sandbox.secret() == expected
    assert "unchanged" in project.up().changes

    project.restore("rollback", "--yes").failed("would stay behind", "--carry")
    back = project.restore("rollback", "--carry", "--yes").ok()
    # A number that both gave out is still the source's, and named; what else was written to the candidate came along
    (of_candidate,), (now,) = sandbox.ask(later, f"{names.INSTANCE}-inc-1"), sandbox.ask(later)
    apart = project.evidence("inc-1", "rescue")[-1]["apart"]
    stay = {key for rows in apart if rows["table"] == "public.transactions" for (key,) in rows["keys"]}
    assert of_candidate.keys() & of_source.keys() <= stay
    carried = {key: row for key, row in of_candidate.items() if key not in stay}
    assert carried
    assert {**carried, **of_source}.items() <= now.items()
    assert f"{sum(rows['rows'] for rows in apart):,} rows were not carried" in back.text
    assert_made_once([frozen, again, refused, switched, back], KEPT | set(before))
    assert sandbox.secret() == secret
    assert sandbox.replicas() == before
    whole_name = f"organization/restore/{project.stack}"  # as an organisation's stack is named to the CLI
    project.restore("--stack", whole_name, "close", "inc-1", "--yes").ok()
    assert project.resources() == []
    assert set(sandbox.instances()) == {names.INSTANCE, f"{names.INSTANCE}-inc-1"}
    assert sandbox.replicas() == before
    assert "pulumi-restore" not in owners(sandbox, "Secret", names.SECRET)
    password = sandbox.aws.secrets.get_secret_value(SecretId=names.MASTER_SECRET)["SecretString"]
    said = back.text + again.text + "".join(file.read_text() for file in project.folder.rglob("*-*.json"))
    assert password not in said
    assert secret[names.SECRET_KEY].strip() not in said

    # A second restore after the first, as a rehearsal: no application is touched
    project.config(id="inc-2", method="snapshot", snapshot="latest")
    project.up().ok()
    assert project.resources().count("aws:rds/instance:Instance") == 1
    assert sandbox.replicas() == before
    assert f"{names.INSTANCE}-inc-2" in sandbox.instances()


def test_latest_loses_no_acknowledged_write(sandbox: Sandbox, project: Project) -> None:
    project.config(id="last", method="pitr", time="latest", traffic="frozen")
    project.up().ok()
    count = "SELECT count(*), max(id) FROM transactions"
    assert sandbox.ask(count, f"{names.INSTANCE}-last") == sandbox.ask(count)


def test_an_empty_configuration_touches_nothing(sandbox: Sandbox, project: Project) -> None:
    project.up().ok()
    assert project.resources() == []
    assert set(sandbox.instances()) == {names.INSTANCE}


def test_every_kind_of_snapshot_is_restored_or_refused_by_name(
    sandbox: Sandbox, new_project: Callable[[], Project]
) -> None:
    sandbox.aws.rds.create_db_snapshot(DBInstanceIdentifier=names.INSTANCE, DBSnapshotIdentifier="by-hand")
    waiter = sandbox.aws.rds.get_waiter("db_snapshot_available")
    waiter.wait(DBSnapshotIdentifier="by-hand", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    sandbox.aws.post("backup-window", instance=names.INSTANCE)
    database.wait_available(sandbox.aws)
    nightly = [one for one in sandbox.snapshots() if one["SnapshotType"] == "automated"]
    automated = max(nightly, key=lambda one: one["SnapshotCreateTime"])["DBSnapshotIdentifier"]
    for number, snapshot in enumerate((automated, "by-hand")):
        project = new_project()
        project.config(id=f"snap-{number}", method="snapshot", snapshot=snapshot)
        project.up().ok()
        rows = sandbox.ask("SELECT count(*) FROM users", f"{names.INSTANCE}-snap-{number}")[0]
        assert rows >= 20_000
