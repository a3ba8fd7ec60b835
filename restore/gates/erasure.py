"""Rows that come back with the data though they had been erased on purpose (config key `erasure`).

By the record of erasure that the source keeps, where there is one; otherwise all rows that the source doesn't have
count, for nobody can tell those apart. Numbers of rows only: the evidence keeps no key of what was erased.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from restore import postgres
from restore.errors import Problem, RestoreError
from restore.gates.activity import build_psql_command
from restore.gates.context import GateContext, require_endpoint
from restore.gates.proofs import find_proof
from restore.model.gates import VALIDATED
from restore.model.rds import Instance
from restore.model.request import ErasedTable
from validation.expectations.table_names import Table

NEEDED = "no row that was erased on purpose (config key erasure)"


@dataclass(frozen=True)
class Returned:
    """What comes back of one table: rows, or why nobody can tell."""

    table: str
    rows: int
    unknown: str = ""

    @property
    def text(self) -> str:
        if self.unknown:
            return f"whether rows of {self.table} that were erased on purpose come back isn't known: {self.unknown}"
        return f"rows of {self.table} that were erased on purpose come back: {self.rows:,}" if self.rows else ""


def count_returned_rows(
    context: GateContext, candidate: Instance, source: Instance | None, loss: Mapping[str, Any]
) -> tuple[Returned, ...]:
    """Returns what comes back of each table of the configuration; `loss` is the loss report."""
    return tuple(
        count_by_record(context, name, erased, candidate, source) if erased.record else count_by_comparison(name, loss)
        for name, erased in context.settings.erasure.items()
    )


def count_by_record(
    context: GateContext, name: str, erased: ErasedTable, candidate: Instance, source: Instance | None
) -> Returned:
    """Tells what comes back by the source's record, read with the operator's login; the candidate is read with the
    application's, for a loaded dump may run code when its rows are read."""
    table, record = Table.parse(name), Table.parse(erased.record or "")
    if source is None:
        return Returned(str(table), 0, "the source, which keeps the record, can't be asked")
    try:
        with context.connect(source) as connection:
            keys = postgres.list_erased_keys(connection, record.identifier, erased.record_key or erased.key)
        url, tls = context.read_application_url(), context.settings.tls
        with postgres.connect_as_application(url, require_endpoint(candidate), tls) as connection:
            return Returned(str(table), postgres.count_present(connection, table.identifier, erased.key, keys))
    except RestoreError as error:
        return Returned(str(table), 0, error.problem.found if error.problem else str(error))


def count_by_comparison(name: str, loss: Mapping[str, Any]) -> Returned:
    """Tells what comes back by the loss report: every row that only the candidate has. Pure."""
    table = str(Table.parse(name))
    compared = next((item for item in loss.get("tables", ()) if item["table"] == table), None)
    if compared is None or compared["status"] == "unknown" or loss.get("against", "source") != "source":
        return Returned(table, 0, "it wasn't compared with the source")
    return Returned(table, int(compared["brought_back"]["rows"]))


def mark_tables(loss: Mapping[str, Any], returned: Iterable[Returned]) -> Mapping[str, Any]:
    """Returns the loss report with a note at each table of which something comes back. Pure."""
    said = {item.table: item.text for item in returned if item.text}
    tables = [
        {**item, "notes": [*item.get("notes", ()), said[item["table"]]]} if item["table"] in said else item
        for item in loss.get("tables", ())
    ]
    return {**loss, "tables": tables} if said else loss


def find_erasure_problems(
    context: GateContext, candidate: Instance, source: Instance | None, facts: dict[str, Any]
) -> Iterable[Problem]:
    """Yields the problems `switched.erasure:<table>`. A record is asked again: what was erased again since is gone. The
    comparison is that of gate `validated`."""
    if not context.settings.erasure:
        return []
    record = find_proof(context, VALIDATED.name, candidate)
    facts_then: Mapping[str, Any] = record.get("facts", {}) if record else {}
    loss: Mapping[str, Any] = facts_then.get("loss") or {}
    returned = count_returned_rows(context, candidate, source, loss)
    facts["erasure"] = {item.table: item.unknown or item.rows for item in returned}
    return [
        Problem(
            f"switched.erasure:{item.table}", item.text, NEEDED, describe_erasing(context, erased, candidate, source)
        )
        for erased, item in zip(context.settings.erasure.values(), returned, strict=True)
        if item.text
    ]


def describe_erasing(context: GateContext, erased: ErasedTable, candidate: Instance, source: Instance | None) -> str:
    """Returns what shows the rows: the record at the source, otherwise the report."""
    if not erased.record or source is None:
        return f"python -m restore report (erase them again in {candidate.identifier})"
    column, table = sql.Identifier(erased.record_key or erased.key), Table.parse(erased.record).identifier
    statement = sql.SQL("SELECT {} FROM {}").format(column, table).as_string()
    again = f"shows the keys: erase them again in {candidate.identifier}"
    return f"{build_psql_command(context, source, statement)} ({again}); pulumi up"
