"""Cutover by name and the way back, under load, with a client that caches DNS: `make demo-rename`.

The applications write until they are stopped, and again from the moment on at which they are back; their Secret never
changes. What the table at the end claims is read from AWS, the cluster and the databases by a witness that asks neither
the program nor its evidence. Exit code 0 only if every line holds.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

from sandbox.application import names
from sandbox.application.connection_url import for_libpq
from sandbox.application.deploy import Application, silent
from sandbox.demo.proofs import Line
from sandbox.demo.stage import STACK, DemoError, Stage, break_data, command, running_sandbox, show
from sandbox.demo.witness import Witness, World, recovery_line, serving_lines, stopped_line
from sandbox.machine.layout import CHECKOUT, Layout

ID = "inc-1234"
SOURCE, CANDIDATE, ASIDE = names.INSTANCE, f"{names.INSTANCE}-{ID}", f"{names.INSTANCE}-before-{ID}"
CLIENT = "nightly-reports"
NAMED = "serving.dnsCache:"
UP = ("pulumi", "up", "--yes", "--skip-preview")
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %(client)s"


@dataclass
class CachingClient:
    """Asks for the name's address when it is started, and never again: as a JVM does that caches DNS for ever."""

    layout: Layout
    kept: str = ""
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def resolve(self, world: World) -> None:
        self.kept = self.layout.address("rds-instance", names.REGION, world.resource_ids[SOURCE])

    def work(self) -> None:
        """Connects to the address that it has, whatever its name has become, and stays connected."""
        self._ended.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def rest(self) -> None:
        self._ended.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        url = for_libpq(Application(self.layout, silent).database_url() or "")
        while not self._ended.is_set():
            try:
                with psycopg.connect(
                    url, hostaddr=self.kept, sslmode="require", application_name=CLIENT, connect_timeout=3
                ) as connection:
                    while not self._ended.wait(0.2):
                        connection.execute("SELECT count(*) FROM users LIMIT 1")
                        connection.commit()
            except psycopg.Error:
                self._ended.wait(0.5)


def follow(stage: Stage, on_line: Callable[[str], None], phase: str) -> None:
    """Runs `pulumi up`, echoed, each line of which is heard as it comes. Raises DemoError when it fails."""
    stage.console.print(f"$ {shlex.join(UP)}", style="bold cyan", highlight=False, soft_wrap=True)
    began = time.monotonic()
    with subprocess.Popen(
        UP, cwd=CHECKOUT, env=dict(stage.variables), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            on_line(line)
    stage.seconds[phase] = time.monotonic() - began
    if process.returncode:
        raise DemoError(f"{shlex.join(UP)}: exit code {process.returncode}")


@dataclass
class Switch:
    """What happens beside a switch: the client wakes up once the names have moved, and is started again when it is
    named."""

    witness: Witness
    client: CachingClient
    awake: bool = False
    named: str = ""
    """The program's own line, for it must name the client before anybody can do anything."""
    sessions: Mapping[str, int] = field(default_factory=dict[str, int])
    """Of the client, by instance, when it was named."""

    def hear(self, line: str) -> None:
        if not self.awake and "renamed: open" in line:
            self.awake = True
            self.client.work()
        if NAMED in line and not self.named:
            self.named = line.strip()
            self.sessions = {name: self.count(name) for name in (SOURCE, ASIDE)}
            self.client.rest()
            self.client.resolve(self.witness.look())
            self.client.work()

    def count(self, identifier: str) -> int:
        return int(self.witness.database(identifier).query(SESSIONS, {"client": CLIENT})[0][0])


def holder_line(title: str, world: World, expected: Mapping[str, str]) -> Line:
    """Who is called what, by DbiResourceId: the same instances as at the beginning, and no other."""
    found = ", ".join(f"{name} is {resource_id}" for name, resource_id in sorted(world.resource_ids.items()))
    return Line(title, found, dict(world.resource_ids) == dict(expected))


def client_lines(switch: Switch, restarted: int) -> list[Line]:
    old, new = switch.sessions.get(ASIDE, 0), switch.sessions.get(SOURCE, 0)
    return [
        Line("the client that caches DNS", f"{old} sessions on {ASIDE}, {new} on {SOURCE}", old > 0 and not new),
        Line("serving names it", switch.named[:100] or "never", bool(switch.named)),
        Line("started again", f"{restarted} sessions on {SOURCE}", restarted > 0),
    ]


def secret_line(title: str, stage: Stage, before: str | None) -> Line:
    unchanged = before is not None and Application(stage.layout, silent).database_url() == before
    return Line(title, "byte for byte as before" if unchanged else "changed", unchanged)


def move(stage: Stage, traffic: str) -> None:
    stage.config(traffic=traffic)
    stage.run(*UP, phase=f"up: {traffic}")


def tell(stage: Stage) -> list[Line]:
    witness, client = Witness(stage.layout, ID), CachingClient(stage.layout)
    url = Application(stage.layout, silent).database_url()
    incident = break_data(stage)
    client.resolve(witness.look())
    stage.title("The operator asks for the cutover by name")
    stage.select(STACK)
    stage.config(id=ID, method="pitr", time=str(incident["restore_to"]), cutover="rename")
    move(stage, "frozen")
    frozen = witness.look()
    source, candidate = frozen.resource_ids[SOURCE], frozen.resource_ids[CANDIDATE]
    lines = [stopped_line(frozen)]
    stage.title("Production's name moves; a client that caches DNS wakes up and goes to where the name was")
    switch = Switch(witness, client)
    stage.config(traffic="restored")
    stage.run("pulumi", "preview")
    follow(stage, switch.hear, "up: restored")
    restarted = switch.count(SOURCE)
    client.rest()
    lines += switched_lines(witness, incident, {SOURCE: candidate, ASIDE: source})
    lines += [*client_lines(switch, restarted), secret_line("the Secret, switched", stage, url)]
    stage.title("The way back")
    stage.run("python", "-m", "restore", "rollback", "--accept-loss", "--yes", phase="rollback (two ups)")
    world = witness.look()
    lines.append(holder_line("back: who is who", world, {SOURCE: source, CANDIDATE: candidate}))
    lines += [Line(f"back: {line.proof}", line.found, line.holds) for line in serving_lines(witness, world, SOURCE)]
    lines.append(secret_line("the Secret, back", stage, url))
    stage.run("python", "-m", "restore", "status")
    return lines


def switched_lines(witness: Witness, incident: Mapping[str, Any], expected: Mapping[str, str]) -> list[Line]:
    world = witness.look()
    served = serving_lines(witness, world, SOURCE)
    return [
        holder_line("switched: who is who", world, expected),
        *(Line(f"switched: {line.proof}", line.found, line.holds) for line in served),
        recovery_line(witness, incident, SOURCE),
    ]


def demonstrate(stage: Stage, *, keep: bool) -> bool:
    with running_sandbox(stage, keep=keep):
        lines = tell(stage)
    show(stage, lines, stage.records(ID))
    return all(line.holds for line in lines)


if __name__ == "__main__":
    sys.exit(command(demonstrate, "demo.rename", ".sandbox-demo-rename"))
