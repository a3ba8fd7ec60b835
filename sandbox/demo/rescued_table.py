"""Rows that a bad statement took come back into a database that goes on serving: `make demo-rescue`.

No application stops. What the table at the end claims is read from the databases and the cluster, not from what the
program says. Exit code 0 only if every line holds.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.application import names
from sandbox.application.deploy import Application, silent
from sandbox.demo.proofs import Database, Line
from sandbox.demo.stage import STACK, Stage, break_data, command, running_sandbox, show
from sandbox.machine.layout import Layout
from sandbox.postgres.binaries import find
from sandbox.postgres.identity import Identity

ID = "inc-2468"
CONTENT = """
SELECT count(*) FILTER (WHERE created_at <= %(to)s), count(*) FILTER (WHERE created_at > %(to)s),
       (SELECT array_agg(id) FROM users WHERE email LIKE 'unknown+%%'), (SELECT max(id) FROM transactions)
FROM transactions
"""
KNOWN = "SELECT count(*) FROM users WHERE id = ANY(%(ids)s)"
"""Users that came between the recovery point and the bad UPDATE stay ruined: nothing knows their addresses."""
DAMAGED = ("--column", "email", "--damaged", "email LIKE 'unknown+%'")
"""The application has written other columns of some of these rows since: they stay as they are by now."""
CHANGED_SINCE = "UPDATE users SET email = 'new@ghost.example' WHERE id = %(id)s"
EMAIL = "SELECT email FROM users WHERE id = %(id)s"
NEXT = "SELECT last_value FROM transactions_id_seq"


@dataclass(frozen=True)
class Content:
    """Transactions until the incident and since, ruined users by id, and the highest number of a transaction."""

    before: int
    since: int
    ruined: list[object] | None
    highest: int


def content(database: Database, happened: Mapping[str, Any]) -> Content:
    return Content(*database.query(CONTENT, {"to": happened["restore_to"]})[0])


def deployments(layout: Layout) -> dict[str, int]:
    """The generation of each Deployment: it changes whenever anybody changes what it should be."""
    found = Application(layout, silent).kube.list("Deployment", names.NAMESPACE)
    return {deployment["metadata"]["name"]: deployment["metadata"]["generation"] for deployment in found}


def rescue(stage: Stage, *words: str) -> None:
    stage.run("python", "-m", "restore", "rescue", *words)


def demonstrate(stage: Stage, *, keep: bool) -> bool:
    source, candidate = Database(stage.layout, "source"), Database(stage.layout, "candidate", ID)
    with running_sandbox(stage, keep=keep):
        happened = break_data(stage)
        untouched, known = deployments(stage.layout), str(happened["known_user"])
        stage.title("A candidate beside the source: nothing stops")
        stage.select(STACK)
        stage.config(id=ID, method="pitr", time=str(happened["restore_to"]), traffic="source")
        stage.run("pulumi", "up", "--yes", "--skip-preview", phase="up: source")
        stage.title("Somebody whose address was ruined has set a new one since")
        with source.connection() as connection:
            connection.execute(CHANGED_SINCE, {"id": known})
        stage.title("What is missing, what differs, and who wrote it")
        rescue(stage, "--table", "transactions")
        rescue(stage, "--table", "users")
        rescue(stage, "--table", "users", *DAMAGED)
        stage.title("Brought back, while the applications write")
        before = content(source, happened)
        undo = [stage.layout.root.with_name(f"{stage.layout.root.name}-{name}.undo.sql") for name in ("rows", "users")]
        for file in undo:
            file.unlink(missing_ok=True)
        rescue(stage, "--table", "transactions", "--undo", str(undo[0]), "--apply", "--yes")
        rescue(stage, "--table", "users", *DAMAGED, "--undo", str(undo[1]), "--apply", "--yes")
        rescue(stage, "--table", "transactions")
        proved = lines(source, candidate, happened, before)
        proved.append(Line("written since, and kept", source.query(EMAIL, {"id": known})[0][0], kept(source, known)))
        same = deployments(stage.layout) == untouched
        proved.append(Line("applications", "no Deployment was touched" if same else "they were changed", same))
        proved.append(taken_back(stage, source, undo[0], happened))
    show(stage, proved, stage.records(ID))
    return all(line.holds for line in proved)


def kept(source: Database, known: str) -> bool:
    return source.query(EMAIL, {"id": known}) == [("new@ghost.example",)]


def lines(source: Database, candidate: Database, happened: Mapping[str, Any], before: Content) -> list[Line]:
    now, restored = content(source, happened), content(candidate, happened)
    number = int(source.query(NEXT, {})[0][0])
    ruined = [int(candidate.query(KNOWN, {"ids": at.ruined or []})[0][0]) for at in (before, now)]
    return [
        Line("missing before", f"{restored.before - before.before} transactions", restored.before > before.before),
        Line("missing after", f"{restored.before - now.before} transactions", restored.before <= now.before),
        Line("ruined addresses", f"{ruined[0]} before, {ruined[1]} after", ruined[0] > ruined[1] == 0),
        Line("written meanwhile", f"{now.since - before.since} transactions", now.since > before.since),
        Line("sequence", f"{number}, highest row {now.highest}", number >= now.highest),
    ]


def taken_back(stage: Stage, source: Database, undo: Path, happened: Mapping[str, Any]) -> Line:
    """Runs the undo file as its first line says."""
    stage.title("The undo file takes it back")
    psql = find(Identity.choose()).tool("psql")
    rows = content(source, happened).before
    with source.connection() as connection:
        told = {f"PG{name.upper()}": value for name, value in connection.info.get_parameters().items()}
        told = {name: value for name, value in told.items() if value} | {
            "PGDATABASE": names.DATABASE,
            "PGPASSWORD": connection.info.password,
        }
    command = [psql, "-X", "-q", "--file", undo]
    done = subprocess.run(command, env=told, capture_output=True, text=True, check=False)
    gone = rows - content(source, happened).before
    return Line("undo", f"{gone} transactions taken back{done.stderr}", done.returncode == 0 and gone > 0)


if __name__ == "__main__":
    sys.exit(command(demonstrate, "demo.rescued_table", ".sandbox-demo-rescue"))
