"""What the source's settings let it record. Pure.

Parameters that a group doesn't set have the defaults of PostgreSQL, and of the RDS User Guide, "RDS for PostgreSQL
database log files": log_statement none, log_min_duration_statement -1, files kept for 4,320 minutes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from restore.when.model import Coverage, Period, Reach

PARAMETERS = (
    "log_statement",
    "log_min_duration_statement",
    "pgaudit.log",
    "shared_preload_libraries",
    "rds.log_retention_period",
    "log_connections",
)
DEFAULTS: Mapping[str, str] = {
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "pgaudit.log": "none",
    "shared_preload_libraries": "",
    "rds.log_retention_period": "4320",
    "log_connections": "0",
}
WRITES, DEFINITIONS = "DELETE, UPDATE and TRUNCATE", "DROP and ALTER"
NOW = "as the parameter group is now; a session or a role may have set another value"


def describe_statements(set_parameters: Mapping[str, str]) -> tuple[Coverage, ...]:
    """Tells which statements were logged by these parameters: one line for writes, one for definitions."""
    values = {**DEFAULTS, **{name: value for name, value in set_parameters.items() if value}}
    return (
        _describe(WRITES, values, logged=("mod", "all"), audited=("write", "all")),
        _describe(DEFINITIONS, values, logged=("ddl", "mod", "all"), audited=("ddl", "all")),
    )


def _describe(what: str, values: Mapping[str, str], logged: Sequence[str], audited: Sequence[str]) -> Coverage:
    statement, audit = values["log_statement"], _read_audit(values)
    shown = f"log_statement is {statement}, pgaudit.log {', '.join(audit) or 'none'}"
    longest = _read_whole(values["log_min_duration_statement"])
    source = f"statements: {what}"
    if statement in logged or set(audit) & set(audited) or longest == 0:
        shown += ", log_min_duration_statement 0" if longest == 0 else ""
        return Coverage(source, Reach.RECORDED, f"{shown} ({NOW})")
    if longest is not None and longest > 0:
        shown += f", log_min_duration_statement {longest} ms: only what took at least as long is in the log"
        return Coverage(source, Reach.NOT_RECORDED, f"{shown} ({NOW})")
    return Coverage(source, Reach.NOT_RECORDED, f"{shown}: nothing of it is in the log ({NOW})")


def _read_audit(values: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the classes that pgaudit logs. `-class` takes one away again; nothing is logged without the library."""
    libraries = [name.strip() for name in values["shared_preload_libraries"].split(",")]
    if "pgaudit" not in libraries:
        return ()
    classes = [name.strip().lower() for name in values["pgaudit.log"].split(",")]
    taken = {name[1:] for name in classes if name.startswith("-")}
    every = ("read", "write", "function", "role", "ddl", "misc") if "all" in classes else classes
    return tuple(name for name in every if name not in taken and name != "none" and not name.startswith("-"))


def _read_whole(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def describe_files(
    set_parameters: Mapping[str, str], exports: Sequence[str], identifier: str, period: Period, now: datetime
) -> Coverage:
    """Tells how far back the log files go, and where older lines are."""
    minutes = _read_whole(set_parameters.get("rds.log_retention_period") or DEFAULTS["rds.log_retention_period"])
    kept_since = now - timedelta(minutes=minutes or int(DEFAULTS["rds.log_retention_period"]))
    exported = "postgresql" in exports
    group = f"/aws/rds/instance/{identifier}/postgresql"
    command = (
        f"aws logs filter-log-events --log-group-name {group} --start-time {int(period.since.timestamp() * 1000)}"
        f" --end-time {int(period.until.timestamp() * 1000)}"
    )
    older = f"what was deleted is in CloudWatch Logs: {command}" if exported else "not exported to CloudWatch Logs"
    if kept_since > period.since:
        text = f"files of before {kept_since:%Y-%m-%d %H:%M:%S} UTC are deleted (rds.log_retention_period); {older}"
        return Coverage("log files", Reach.NOT_RECORDED, text)
    return Coverage("log files", Reach.RECORDED, f"kept for {minutes:,} minutes (rds.log_retention_period); {older}")
