"""Five of the worst troubles, each met by an operator who does what the program says; what happened, seen outside."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.application import names
from sandbox.application.deploy import Application, silent
from sandbox.demo.proofs import Line
from sandbox.demo.stage import STACK, DemoError, Stage, break_data
from sandbox.demo.witness import Witness, recovery_line, serving_lines, stopped_line
from sandbox.trouble.custom_resources import EXTERNAL_SECRET

SOURCE = names.INSTANCE
UP = ("pulumi", "up", "--yes", "--skip-preview")
RIGHT = "rds:RestoreDBInstanceToPointInTime"
PAUSE = re.compile(r"kubectl --namespace (\S+) patch externalsecret (\S+) --type merge --patch '([^']+)'")


@dataclass(frozen=True)
class Case:
    """One trouble, and the restore that meets it."""

    id: str
    title: str
    play: Callable[[Stage, Witness], list[Line]]


def ask_for(stage: Stage, witness: Witness, time: str) -> None:
    """The operator's first commands of every restore."""
    stage.select(STACK)
    stage.config(id=witness.restore_id, method="pitr", time=time, traffic="frozen")


def move(stage: Stage, traffic: str) -> None:
    stage.config(traffic=traffic)
    stage.run(*UP, phase=f"up: {traffic}")


def waive(stage: Stage, name: str, reason: str) -> None:
    stage.run("pulumi", "config", "set", "--plaintext", "--path", f'waive["{name}"]', reason)


def meet_stopped_source(stage: Stage, witness: Witness) -> list[Line]:
    incident = break_data(stage)
    stage.title("Somebody has stopped the source: nobody can ask it anything")
    stage.sandbox("trouble", "stopped")
    ask_for(stage, witness, incident["restore_to"])
    stage.run("pulumi", "config", "set", "--path", "quiet.graceSeconds", "2")
    stage.refuses("pulumi", "preview", saying="safety-snapshot")
    waive(stage, "safety-snapshot", "the source is stopped: its volume stays as it is")
    stage.refuses(*UP, saying="quiesced.unreachable")
    waive(stage, "quiesced.unreachable", "stopped by the storage team, nobody can write")
    stage.refuses(*UP, saying="validated.rows:public.users")
    waive(stage, "validated.rows:public.users", "the file wants 0.9 of the source's rows, which nobody can count")
    stage.run(*UP, phase="up: frozen")
    frozen = witness.look()
    move(stage, "restored")
    world = witness.look()
    return [
        stopped_line(frozen),
        *serving_lines(witness, world, witness.candidate),
        recovery_line(witness, incident, witness.candidate),
        Line("the source", world.statuses[SOURCE], world.statuses[SOURCE] == "stopped"),
    ]


def meet_missing_right(stage: Stage, witness: Witness) -> list[Line]:
    incident = break_data(stage)
    stage.title(f"The operator's role lacks {RIGHT}")
    stage.sandbox("rights", "--without", RIGHT)
    ask_for(stage, witness, incident["restore_to"])
    stage.refuses("pulumi", "preview", saying=RIGHT)
    stage.refuses(*UP, saying=RIGHT)
    refused = witness.look()
    untouched = Line("refused: databases", ", ".join(refused.statuses), [*refused.statuses] == [SOURCE])
    before = [
        Line(f"refused: {line.proof}", line.found, line.holds) for line in serving_lines(witness, refused, SOURCE)
    ]
    stage.title("The right is given, and the same command goes on")
    stage.sandbox("rights", "--without")
    stage.run(*UP, phase="up: frozen")
    move(stage, "restored")
    world = witness.look()
    return [
        untouched,
        *before,
        *serving_lines(witness, world, witness.candidate),
        recovery_line(witness, incident, witness.candidate),
    ]


def meet_controller(stage: Stage, witness: Witness) -> list[Line]:
    incident = break_data(stage)
    stage.title("External Secrets writes the applications' Secret again every 5 s, from AWS Secrets Manager")
    stage.sandbox("trouble", "external-secret-orphan")
    ask_for(stage, witness, incident["restore_to"])
    told = stage.refuses("pulumi", "preview", saying="ExternalSecret")
    refused = serving_lines(witness, witness.look(), SOURCE)
    stage.title("Its team pauses it by the command that is printed")
    pause_external_secret(stage, told)
    stage.run(*UP, phase="up: frozen")
    move(stage, "restored")
    world = witness.look()
    return [
        *(Line(f"refused: {line.proof}", line.found, line.holds) for line in refused),
        *serving_lines(witness, world, witness.candidate),
        recovery_line(witness, incident, witness.candidate),
    ]


def pause_external_secret(stage: Stage, told: str) -> None:
    """What its team does: the operator has no right to. Raises DemoError where no such command was printed."""
    printed = PAUSE.search(told)
    if printed is None:
        raise DemoError("no command that pauses the ExternalSecret was printed")
    stage.console.print(f"$ {printed[0]}", style="bold cyan", highlight=False, soft_wrap=True)
    namespace, name, change = printed.groups()
    path = EXTERNAL_SECRET.path(name, namespace)
    Application(stage.layout, silent).kube.request("PATCH", path, body=json.loads(change))


def meet_replaced_candidate(stage: Stage, witness: Witness) -> list[Line]:
    incident = break_data(stage)
    ask_for(stage, witness, incident["restore_to"])
    stage.run(*UP, phase="up: frozen")
    proved = witness.look()
    stage.title("Somebody deletes the proved candidate and restores another instance under its name")
    stage.sandbox("trouble", "replaced", "--instance", witness.candidate)
    stage.config(traffic="restored")
    stage.refuses(*UP, saying=witness.candidate)
    refused = witness.look()
    stage.title("Not that one: the applications go back to the source, for it still runs")
    move(stage, "source")
    world = witness.look()
    other = refused.resource_ids[witness.candidate] != proved.resource_ids[witness.candidate]
    return [
        Line("another instance has the name", refused.resource_ids[witness.candidate], other),
        Line("refused: the Secret names", refused.serves, refused.serves == SOURCE),
        stopped_line(refused),
        *serving_lines(witness, world, SOURCE),
    ]


def meet_dead_candidate(stage: Stage, witness: Witness) -> list[Line]:
    incident = break_data(stage)
    ask_for(stage, witness, incident["restore_to"])
    stage.run("pulumi", "config", "set", "--path", "quiet.graceSeconds", "2")
    stage.run(*UP, phase="up: frozen")
    move(stage, "restored")
    switched = serving_lines(witness, witness.look(), witness.candidate)
    recovered = recovery_line(witness, incident, witness.candidate)
    stage.title("The restored database fails for good")
    stage.sandbox("trouble", "failed", "--instance", witness.candidate)
    waive(stage, "quiesced.unreachable", "status failed: nobody can write there")
    stage.run("python", "-m", "restore", "rollback", "--accept-loss", "--yes", phase="rollback")
    world = witness.look()
    return [
        *(Line(f"switched: {line.proof}", line.found, line.holds) for line in switched),
        recovered,
        Line("the candidate", world.statuses[witness.candidate], world.statuses[witness.candidate] == "failed"),
        *serving_lines(witness, world, SOURCE),
    ]


CASES = (
    Case("stopped", "The source is stopped", meet_stopped_source),
    Case("right", "One right is missing", meet_missing_right),
    Case("controller", "A controller puts the Secret back", meet_controller),
    Case("replaced", "The candidate is replaced after it was proved", meet_replaced_candidate),
    Case("dead", "The candidate dies after the switch", meet_dead_candidate),
)
