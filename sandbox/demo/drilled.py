"""A rehearsal of a restore while the application goes on writing: `make demo-drill`.

A Job of the CronJob that `python -m restore drill schedule` declares runs the drill in the cluster: once over sound
data, and once after a clean-up job has deleted too many rows, which nobody noticed and validation must find. What the
table at the end claims is read from AWS, the cluster and the databases, not from what the program says. Exit code 0
only if every line holds.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from sandbox.application import names
from sandbox.application.database import wait_restorable
from sandbox.application.deploy import Application, silent
from sandbox.aws.client import clients
from sandbox.demo.proofs import Database, Line
from sandbox.demo.stage import STACK, WRITE_SECONDS, DemoError, Stage, command, running_sandbox, show
from sandbox.machine.processes import wait_until
from sandbox.runtime import environment

DRILL_SECONDS = 600.0
LOGIN = "pulumi-login"
OF_PULUMI = ("PULUMI_BACKEND_URL", "PULUMI_HOME", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_SKIP_UPDATE_CHECK", "PATH")
TOO_MANY = "DELETE FROM transactions WHERE id > 1000"
FINDS = "validated.rows:public.transactions"
KINDS = ("Deployment", "Job", "Secret", "ConfigMap", "NetworkPolicy")
ROWS = "SELECT count(*) FROM transactions"
Json = dict[str, Any]


def untouched(stage: Stage) -> tuple[Any, ...]:
    """What changes as soon as anybody touches the applications, their secret, or an instance."""
    kube, aws = Application(stage.layout, silent).kube, clients(stage.layout)
    deployments = {d["metadata"]["name"]: d["metadata"]["generation"] for d in kube.list("Deployment", names.NAMESPACE)}
    secret = kube.get("Secret", names.NAMESPACE, names.SECRET) or {"metadata": {}}
    instances = aws.rds.describe_db_instances()["DBInstances"]
    ids = {str(item.get("DBInstanceIdentifier")): str(item.get("DbiResourceId")) for item in instances}
    return deployments, secret["metadata"].get("resourceVersion"), ids


def left(stage: Stage) -> list[str]:
    """What of a drill is in the scratch namespace."""
    kube = Application(stage.layout, silent).kube
    return [
        f"{kind} {item['metadata']['name']}"
        for kind in KINDS
        for item in kube.list(kind, names.DRILL_NAMESPACE, "restore.pulumi/drill")
    ]


def schedule(stage: Stage) -> None:
    """Declares the CronJob as an administrator does, once: with the login to Pulumi's backend in a Secret."""
    stage.title("The team declares a drill every quarter")
    for path, value in (
        ("drill.schedule.image", "registry.example/restore-drill:1"),
        ("drill.schedule.secret", LOGIN),
        ("targets.rto", "30m"),
        ("targets.rpo", "10m"),
    ):
        stage.run("pulumi", "config", "set", "--plaintext", "--path", path, value)
    stage.run("pulumi", "config", "rm", "kubernetes:kubeconfig")  # the Job has a login of its own
    data = {name: base64.b64encode(stage.variables[name].encode()).decode() for name in OF_PULUMI}
    metadata = {"name": LOGIN, "namespace": names.DRILL_NAMESPACE}
    Application(stage.layout, silent).kube.create(
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}
    )
    administrator = replace(stage, variables={**stage.variables, **environment.administrator(stage.layout)})
    administrator.run("python", "-m", "restore", "drill", "schedule", "--apply")


def drill(stage: Stage, name: str) -> Json:
    """Runs a Job of the CronJob, as `kubectl create job --from` makes it; returns the result that it prints."""
    kube = Application(stage.layout, silent).kube
    (cron,) = kube.list("CronJob", names.DRILL_NAMESPACE)
    metadata = {"name": name, "namespace": names.DRILL_NAMESPACE}
    stage.console.print(
        f"$ kubectl -n {names.DRILL_NAMESPACE} create job --from cronjob/{cron['metadata']['name']} {name}",
        style="bold cyan", highlight=False, soft_wrap=True,
    )  # fmt: skip
    began = time.monotonic()
    kube.create(
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": cron["spec"]["jobTemplate"]["spec"]}
    )
    wait_until(lambda: bool(ended(stage, name)), DRILL_SECONDS, f"Job {name} to end", 1.0)
    stage.seconds[name] = time.monotonic() - began
    (pod,) = kube.list("Pod", names.DRILL_NAMESPACE, f"job-name={name}")
    log = kube.logs(names.DRILL_NAMESPACE, pod["metadata"]["name"])
    result = read_result(log)
    show_phases(stage, result)
    return {**result, "job": ended(stage, name)}


def ended(stage: Stage, name: str) -> str:
    """How the Job ended: Complete or Failed; empty while it runs."""
    job: Json = Application(stage.layout, silent).kube.get("Job", names.DRILL_NAMESPACE, name) or {}
    conditions: list[Json] = job.get("status", {}).get("conditions") or []
    held = [str(item["type"]) for item in conditions if item["status"] == "True"]
    return next((kind for kind in held if kind in ("Complete", "Failed")), "")


def read_result(log: str) -> Json:
    """The JSON document in a log that also has what happened. Raises DemoError for a log without one."""
    start = log.find("\n{\n") + 1 if "\n{\n" in log else 0 if log.startswith("{\n") else -1
    if start < 0:
        raise DemoError(f"the drill printed no result:\n{log}")
    result, _ = json.JSONDecoder().raw_decode(log[start:])
    return result


def show_phases(stage: Stage, result: Mapping[str, Any]) -> None:
    table = Table(title=f"Drill {result['drill']} from {result['recovery_point']}", title_justify="left")
    for column in ("phase", "", "s", "found"):
        table.add_column(column, overflow="fold")
    for phase in result["phases"]:
        color = "green" if phase["verdict"] == "PASS" else "red"
        table.add_row(phase["name"], f"[{color}]{phase['verdict']}[/]", f"{phase['seconds']:.1f}", phase["found"])
    stage.console.print(table)
    for phase in result["phases"]:
        for problem in phase["problems"]:
            text = f"{problem['subject']}: {problem['found']}\n  needed: {problem['needed']}"
            stage.console.print(text, style="red", highlight=False)


def verdicts(result: Mapping[str, Any]) -> dict[str, str]:
    return {phase["name"]: phase["verdict"] for phase in result["phases"]}


def problems(result: Mapping[str, Any]) -> set[str]:
    return {problem["subject"] for phase in result["phases"] for problem in phase["problems"]}


def delete_too_many(stage: Stage, source: Database) -> None:
    """Damages the source, and waits until nothing newer than the damage is left out of what can be restored."""
    stage.title("A clean-up job deletes too many rows, and nobody notices")
    with source.connection() as connection:
        deleted = connection.execute(TOO_MANY).rowcount
    stage.console.print(f"{deleted} transactions are gone", highlight=False)
    wait_restorable(clients(stage.layout), f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")


def demonstrate(stage: Stage, *, keep: bool) -> bool:
    source = Database(stage.layout, "source")
    with running_sandbox(stage, keep=keep):
        stage.select(STACK)
        schedule(stage)
        time.sleep(WRITE_SECONDS)
        before, rows = untouched(stage), int(source.query(ROWS, {})[0][0])
        stage.title("A drill, while the applications go on writing")
        clean = drill(stage, "clean")
        proved = [*lines_of_clean(clean), *lines_of_world(stage, "clean", before, source, rows)]
        delete_too_many(stage, source)
        rows = int(source.query(ROWS, {})[0][0])
        stage.title("The same drill over damaged data")
        damaged = drill(stage, "damaged")
        proved += lines_of_damaged(damaged, FINDS)
        proved += lines_of_world(stage, "damaged", before, source, rows)
    show(stage, proved, stage.evidence / f"{STACK}-drill" / str(clean["drill"]))
    return all(line.holds for line in proved)


def lines_of_clean(result: Mapping[str, Any]) -> list[Line]:
    found = verdicts(result)
    wrong = [name for name, verdict in found.items() if verdict != "PASS"]
    told = {phase["name"]: str(phase["found"]) for phase in result["phases"]}
    defect, copies = told.get("planted defect", "not planted"), told.get("copies", "not made")
    rto, rpo = result["rto_seconds"], result["rpo_seconds"]
    return [
        Line("clean: every phase", ", ".join(wrong) or f"{len(found)} phases pass", not wrong and result["passed"]),
        Line("clean: its Job", str(result["job"]), result["job"] == "Complete"),
        Line("clean: network of the copies", copies, "in a closed network" in copies),
        Line("clean: planted defect", defect, found.get("planted defect") == "PASS"),
        Line("clean: recovery time", f"{rto} s of {result['rto_target']:.0f} s", 0 < (rto or 0) < result["rto_target"]),
        Line("clean: data lost", f"{rpo} s of {result['rpo_target']:.0f} s", rpo < result["rpo_target"]),
    ]


def lines_of_damaged(result: Mapping[str, Any], check: str) -> list[Line]:
    found, torn_down = problems(result), verdicts(result)["tear down"]
    told = ", ".join(sorted(found)) or "nothing"
    return [
        Line(f"damaged: found by {check}", told, check in found),
        Line("damaged: its Job", str(result["job"]), result["job"] == "Failed" and not result["passed"]),
        Line("damaged: torn down all the same", torn_down, torn_down == "PASS"),
    ]


def lines_of_world(stage: Stage, name: str, before: tuple[Any, ...], source: Database, rows: int) -> list[Line]:
    now, there, written = untouched(stage), left(stage), int(source.query(ROWS, {})[0][0]) - rows
    told = "no Deployment, secret or instance was touched" if now == before else str(now)
    return [
        Line(f"{name}: traffic", told, now == before),
        Line(f"{name}: left behind", ", ".join(there) or "nothing", not there),
        Line(f"{name}: written meanwhile", f"{written} transactions", written > 0),
    ]


if __name__ == "__main__":
    sys.exit(command(demonstrate, "demo.drilled", ".sandbox-demo-drill"))
