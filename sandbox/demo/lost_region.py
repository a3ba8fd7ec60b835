"""A lost region on the sandbox: `make demo-dr`.

The applications write in the first region, whose backups are replicated to a second one; then the first one doesn't
answer any more. The operator brings the database back in the second region, answers for the writers that nobody can
see, and starts the applications there. Ends with a table of what was proved; exit code 0 only if every line holds.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.application import names, second_region
from sandbox.application.kubernetes_api import Kube
from sandbox.aws.client import clients
from sandbox.demo.proofs import Database, Line, gate
from sandbox.demo.stage import DemoError, Stage, command, running_sandbox, show
from sandbox.machine.layout import CHECKOUT
from sandbox.machine.processes import wait_until

FIRST_STACK, STACK = "sandbox-demo-dr-first", "sandbox-demo-dr"
ID = "dr-1"
CANDIDATE = f"{names.INSTANCE}-{ID}"
UNFENCED = f"quiesced.unfenced:{names.REGION}"
WRITE_SECONDS, LAG_SECONDS = 8.0, 3.0
MOST_LOST = timedelta(seconds=60)
ROWS = """
SELECT count(*), md5(string_agg(t::text, '|' ORDER BY id)) FROM transactions t WHERE created_at <= %(until)s
"""
NEWEST = "SELECT max(created_at) FROM transactions"


@dataclass(frozen=True)
class FirstRegion:
    """What the first region had when it was lost, and must have when it is back."""

    resource_id: str
    snapshots: int
    generations: Mapping[str, int]


@dataclass(frozen=True)
class Loss:
    """When the region went dark, and the last moment that had come over by then."""

    at: datetime
    replicated: datetime


def look_at_first_region(stage: Stage) -> FirstRegion:
    """As the sandbox's administrator, who sees it dark or not."""
    rds = clients(stage.layout, retries=3).rds
    (instance,) = rds.describe_db_instances()["DBInstances"]
    deployments = Kube(stage.layout.kubeconfig).list("Deployment", names.NAMESPACE)
    return FirstRegion(
        str(instance.get("DbiResourceId")),
        len(rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]),
        {item["metadata"]["name"]: item["metadata"]["generation"] for item in deployments},
    )


def lose_region(stage: Stage) -> Loss:
    stage.title(f"On a quiet day: {second_region.REGION} is prepared, and backups are replicated to it")
    stage.sandbox("region", "prepare", "--stack", STACK, "--project", str(CHECKOUT))
    stage.sandbox("region", "lag", str(LAG_SECONDS))
    begun = datetime.now(UTC)
    stage.console.print(f"the applications write for {WRITE_SECONDS:g} s in {names.REGION}", highlight=False)
    time.sleep(WRITE_SECONDS)
    wait_until(lambda: replicated(stage) > begun, 60, "the replicated backups to follow", 0.2)
    stage.title(f"{names.REGION} doesn't answer any more")
    stage.sandbox("region", "dark", names.REGION)
    return Loss(datetime.now(UTC), replicated(stage))


def replicated(stage: Stage) -> datetime:
    return datetime.fromisoformat(second_region.replicated_until(stage.layout) or "1970-01-01T00:00:00Z")


def restore(stage: Stage) -> None:
    stage.title("The stack of the second region: what is there to restore from?")
    stage.select(STACK)
    stage.run("python", "-m", "restore", "options")
    stage.config(id=ID, method="pitr", time="latest", traffic="frozen")
    stage.title("Nobody sees who writes in the lost region: the preview wants a person's word")
    stage.refuses("pulumi", "preview", saying=UNFENCED)
    reason = "DNS and load balancer of the first region are off, by the network team"
    stage.run("pulumi", "config", "set", "--plaintext", "--path", f'waive["{UNFENCED}"]', reason)
    gone = "the region of the source is lost: there is nothing to compare the number of users with"
    stage.run("pulumi", "config", "set", "--plaintext", "--path", 'waive["validated.rows:public.users"]', gone)
    stage.run("pulumi", "preview", phase="preview")
    stage.title("Restore from the replicated backup, and prove the data")
    stage.run("pulumi", "up", "--yes", "--skip-preview", phase="up: frozen")
    stage.title("Switch: the applications of the second region start for the first time")
    stage.config(traffic="restored")
    stage.run("pulumi", "up", "--yes", "--skip-preview", phase="up: restored")
    stage.run("python", "-m", "restore", "status")


def data_lines(stage: Stage, loss: Loss) -> list[Line]:
    """The rows of both regions, the first one being back."""
    until = {"until": loss.replicated - timedelta(seconds=1)}
    here = Database(stage.layout, "candidate", ID, second_region.REGION)
    before, digest = Database(stage.layout, "source").query(ROWS, until)[0]
    after, restored = here.query(ROWS, until)[0]
    (newest,) = here.query(NEWEST, {})[0]
    lost = loss.at - loss.replicated
    return [
        Line(
            "every row until the last second that had come over",
            f"{after} of {before} transactions, digest of all their bytes {restored}",
            before == after and before > 0 and digest == restored,
        ),
        Line(
            "lost: what was written after it, until the region went dark",
            f"{lost.total_seconds():.0f} s",
            timedelta(0) < lost < MOST_LOST,
        ),
        Line("written in the second region since", f"newest row of {newest:%H:%M:%S} UTC", newest > loss.at),
    ]


def region_lines(stage: Stage, before: FirstRegion) -> list[Line]:
    """What RDS and the cluster say of both regions."""
    found = clients(stage.layout, second_region.REGION).rds.describe_db_instances(DBInstanceIdentifier=CANDIDATE)
    instance: Any = found["DBInstances"][0]
    tags = {tag["Key"]: tag["Value"] for tag in instance["TagList"]}
    replicas = second_region.replicas(stage.layout)
    pods = Database(stage.layout, "candidate", ID, second_region.REGION).sessions()
    serving = {name for name in names.DEPLOYMENTS if any(pod.startswith(f"{name}-") for pod in pods)}
    url = second_region.database_url(stage.layout)
    return [
        Line(
            "made in the second region, of the very source",
            f"{instance['DBInstanceArn'].split(':')[3]}, of {tags.get('restore:source-resource-id')}",
            second_region.REGION in instance["DBInstanceArn"]
            and tags.get("restore:source-resource-id") == before.resource_id,
        ),
        Line(
            "its applications run, on it",
            f"{', '.join(f'{name} {count}' for name, count in sorted(replicas.items()))}; {len(pods)} sessions",
            replicas == names.DEPLOYMENTS
            and serving == set(names.DEPLOYMENTS)
            and instance["Endpoint"]["Address"] in url,
        ),
        Line("the first region as it was", "instance, snapshots, Deployments", look_at_first_region(stage) == before),
    ]


def evidence_lines(stage: Stage) -> list[Line]:
    records = stage.records(ID, STACK)
    waived = gate(records, "quiesced").get("waived", {})
    report = (records / "report.html").read_text() if (records / "report.html").exists() else ""
    opened = [name for name in ("quiesced", "conformed", "validated", "switched", "serving") if gate(records, name)]
    return [
        Line("who answers for the lost writers", json.dumps(waived.get(UNFENCED)), UNFENCED in waived),
        Line("it stands in the report", UNFENCED, UNFENCED in report),
        Line("gates that opened", ", ".join(opened), len(opened) == 5),
    ]


def demonstrate(stage: Stage, *, keep: bool) -> bool:
    with running_sandbox(stage, keep=keep, stack=FIRST_STACK):
        before = look_at_first_region(stage)
        loss = lose_region(stage)
        if loss.replicated > loss.at:
            raise DemoError("backups came over after the region went dark")
        restore(stage)
        lines = [*region_lines(stage, before), *evidence_lines(stage)]
        stage.sandbox("region", "back", names.REGION)
        proved = [*data_lines(stage, loss), *lines]
    show(stage, proved, stage.records(ID, STACK))
    return all(line.holds for line in proved)


if __name__ == "__main__":
    sys.exit(command(demonstrate, "demo.lost_region", ".sandbox-demo-dr"))
