"""What an error of the server or of the connection says about a check that wanted an answer."""

from __future__ import annotations

import psycopg

from validation.verdict import Verdict

MISSING = {
    "42P01": "a table is missing: is this the right database, restored to the right point?",
    "42703": "a column is missing: is the recovery point earlier than its migration?",
    "3F000": "a schema is missing: is this the right database, restored to the right point?",
}
DAMAGED = {
    "XX001": "the data is corrupted: restore another recovery point",
    "XX002": "an index is corrupted: reindex it, and look at the table",
    "58P01": "a file of the database is missing: restore another recovery point",
    "58030": "the server could not read its storage: look at the server's log",
}
UNKNOWN = {
    "42501": "grant the validating login what it needs (as a member of pg_read_all_data; of tables with "
    "row-level security as an owner or with BYPASSRLS)",
    "57014": "raise limits.statement_seconds, or read a sample (docs/large.md): blocks load slowly after a restore",
    "55P03": "something holds a lock on the table: find it in pg_locks",
    "22P02": "the expected value doesn't fit the column's type: correct the expectations",
    "42883": "the expected value can't be compared with the column: correct the expectations",
    "53300": "the server has no connection left: lower limits.workers, or close other sessions",
}
OTHERWISE = "the check could not run: fix the cause and run it again"
LOST = "see why the server or the network dropped it, and run again"


REFUSED = {
    "42501": "grant it to the application's role, or switch off the policy that refuses it",
    "25006": "alter database (or role) ... reset default_transaction_read_only",
}


def explain(error: psycopg.Error, *, lost: bool, trial: bool = False) -> tuple[Verdict, str, str]:
    """Returns (verdict, found, fix) of an error. Never PASS; never the DETAIL, which can hold a whole row.

    In a trial of what a login must be able to do, to be refused is a FAIL.
    """
    message = _read_message(error)
    code = error.sqlstate or ""
    if lost:
        return Verdict.INCONCLUSIVE, f"the connection was lost: {message}", LOST
    found = f"{message} ({code})" if code else message
    if trial and code in REFUSED:
        return Verdict.FAIL, found, REFUSED[code]
    if fix := MISSING.get(code) or DAMAGED.get(code):
        return Verdict.FAIL, found, fix
    return Verdict.INCONCLUSIVE, found, UNKNOWN.get(code, OTHERWISE)


def _read_message(error: psycopg.Error) -> str:
    text = error.diag.message_primary or str(error).strip()
    return " ".join(text.split()) or type(error).__name__
