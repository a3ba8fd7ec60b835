"""Cells in the order in which one restore can have them, and how a restore is set up for them and cleared away."""

from __future__ import annotations

import shutil
import subprocess
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from sandbox.application import database, names, nightly_dump
from sandbox.aws.client import Clients
from sandbox.cluster.launcher import postgres_programs
from sandbox.machine.processes import wait_until
from tests.matrix import wire
from tests.matrix.causes import WORKER
from tests.matrix.play import Cell, Played, Undisturbed, await_equal, configure, finish, play
from tests.matrix.reader import Reader, World
from tests.matrix.stage import EVIDENCE_BUCKET, Disk, Stage, small_disk
from tests.matrix.steps import Kind, Phase
from tests.support.sandbox.harness import Project, Sandbox, utc_now

MIBS = 24
RENAME_SECONDS = 60.0
ORDER = (Phase.FREEZE, Phase.SWITCH, Phase.REFREEZE, Phase.RETURN, Phase.CLOSE)
Say = Callable[[Played], None]


@dataclass(frozen=True)
class Round:
    """One restore: what is struck in which phase; phases without a cell are run as far as later ones need them."""

    cells: tuple[Cell, ...]
    store: str
    kind: Kind = Kind.SECRET
    dump: str = ""
    """Format of the dump, with that method."""

    @property
    def phases(self) -> tuple[Phase, ...]:
        struck = {cell.step.phase for cell in self.cells}
        last = max((ORDER.index(phase) for phase in struck if phase in ORDER), default=-1)
        return (Phase.LOAD if self.kind is Kind.DUMP else Phase.REHEARSE, *ORDER[: last + 1])


def arrange(cells: Iterable[Cell]) -> list[Round]:
    """Every cell in a round, with as few undisturbed phases as can be."""
    queues: dict[tuple[str, Kind], dict[Phase, deque[Cell]]] = {}
    for cell in cells:
        queues.setdefault((cell.store, cell.kind), {}).setdefault(cell.step.phase, deque()).append(cell)
    rounds: list[Round] = []
    for (store, kind), by_phase in queues.items():
        if kind is Kind.DUMP:
            formats = {cell: "custom" if cell.cause is WORKER else "plain" for cell in by_phase[Phase.LOAD]}
            rounds += [Round((cell,), store, kind, dump) for cell, dump in formats.items()]
            continue
        while left := [queue for queue in by_phase.values() if queue]:
            taken = sorted((queue.popleft() for queue in left), key=lambda cell: list(Phase).index(cell.step.phase))
            rounds.append(Round(tuple(taken), store, kind))
    return sorted(rounds, key=lambda item: -len(item.phases))


@dataclass
class Worker:
    """A sandbox with the wire before it, and the restores that are played on it one after the other."""

    sandbox: Sandbox
    wire: wire.Wire
    aws_url: str
    api_url: str
    folder: Path
    disks: dict[str, Disk]
    point: str
    dumps: dict[str, nightly_dump.Nightly]
    undisturbed: dict[tuple[Kind, str], Undisturbed] = field(default_factory=dict[tuple[Kind, str], Undisturbed])
    """By kind of restore and format of the dump: each dump has rows of its own second."""
    count: int = 0

    def play(self, plan: Round, say: Say) -> None:
        by_phase = {cell.step.phase: cell for cell in plan.cells}
        try:
            with self.stage(plan) as stage:
                for phase in plan.phases:
                    if phase not in by_phase:
                        configure(stage, phase)
                        finish(stage, phase)
                        continue
                    played = play(stage, by_phase.pop(phase), self.undisturbed[plan.kind, plan.dump])
                    say(played)
                    if played.why:
                        return
        finally:
            for cell in by_phase.values():  # their restore didn't come so far
                self.play_alone(cell, plan, say)

    def play_alone(self, cell: Cell, plan: Round, say: Say) -> None:
        """A cell whose restore was spoilt by an earlier cell, in a restore of its own."""
        try:
            with self.stage(plan) as stage:
                for phase in replace(plan, cells=(cell,)).phases:
                    if phase is cell.step.phase:
                        say(play(stage, cell, self.undisturbed[plan.kind, plan.dump]))
                        return
                    configure(stage, phase)
                    finish(stage, phase)
        except (AssertionError, TimeoutError, OSError) as error:
            say(Played(cell, why=[f"an undisturbed phase before it: {str(error)[-2000:]}"]))

    def look_undisturbed(self, plan: Round, phases: Sequence[Phase]) -> None:
        """Keeps the end of each phase of a restore that nothing interrupts."""
        ends: dict[Phase, World] = {}
        with self.stage(plan) as stage:
            for phase in phases:
                configure(stage, phase)
                finish(stage, phase)
                ends[phase] = world = stage.reader.look()
                assert not await_equal(stage, world), "an undisturbed run's end doesn't stay as it is"
        self.undisturbed[plan.kind, plan.dump] = ends

    @contextmanager
    def stage(self, plan: Round) -> Generator[Stage]:
        self.count += 1
        restore_id, stack = f"mx-{self.count}", f"matrix-{self.count}"
        folder = self.folder / stack
        project = Project.at(self.sandbox, folder, stack)
        dump = self.dumps.get(plan.dump)
        reader = Reader(self.sandbox, project, restore_id, dump.began if dump else self.point)
        stage = Stage(self.sandbox, self.wire, project, reader, self.disks, dump.key if dump else "")
        self._configure(stage, plan)
        try:
            yield stage
        finally:
            self.wire.clear()
            self._clear_away(folder)

    def _configure(self, stage: Stage, plan: Round) -> None:
        project, evidence = stage.project, f"s3://{EVIDENCE_BUCKET}/restores"
        for name, disk in self.disks.items():
            disk.free()
            for old in disk.folder.iterdir():
                shutil.rmtree(old)
            inside = disk.folder / project.stack
            inside.mkdir()
            if name == "state":
                shutil.copytree(project.folder / "state", inside, dirs_exist_ok=True)
                shutil.rmtree(project.folder / "state")
                (project.folder / "state").symlink_to(inside)
            elif plan.store == "folder":
                evidence = str(inside)
        if plan.store == "folder" and "evidence" not in self.disks:
            evidence = str(project.folder / "evidence")
        kubeconfig = project.folder / "kubeconfig"
        server = self.api_url
        kubeconfig.write_text(
            f"apiVersion: v1\nkind: Config\nclusters: [{{name: wire, cluster: {{server: '{server}'}}}}]\n"
            "users: [{name: wire, user: {token: wire}}]\n"
            "contexts: [{name: wire, context: {cluster: wire, user: wire}}]\ncurrent-context: wire\n"
        )
        project.extra |= {"AWS_ENDPOINT_URL": self.aws_url, "KUBECONFIG": str(kubeconfig)}

        def behind_wire(config: dict[str, object]) -> None:
            (services,) = cast("list[dict[str, str]]", config["aws:endpoints"])
            config["aws:endpoints"] = [dict.fromkeys(services, self.aws_url)]
            config["kubernetes:kubeconfig"] = str(kubeconfig)

        project.edit(behind_wire)
        secret = {"name": names.SECRET, "key": names.SECRET_KEY, "watchSeconds": 0}
        source = (
            {"method": "dump", "dump": stage.dump_key} if stage.dump_key else {"method": "pitr", "time": self.point}
        )
        cutover = "rename" if plan.kind is Kind.RENAME else "secret"
        stage.set(id=stage.id, evidence=evidence, quiet={"graceSeconds": 2}, secret=secret, cutover=cutover, **source)

    def _clear_away(self, folder: Path) -> None:
        for disk in self.disks.values():
            disk.free()
        self._give_name_back()
        self.sandbox.reset()
        shutil.rmtree(folder, ignore_errors=True)

    def _give_name_back(self) -> None:
        """The source, with the rows and backups that every restore here is made of, has production's name again."""
        sandbox = self.sandbox
        held = {resource_id: name for name, resource_id in sandbox.instances().items()}
        if (name := held[sandbox.resource_id]) == names.INSTANCE:
            return
        if names.INSTANCE in held.values():
            sandbox.remove(names.INSTANCE)
        wait_until(lambda: sandbox.status(name) == "available", RENAME_SECONDS, f"{name} available", 0.1)
        sandbox.aws.rds.modify_db_instance(
            DBInstanceIdentifier=name, NewDBInstanceIdentifier=names.INSTANCE, ApplyImmediately=True
        )
        wait_until(
            lambda: names.INSTANCE in sandbox.instances() and sandbox.status(names.INSTANCE) == "available",
            RENAME_SECONDS, "the source under its name", 0.1,
        )  # fmt: skip


def custom_dump(worker_sandbox: Sandbox) -> nightly_dump.Nightly:
    """The nightly dump in pg_dump's custom format, which pg_restore reads."""
    from datetime import UTC, datetime

    aws: Clients = worker_sandbox.aws
    began = datetime.now(UTC)
    target = worker_sandbox.target()
    login = {
        "PGHOST": target.host,
        "PGPORT": str(target.port),
        "PGUSER": names.MASTER_USER,
        "PGPASSWORD": database.ensure_password(aws),
        "PGDATABASE": names.DATABASE,
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": str(worker_sandbox.layout.ca),
    }
    content = subprocess.run(
        [postgres_programs() / "pg_dump", "--format=custom"], env=login, capture_output=True, check=True
    ).stdout
    key = f"{names.BACKUP_PREFIX}ghost-protocol-sandbox-{began:%Y%m%d-%H%M%S}.dump"
    stored = aws.s3.put_object(Bucket=names.BACKUP_BUCKET, Key=key, Body=content)
    return nightly_dump.Nightly(key, stored["VersionId"], len(content), f"{began:%Y-%m-%dT%H:%M:%S.%fZ}")


@contextmanager
def working(folder: Path) -> Generator[Worker]:
    """A worker, from the start of its sandbox to its end."""
    sandbox = Sandbox(folder / "sandbox")
    try:
        with small_disk(folder / "state", MIBS) as state, small_disk(folder / "evidence", MIBS) as evidence:
            disks = {name: disk for name, disk in (("state", state), ("evidence", evidence)) if disk}
            on_wire, servers, aws_url, api_url = wire.start(sandbox.layout)
            try:
                sandbox.aws.s3.create_bucket(Bucket=EVIDENCE_BUCKET)
                dumps = {"plain": nightly_dump.run(sandbox.layout), "custom": custom_dump(sandbox)}
                point = utc_now()
                database.wait_restorable(sandbox.aws, point)
                yield Worker(sandbox, on_wire, aws_url, api_url, folder, disks, point, dumps)
            finally:
                on_wire.clear()
                for server in servers:
                    server.shutdown()
                    server.server_close()
    finally:
        sandbox.stop()


def playable(cells: Sequence[Cell], disks: bool) -> tuple[list[Cell], list[Cell]]:
    """The cells that this machine can play, and those that need a small file system of their own."""
    possible = [cell for cell in cells if disks or not cell.cause.disk]
    return possible, [cell for cell in cells if cell not in possible]
