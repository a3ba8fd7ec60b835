"""What the demo proves, read from the two databases and the evidence, not from what the program says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from sandbox.application import names
from sandbox.aws.client import Clients
from sandbox.machine.layout import Layout

Row = tuple[Any, ...]
CONTENT = """
SELECT (SELECT count(*) FROM transactions), (SELECT count(*) FROM transactions WHERE created_at <= %(to)s),
       (SELECT max(created_at) FROM transactions),
       (SELECT count(*) FROM users WHERE email LIKE 'unknown+%%'), (SELECT email FROM users WHERE id = %(known)s)
"""
SESSIONS = """
SELECT application_name FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename = %(user)s ORDER BY 1
"""


@dataclass(frozen=True)
class RowCounts:
    """Counts of one database; `newest` is the newest transaction."""

    transactions: int
    until_target: int
    newest: datetime
    ruined_users: int
    known_email: str


@dataclass(frozen=True)
class Line:
    """One line of the proof table."""

    proof: str
    found: str
    holds: bool


@dataclass
class Proofs:
    """What was seen, in the order in which it was seen."""

    incident: Mapping[str, Any]
    source: RowCounts
    candidate: RowCounts
    after: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = field(
        default_factory=dict[str, tuple[tuple[str, ...], tuple[str, ...]]]
    )
    """Application sessions on the source and on the candidate, by traffic."""


@dataclass(frozen=True)
class Database:
    """The source or the candidate, by its RDS identifier, as the operator's login sees it."""

    layout: Layout
    role: str
    restore_id: str | None = None
    region: str = names.REGION
    named: str = ""
    """Its identifier, where it isn't the one that it began with."""

    @property
    def identifier(self) -> str:
        if self.named:
            return self.named
        return f"{names.INSTANCE}-{self.restore_id}" if self.restore_id else names.INSTANCE

    def query(self, text: str, values: Mapping[str, object]) -> list[Row]:
        with self.connection() as connection:
            return connection.execute(text.encode(), values).fetchall()

    def connection(self) -> psycopg.Connection[Row]:
        """The operator's connection, with TLS verified; committed and closed as a context."""
        clients = Clients(self.layout.aws_endpoint, self.region)
        instance = clients.rds.describe_db_instances(DBInstanceIdentifier=self.identifier)["DBInstances"][0]
        password = clients.secrets.get_secret_value(SecretId=names.MASTER_SECRET)["SecretString"]
        endpoint: Any = instance.get("Endpoint") or {}
        return psycopg.connect(
            host=endpoint["Address"],
            port=endpoint["Port"],
            user=names.MASTER_USER,
            password=password,
            dbname=names.DATABASE,
            sslmode="verify-full",
            sslrootcert=str(self.layout.ca),
            application_name="demo-proof",
        )

    def content(self, incident: Mapping[str, Any]) -> RowCounts:
        values = {"to": incident["restore_to"], "known": incident["known_user"]}
        return RowCounts(*self.query(CONTENT, values)[0])

    def sessions(self) -> tuple[str, ...]:
        """Names of the pods that are connected as the application."""
        return tuple(str(row[0]) for row in self.query(SESSIONS, {"user": names.APP_USER}))


def gate(evidence: Path, name: str) -> dict[str, Any]:
    """The first opening of a gate, from its evidence."""
    for file in sorted(evidence.glob(f"*-{name}.json")):
        document: dict[str, Any] = json.loads(file.read_text())
        if document["open"]:
            return document
    return {}


def lines(proofs: Proofs, evidence: Path) -> list[Line]:
    """Every line of the table; each is false unless it was seen to hold."""
    return [*data_lines(proofs), *time_lines(proofs, evidence), *session_lines(proofs)]


def data_lines(proofs: Proofs) -> list[Line]:
    incident, source, candidate = proofs.incident, proofs.source, proofs.candidate
    lost = int(incident["deleted"])
    missing = candidate.until_target - source.until_target
    target = datetime.fromisoformat(incident["restore_to"])
    return [
        Line("rows before the incident", f"{incident['rows_before']['transactions']} transactions", lost > 0),
        Line("lost by it", f"{lost} transactions, {incident['updated']} e-mail addresses", source.ruined_users > 0),
        Line(
            "recovered: rows until the target time that the source lacks",
            f"{missing} transactions of {lost} deleted",
            0 < missing <= lost and candidate.until_target == candidate.transactions,
        ),
        Line(
            "recovered: e-mail addresses",
            f"{source.ruined_users} ruined in the source, {candidate.ruined_users} in the restored database",
            candidate.ruined_users == 0 and candidate.known_email == incident["known"]["email"],
        ),
        Line(
            "newest row before the target time",
            f"{utc(candidate.newest)} <= {utc(target)}",
            candidate.newest <= target and (target - candidate.newest).total_seconds() < 5,
        ),
    ]


def time_lines(proofs: Proofs, evidence: Path) -> list[Line]:
    quiet = gate(evidence, "quiesced").get("facts", {}).get("quiet_since")
    switched, serving = gate(evidence, "switched").get("ended"), gate(evidence, "serving").get("ended")
    stopped = datetime.fromisoformat(quiet) if quiet else None
    return [
        Line(
            "writers stopped",
            f"at {utc(stopped)}; the source's newest row is of {utc(proofs.source.newest)}",
            stopped is not None and proofs.source.newest <= stopped,
        ),
        Line("switched", f"at {utc(parsed(switched))}, served from {utc(parsed(serving))}", bool(switched and serving)),
    ]


def session_lines(proofs: Proofs) -> list[Line]:
    lines: list[Line] = []
    for traffic, (on_source, on_candidate) in proofs.after.items():
        here, there = (on_source, on_candidate) if traffic == "source" else (on_candidate, on_source)
        apps = sorted({name for name in names.DEPLOYMENTS if any(session.startswith(f"{name}-") for session in here)})
        text = f"{len(here)} sessions of {', '.join(apps) or 'nobody'}; {len(there)} on the other database"
        lines.append(Line(f"connected, traffic {traffic}", text, len(apps) == len(names.DEPLOYMENTS) and not there))
    return lines


def parsed(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def utc(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%H:%M:%S.%f")[:-3] if moment else "never"
