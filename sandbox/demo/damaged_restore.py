"""A damaged restore is stopped, the report says why, and the repaired one passes: `make demo-proof`.

A migration that was to move old transactions to an archive broke off before the incident, and nobody noticed: the
second before the bad DELETE is damaged too. What the table at the end claims is read from the databases, the cluster
and the evidence, not from what the program says. Exit code 0 only if every line holds.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from sandbox.application import names
from sandbox.application.deploy import Application, application_login, silent
from sandbox.aws.client import Clients
from sandbox.demo.proofs import Database, Line
from sandbox.demo.stage import STACK, DemoError, Stage, break_data, command, running_sandbox, show
from sandbox.machine.layout import Layout

ID = "inc-5678"
MIGRATION = "20261120110000_archive_old_transactions"
HALF_MIGRATION = f"""
INSERT INTO _prisma_migrations (id, checksum, migration_name)
VALUES (gen_random_uuid(), repeat('5', 64), '{MIGRATION}');
CREATE TABLE transactions_archive (LIKE transactions INCLUDING INDEXES);
INSERT INTO transactions_archive SELECT * FROM transactions WHERE created_at < now() - interval '5 days';
DELETE FROM transactions USING transactions_archive WHERE transactions.id = transactions_archive.id;
"""
REPAIR = f"""
INSERT INTO transactions SELECT * FROM transactions_archive;
DELETE FROM _prisma_migrations WHERE migration_name = '{MIGRATION}';
"""
ARCHIVED = """
SELECT (SELECT count(*) FROM transactions), (SELECT count(*) FROM transactions_archive),
       (SELECT count(*) FROM transactions_archive a WHERE NOT EXISTS (SELECT FROM transactions t WHERE t.id = a.id))
"""


REACHING = ("<script", "<link", "<img", "<iframe", "<object", "@import", "url(", " src=", " href=")
"""What a page that needs nothing else can't have."""


@dataclass(frozen=True)
class Seen:
    """The report and the world after one attempt."""

    document: Mapping[str, Any]
    page: str
    host: str
    """The host in the applications' secret."""
    running: int
    """Sessions of the applications, on source and candidate."""

    def shut(self) -> set[str]:
        """The checks that keep a gate shut, by the newest attempt of each gate."""
        newest = {record["gate"]: record for record in self.document["records"] if "gate" in record}
        return {p["subject"] for record in newest.values() if not record["open"] for p in record["problems"]}


def look(stage: Stage) -> Seen:
    layout, folder = stage.layout, stage.records(ID)
    url = Application(layout, silent).database_url() or ""
    sessions = [*Database(layout, "source").sessions(), *Database(layout, "candidate", ID).sessions()]
    return Seen(
        document=json.loads((folder / "evidence.json").read_text()),
        page=(folder / "report.html").read_text(),
        host=urlsplit(url).hostname or "",
        running=len(sessions),
    )


def host(layout: Layout, identifier: str) -> str:
    answer: Any = Clients(layout.aws_endpoint).rds.describe_db_instances(DBInstanceIdentifier=identifier)
    return str(answer["DBInstances"][0]["Endpoint"]["Address"])


def break_migration(stage: Stage) -> None:
    stage.title("A migration breaks off half-way: old transactions are archived and not finished; nobody notices")
    url = Application(stage.layout, silent).database_url()
    if url is None:
        raise DemoError("the sandbox has no application")
    with application_login(url, "migration") as connection:
        connection.execute(HALF_MIGRATION.encode())


def stopped(stage: Stage, happened: Mapping[str, Any]) -> Seen:
    stage.title("The operator restores to the second before the DELETE")
    stage.select(STACK)
    stage.config(id=ID, method="pitr", time=str(happened["restore_to"]), traffic="frozen", incident="INC-5678")
    stage.run("pulumi", "up", "--yes", "--skip-preview", phase="up: stopped by the checks", fails=True)
    stage.title("Not even an order to switch moves anybody to it")
    stage.config(traffic="restored")
    stage.run("pulumi", "up", "--yes", "--skip-preview", phase="up: switch refused", fails=True)
    stage.title("The report says why")
    stage.run("python", "-m", "restore", "report", phase="report")
    return look(stage)


def repaired(stage: Stage) -> Seen:
    stage.title(
        "The restored database is repaired: the archived transactions go back, the migration counts as never begun"
    )
    with Database(stage.layout, "candidate", ID).connection() as connection:
        connection.execute(REPAIR.encode())
    stage.run("pulumi", "up", "--yes", "--skip-preview", phase="up: repaired, switched")
    stage.run("python", "-m", "restore", "report")
    return look(stage)


def lines(layout: Layout, first: Seen, last: Seen) -> list[Line]:
    """Every line of the table; each is false unless it was seen to hold."""
    source, candidate = host(layout, names.INSTANCE), host(layout, f"{names.INSTANCE}-{ID}")
    rows, archived, missing = Database(layout, "candidate", ID).query(ARCHIVED, {})[0]
    shut = first.shut()
    unfinished = f"as in the source: {MIGRATION} is unfinished"
    leaks = [secret for secret in secrets(layout) if secret in f"{last.page}{json.dumps(dict(last.document))}"]
    outside = [word for word in REACHING if word in last.page.lower()]
    return [
        Line("damaged: verdict of the report", str(first.document["verdict"]), first.document["verdict"] == "FAIL"),
        Line("damaged: checks that stopped it", ", ".join(sorted(shut)), "validated.rows:public.transactions" in shut),
        Line("damaged: what the source has wrong too", unfinished, unfinished in first.page),
        Line("damaged: the secret", f"points at {first.host}", first.host == source),
        Line("damaged: applications", f"{first.running} sessions", first.running == 0),
        Line("repaired: rows", f"{rows} transactions, {missing} of {archived} missing", missing == 0 and archived > 0),
        Line("repaired: verdict of the report", str(last.document["verdict"]), last.document["verdict"] == "PASS"),
        Line("repaired: the secret", f"points at {last.host}", last.host == candidate),
        Line("repaired: applications", f"{last.running} sessions", last.running == sum(names.DEPLOYMENTS.values())),
        Line(
            "report: every attempt is in it",
            ", ".join("open" if opened else "shut" for opened in attempts(last)),
            attempts(last) == [False, False, True],
        ),
        Line("report: what the switch loses and brings back", *lost(last, archived)),
        Line("report: secrets in it", f"{len(leaks)}", not leaks),
        Line("report: requests and scripts in it", ", ".join(outside) or "none", not outside),
    ]


def lost(seen: Seen, archived: int) -> tuple[str, bool]:
    """What the newest loss report says, and whether it counts the repaired rows that the source lacks."""
    validations = [record for record in seen.document["records"] if record.get("gate") == "validated"]
    report = validations[-1]["facts"]["loss"]
    return str(report["headline"]), report["brought_back"]["rows"] > archived


def attempts(seen: Seen) -> list[bool]:
    """Whether each attempt of the gate `validated` opened it."""
    return [record["open"] for record in seen.document["records"] if record.get("gate") == "validated"]


def secrets(layout: Layout) -> set[str]:
    url = Application(layout, silent).database_url() or ""
    encoded = urlsplit(url).password or ""
    admin = str(Clients(layout.aws_endpoint).secrets.get_secret_value(SecretId=names.MASTER_SECRET)["SecretString"])
    return {encoded, unquote(encoded), admin}


def demonstrate(stage: Stage, *, keep: bool) -> bool:
    with running_sandbox(stage, keep=keep):
        break_migration(stage)
        first = stopped(stage, break_data(stage))
        last = repaired(stage)
        proved = lines(stage.layout, first, last)
    show(stage, proved, stage.records(ID))
    return all(line.holds for line in proved)


if __name__ == "__main__":
    sys.exit(command(demonstrate, "demo.damaged_restore", ".sandbox-demo-proof"))
