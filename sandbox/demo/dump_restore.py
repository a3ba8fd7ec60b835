"""Method dump on the sandbox: `make demo-dump`.

The nightly pg_dump is in S3; then the source and every backup of it are gone. The operator restores the dump into a
fresh instance, has it validated and switches the applications over. Ends with a table of what was proved.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.application import names
from sandbox.aws.client import clients
from sandbox.demo.proofs import Database, Line, gate
from sandbox.demo.stage import Stage, command, running_sandbox, show
from sandbox.machine.processes import wait_until

STACK = "sandbox-demo-dump"
ID = "dump-1"
CANDIDATE = f"{names.INSTANCE}-{ID}"
WRITE_SECONDS = 4.0
CONTENT = """
SELECT (SELECT count(*) FROM users WHERE created_at <= %(began)s),
       (SELECT count(*) FROM smart_contracts WHERE created_at <= %(began)s),
       (SELECT count(*) FROM transactions WHERE created_at <= %(began)s),
       (SELECT md5(string_agg(t::text, '|' ORDER BY id)) FROM transactions t WHERE created_at <= %(began)s),
       (SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes WHERE schemaname = 'public'),
       (SELECT string_agg(DISTINCT tableowner, ' ') FROM pg_tables WHERE schemaname = 'public')
"""


def nightly(stage: Stage) -> dict[str, Any]:
    stage.title("The nightly pg_dump goes to S3; the applications write on")
    stored = json.loads(stage.sandbox("dump"))
    stage.console.print(f"s3://{names.BACKUP_BUCKET}/{stored['key']}, {stored['bytes']} bytes", highlight=False)
    time.sleep(WRITE_SECONDS)
    return stored


def lose_everything(stage: Stage) -> dict[str, Any]:
    """The instance, its snapshots and its automated backups; returns the settings that only a person still knows."""
    stage.title("Somebody deletes the instance, and all its backups with it")
    rds = clients(stage.layout, retries=3).rds
    instance: Any = rds.describe_db_instances(DBInstanceIdentifier=names.INSTANCE)["DBInstances"][0]
    rds.modify_db_instance(DBInstanceIdentifier=names.INSTANCE, DeletionProtection=False, ApplyImmediately=True)
    rds.delete_db_instance(DBInstanceIdentifier=names.INSTANCE, SkipFinalSnapshot=True, DeleteAutomatedBackups=True)
    for snapshot in rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]:
        rds.delete_db_snapshot(DBSnapshotIdentifier=snapshot.get("DBSnapshotIdentifier", ""))
    wait_until(lambda: not rds.describe_db_instances()["DBInstances"], 60, "the instance to be gone", 0.1)
    left = len(rds.describe_db_snapshots()["DBSnapshots"])
    stage.console.print(f"{names.INSTANCE} is gone; snapshots left: {left}", highlight=False)
    return instance


def restore(stage: Stage, gone: Mapping[str, Any]) -> None:
    stage.title("What is there to restore from?")
    stage.select(STACK)
    stage.run("python", "-m", "restore", "options")
    stage.title("The operator says what should be true; nothing else remembers the instance's class and network")
    stage.config(id=ID, method="dump", dump="latest", traffic="frozen")
    groups = [group["VpcSecurityGroupId"] for group in gone["VpcSecurityGroups"]]
    settings = {
        "instance.instanceClass": gone["DBInstanceClass"],
        "instance.dbSubnetGroupName": gone["DBSubnetGroup"]["DBSubnetGroupName"],
        "instance.parameterGroupName": gone["DBParameterGroups"][0]["DBParameterGroupName"],
        **{f"instance.vpcSecurityGroupIds[{number}]": group for number, group in enumerate(groups)},
        "secret.sourceHost": gone["Endpoint"]["Address"],
    }
    for path, value in settings.items():
        stage.run("pulumi", "config", "set", "--plaintext", "--path", path, str(value))
    reason = "the source is gone: there is nothing to compare the number of users with"
    stage.run("pulumi", "config", "set", "--plaintext", "--path", 'waive["validated.rows:public.users"]', reason)
    stage.run("pulumi", "preview", phase="preview")
    stage.title("A fresh instance; the dump is read and judged meanwhile, then loaded, verified and validated")
    stage.run("pulumi", "up", "--yes", "--skip-preview", phase="up: frozen")
    stage.title("Switch the applications over")
    stage.config(traffic="restored")
    stage.run("pulumi", "up", "--yes", "--skip-preview", phase="up: restored")
    stage.run("python", "-m", "restore", "status")


def lines(stage: Stage, stored: Mapping[str, Any], before: Sequence[Any], after: Sequence[Any]) -> list[Line]:
    """Each is false unless it was seen to hold in the database or in the evidence."""
    evidence = stage.records(ID, STACK)
    scanned, imported = gate(evidence, "scanned").get("facts", {}), gate(evidence, "imported").get("facts", {})
    load, verified = imported.get("load", {}), imported.get("verification", {})
    version, tables = imported.get("dump", {}).get("version"), verified.get("tables", {})
    equal = sum(item["dump"] == item["target"] for item in tables.values())
    pods = Database(stage.layout, "candidate", ID).sessions()
    apps = sorted({name for name in names.DEPLOYMENTS if any(pod.startswith(f"{name}-") for pod in pods)})
    took = f"{load.get('rows')} rows in {load.get('seconds')} s"
    whole = bool(load.get("rows")) and scanned.get("versionId") == version == stored["version"]
    owned = after[5] == before[5] == names.APP_USER
    return [
        Line("the night's dump, that version", f"{version}: read whole, then loaded, {took}", whole),
        Line("counts as in the dump", f"{equal} of {len(tables)} tables", bool(verified.get("passed"))),
        Line("users, contracts", f"{after[0]}, {after[1]} of {before[0]}, {before[1]}", after[:2] == before[:2]),
        Line(
            "every transaction until the dump began",
            f"{after[2]} of {before[2]}, digest of all their bytes {after[3]}",
            after[2:4] == before[2:4] and before[2] > 0,
        ),
        Line("indexes", str(after[4]), after[4] == before[4] and bool(after[4])),
        Line("owner of the tables", str(after[5]), owned),
        Line(
            "connected as themselves", f"{len(pods)} sessions of {', '.join(apps)}", len(apps) == len(names.DEPLOYMENTS)
        ),
    ]


def demonstrate(stage: Stage, *, keep: bool) -> bool:
    with running_sandbox(stage, keep=keep, stack=STACK):
        stored = nightly(stage)
        began = {"began": stored["began"]}
        before = Database(stage.layout, "source").query(CONTENT, began)[0]
        gone = lose_everything(stage)
        restore(stage, gone)
        proved = lines(stage, stored, before, Database(stage.layout, "candidate", ID).query(CONTENT, began)[0])
    show(stage, proved, stage.records(ID, STACK))
    return all(line.holds for line in proved)


if __name__ == "__main__":
    sys.exit(command(demonstrate, "demo.dump_restore", ".sandbox-demo-dump"))
