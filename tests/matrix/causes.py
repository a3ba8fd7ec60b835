"""The rows: what interrupts. Another cause is one more entry of CAUSES."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from psycopg import sql

from sandbox.application import names
from sandbox.cluster.launcher import owner, processes
from sandbox.machine.processes import wait_until
from tests.matrix.stage import Stage
from tests.matrix.steps import Step
from tests.matrix.wire import KUBERNETES, Mode
from tests.support.sandbox.harness import command_lines

SECONDS = 60.0
Process = subprocess.Popen[str]
Strike = Callable[[Stage, Step, Process], None]
Lift = Callable[[Stage, Step], None]


def nothing(_stage: Stage, _step: Step) -> None:
    """What has passed needs no lifting."""


@dataclass(frozen=True)
class Cause:
    """`lasts`: until it is lifted; otherwise it has passed at once. `after`: it strikes when the step's call has taken
    effect and nobody knows it yet. `hangs`: the operator presses Ctrl-C. `store`: what it needs the evidence to be in.
    """

    name: str
    strike: Strike
    lift: Lift = nothing
    lasts: bool = False
    after: bool = True
    hangs: bool = False
    store: str = ""
    disk: str = ""


# Kills


def kill_program(stage: Stage, _step: Step, _process: Process) -> None:
    os.kill(stage.program(), signal.SIGKILL)


def kill_engine(stage: Stage, _step: Step, process: Process) -> None:
    os.kill(stage.engine(process), signal.SIGKILL)


def kill_command(_stage: Stage, _step: Step, process: Process) -> None:
    os.kill(process.pid, signal.SIGKILL)


def kill_worker(stage: Stage, step: Step, process: Process) -> None:
    """The step's plugin, its pg_restore, or the pod in which its check runs."""
    if step.plugin == "pod":
        kill_pod(stage, process)
        return
    if stage.worker(step.plugin, process) is None and stage.wire.trap:
        stage.wire.trap.released.set()  # it is started by what comes with the answer that is held
    assert stage.wait_for(lambda: stage.worker(step.plugin, process) is not None, f"{step.plugin}", process)
    os.kill(stage.worker(step.plugin, process) or process.pid, signal.SIGKILL)


def kill_pod(stage: Stage, process: Process) -> None:
    """Its psql, as soon as it runs; the database hangs meanwhile, so that it can't have ended."""
    assert stage.wait_for(lambda: "connecting from inside" in stage.project.output, "the check in a pod", process)
    set_condition(stage, stage.candidate, "hung")
    try:
        wait_until(lambda: bool(pods_psql(stage)), SECONDS, "psql in a pod")
        for pid in pods_psql(stage):
            os.kill(pid, signal.SIGKILL)
    finally:
        set_condition(stage, stage.candidate, "none")


def pods_psql(stage: Stage) -> list[int]:
    lines, cluster = command_lines(), str(stage.sandbox.layout.cluster)
    return [pid for pid in processes() if "psql" in lines.get(pid, "") and owner(pid) == cluster]


# APIs


def on_wire(service: str, mode: Mode) -> Strike:
    return lambda stage, _step, _process: stage.wire.set(service, mode)


def clear_wire(stage: Stage, _step: Step) -> None:
    stage.wire.clear()


def expire(stage: Stage, _step: Step, _process: Process) -> None:
    for service in ("aws", KUBERNETES):
        stage.wire.set(service, Mode.EXPIRED)


# Databases


def of_step(stage: Stage, step: Step) -> str:
    return stage.candidate if step.database == "candidate" else names.INSTANCE


def set_condition(stage: Stage, identifier: str, condition: str) -> None:
    stage.sandbox.aws.post("condition", instance=identifier, condition=condition)
    if condition == "none":
        wait_until(lambda: stage.sandbox.status(identifier) == "available", SECONDS, f"{identifier} available", 0.05)


def put_condition(condition: str) -> Strike:
    return lambda stage, step, _process: set_condition(stage, of_step(stage, step), condition)


def end_condition(stage: Stage, step: Step) -> None:
    set_condition(stage, of_step(stage, step), "none")


def allow_connections(stage: Stage, step: Step, *, allowed: bool) -> None:
    with stage.sandbox.admin(of_step(stage, step), "postgres") as session:
        text = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        session.execute(text.format(sql.Identifier(names.DATABASE), sql.Literal(allowed)))
        session.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND NOT %s",
            [names.DATABASE, allowed],
        )


def refuse_connections(stage: Stage, step: Step, _process: Process) -> None:
    allow_connections(stage, step, allowed=False)


def accept_connections(stage: Stage, step: Step) -> None:
    allow_connections(stage, step, allowed=True)


# Disks


def fill(which: str) -> Strike:
    return lambda stage, _step, _process: stage.disks[which].fill()


def free(which: str) -> Lift:
    return lambda stage, _step: stage.disks[which].free()


def api_causes(title: str, service: str, store: str = "") -> tuple[Cause, ...]:
    return (
        Cause(f"{title} refuses", on_wire(service, Mode.REFUSES), clear_wire, lasts=True, after=False, store=store),
        Cause(f"{title} hangs", on_wire(service, Mode.HANGS), clear_wire, lasts=True, hangs=True, store=store),
        Cause(f"{title} lost", on_wire(service, Mode.LOST), clear_wire, lasts=True, store=store),
    )


PROGRAM = Cause("kill -9 program", kill_program)
ENGINE = Cause("kill -9 engine", kill_engine)
WORKER = Cause("kill -9 worker", kill_worker)
COMMAND = Cause("kill -9 command", kill_command)
RDS_REFUSES, RDS_HANGS, RDS_LOST = api_causes("RDS", "rds")
S3_REFUSES, S3_HANGS, S3_LOST = api_causes("S3", "s3", "s3")
KUBE_REFUSES, KUBE_HANGS, KUBE_LOST = api_causes("Kubernetes", KUBERNETES)
DB_REFUSES = Cause("database refuses", refuse_connections, accept_connections, lasts=True, after=False)
DB_HANGS = Cause("database hangs", put_condition("hung"), end_condition, lasts=True, after=False)
DB_LOST = Cause("database lost", put_condition("stopping"), end_condition, lasts=True, after=False)
EXPIRED = Cause("login expired", expire, clear_wire, lasts=True, after=False)
STATE_FULL = Cause("state disk full", fill("state"), free("state"), lasts=True, after=False, disk="state")
EVIDENCE_FULL = Cause(
    "evidence disk full", fill("evidence"), free("evidence"), lasts=True, after=False, disk="evidence"
)
KILLS = (PROGRAM, ENGINE, WORKER)
RDS = (RDS_REFUSES, RDS_HANGS, RDS_LOST)
S3 = (S3_REFUSES, S3_HANGS, S3_LOST)
KUBE = (KUBE_REFUSES, KUBE_HANGS, KUBE_LOST)
DATABASE = (DB_REFUSES, DB_HANGS, DB_LOST)
DISKS = (STATE_FULL, EVIDENCE_FULL)
CAUSES = (*KILLS, COMMAND, *RDS, *S3, *KUBE, *DATABASE, EXPIRED, *DISKS)

AT: dict[str, tuple[Cause, ...]] = {
    "restore": (*KILLS, *RDS, S3_LOST, KUBE_LOST, EXPIRED, *DISKS),
    "conform": (PROGRAM, ENGINE, RDS_REFUSES, RDS_LOST, EXPIRED, EVIDENCE_FULL),
    "validate": (*KILLS, S3_REFUSES, S3_LOST, KUBE_REFUSES, KUBE_LOST, *DATABASE, EXPIRED, *DISKS),
    "load": (*KILLS, RDS_LOST, *S3, *DATABASE, EXPIRED, *DISKS),
    "freeze": (*KILLS, RDS_LOST, *KUBE, EXPIRED, *DISKS),
    "quiesce": (PROGRAM, ENGINE, KUBE_LOST, *DATABASE),
    "keep": (*KILLS, RDS_REFUSES, RDS_LOST),
    "switch": (PROGRAM, ENGINE, KUBE_LOST, *DATABASE, EXPIRED, EVIDENCE_FULL),
    "secret": (*KILLS, *KUBE, STATE_FULL),
    "resume": (*KILLS, *KUBE, S3_REFUSES),
    "serve": (PROGRAM, ENGINE, KUBE_LOST),
    "refreeze": (PROGRAM, ENGINE, KUBE_LOST),
    "return": (*KILLS, *KUBE, DB_HANGS, DB_LOST, RDS_LOST, EXPIRED, *DISKS),
    "rollback": (COMMAND, PROGRAM, ENGINE),
    "rename": (PROGRAM, ENGINE, *RDS, KUBE_LOST, EXPIRED, *DISKS),
    "name": (PROGRAM, ENGINE, *RDS, EXPIRED),
    "rename back": (PROGRAM, ENGINE, *RDS),
    "name back": (PROGRAM, ENGINE, *RDS),
    "close": (COMMAND, *KUBE, EXPIRED, *DISKS),
    "leave": (COMMAND, RDS_REFUSES, RDS_LOST, S3_LOST),
}
"""Which causes can strike at which step: a step that asks no database is interrupted by none."""
