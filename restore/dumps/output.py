"""What the command says, as text. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from restore.dumps.catalog.listing import read_times
from restore.dumps.model import Dump, LoadResult, Scan, TargetPreview, Verification
from restore.errors import list_problems
from restore.units import TIME_FORMAT, format_duration, format_size

LOAD_RATE = 45e6
"""Bytes of SQL text per second, indexes included. 2.08 GB took 34 s on 2 processors shared with the server, in a fast
phase of that machine (bench/dumps): this is a quarter less.
"""
MOST_TABLES = 15
REFUSED = 'docs/dumps.md, "What the server refuses"'


def dump_as_json(dump: Dump) -> dict[str, Any]:
    """Returns the facts of a dump as JSON-like values; `taken` is in UTC."""
    return {
        "dump": dump.url,
        "taken": read_times(dump)[0].isoformat(),
        "bytes": dump.size,
        "storageClass": dump.storage_class,
        "readable": dump.readable,
        "versionId": dump.version_id,
    }


def render_list(dumps: Sequence[Dump], now: datetime | None = None) -> str:
    """Returns age, size, storage class and key of each; what to do about archived ones."""
    if not dumps:
        return "no dump there"
    lines = [_format_row(dump, now or datetime.now(UTC)) for dump in dumps]
    archived = [dump for dump in dumps if not dump.readable]
    if archived:
        lines.append("archived ones need a restore request first: `plan` on one of them says which")
    return "\n".join(lines)


def _format_row(dump: Dump, now: datetime) -> str:
    taken = read_times(dump)[0]
    note = dump.storage_class if dump.readable else f"{dump.storage_class}, archived"
    age, size = format_duration(now - taken), format_size(dump.size)
    return f"{taken:{TIME_FORMAT}}  {age:>12} old  {size:>9}  {note}  {dump.url}"


def render_plan(scan: Scan, preview: TargetPreview | None = None) -> str:
    """Returns what is in a dump, what it needs, and what is wrong with it; of a target, what it will refuse."""
    packed = "" if scan.compression.value == "none" else f", {scan.compression.value}"
    stored, text, room = map(format_size, (scan.dump.size, scan.bytes, scan.target_bytes))
    took = format_duration(timedelta(seconds=scan.bytes / LOAD_RATE))
    lines = [
        f"{scan.dump.url}",
        f"  format      {scan.format.value}{packed}, {stored} stored, {text} of SQL text",
        f"  from        PostgreSQL {scan.server_version or '(unknown)'}, pg_dump {scan.dump_version or '(unknown)'}",
        f"  rows        {scan.rows:,} in {len(scan.tables)} tables",
        f"  roles       {', '.join(scan.roles) or 'none'}",
        f"  extensions  {', '.join(scan.extensions) or 'none'}",
        f"  definer     {_shorten_names(scan.security_definer)} (SECURITY DEFINER: run with their owner's rights)",
        f"  target      at least {room} of storage; about {took} on 2 processors",
    ]
    lines += [
        f"    {table.rows:>14,}  {format_size(table.bytes):>9}  {table.name}" for table in scan.tables[:MOST_TABLES]
    ]
    if len(scan.tables) > MOST_TABLES:
        lines.append(f"    ... and {len(scan.tables) - MOST_TABLES} smaller tables")
    if drops := scan.statements.get("drop"):
        lines.append(f"  left out    drops of pg_dump --clean: {drops} (the target must be empty)")
    lines += [f"  left out    {text}" for text in scan.left_out]
    if preview:
        lines += [f"  the target will refuse {item.kind} {item.name}: {item.reason}" for item in preview.refusals]
    problems = (*scan.problems, *(preview.problems if preview else ()))
    if problems:
        lines.append(f"it can't be loaded as it is:\n{list_problems(problems)}")
    return "\n".join(lines)


def render_load(result: LoadResult, script: str = "") -> str:
    """Renders what a load did, and its warnings; `script` is the file with the SQL of what was not loaded."""
    if result.already_loaded:
        already = f"{result.dump.url} is loaded already ({result.rows:,} rows): nothing was done"
        return "\n".join([already, *_render_not_loaded(result, ""), *_render_warnings(result)])
    phases = ", ".join(
        f"{name} {format_duration(timedelta(seconds=seconds))}"
        for name, seconds in result.phases.items()
        if seconds >= 0.5
    )
    took = format_duration(timedelta(seconds=result.seconds))
    before = " (went on with an earlier attempt)" if result.resumed else ""
    lines = [
        f"loaded {result.dump.url}: {result.rows:,} rows, {format_size(result.bytes)} of SQL text in {took}{before}"
    ]
    if phases:
        lines.append(f"  {phases}")
    if result.created_roles:
        lines.append(f"  made as NOLOGIN: {', '.join(result.created_roles)}")
    lines += [f"  left out: {text}" for text in result.skipped]
    return "\n".join([*lines, *_render_not_loaded(result, script), *_render_warnings(result)])


def _render_not_loaded(result: LoadResult, script: str) -> list[str]:
    if not result.not_loaded:
        return []
    lines = [f"not loaded, because the server refused it: {len(result.not_loaded)}"]
    for item in result.not_loaded:
        lines.append(f"  {item.kind} {item.name}: {item.reason}{f' (dump, line {item.line})' if item.line else ''}")
        lines += [f"    {item.hint}"] if item.hint else []
    if script:
        return [*lines, f"  fix: put right what the messages say; psql -f {script} (everything else is loaded)"]
    if result.already_loaded:
        return [*lines, f"  fix: run the script of the load that said so first ({REFUSED})"]
    shown = [f"    {line}" for item in result.not_loaded if item.sql for line in f"{item.sql};".splitlines()]
    fix = f"  fix: put right what the messages say, then run these ({REFUSED}):"
    return [*lines, *([fix, *shown] if shown else [])]


def _render_warnings(result: LoadResult) -> list[str]:
    """What somebody must look at."""
    lines: list[str] = []
    if result.security_definer:
        lines.append(f"  run with their owner's rights (SECURITY DEFINER): {_shorten_names(result.security_definer)}")
    if result.logins:
        names = ", ".join(result.logins)
        lines.append(
            f"  functions of the dump ran as {names}: if you don't trust it, set the password again (\\password)"
        )
    if result.server_changes:
        lines.append("something changed on the server meanwhile that the load did not change:")
        lines += [f"  {change}" for change in result.server_changes]
        lines.append("  fix: find out who did it; if nobody knows, use neither this dump nor this server")
    return lines


def _shorten_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_TABLES} more" if len(names) > MOST_TABLES else ""
    return f"{', '.join(names[:MOST_TABLES])}{more}" if names else "none"


def render_verification(verification: Verification) -> str:
    """Renders whether database and dump are equal, otherwise every difference."""
    if verification.passed:
        rows = sum(table.target or 0 for table in verification.tables)
        return (
            f"equal: {rows:,} rows in {len(verification.tables)} tables, {verification.checked_sequences} sequences;"
            " indexes and constraints valid"
        )
    lines = ["different:"] if verification.tables else ["nothing to compare: the dump has no table data"]
    lines += [
        f"  {table.name}: {_count(table.dump)} in the dump, {_count(table.target)} in the target"
        for table in verification.tables
        if not table.equal
    ]
    lines += [
        f"  sequence {name}: {dump} in the dump, {target} in the target"
        for name, (dump, target) in verification.sequences.items()
    ]
    lines += [f"  invalid index {name}" for name in verification.invalid_indexes]
    lines += [f"  not validated: constraint {name}" for name in verification.unvalidated_constraints]
    return "\n".join(lines)


def _count(rows: int | None) -> str:
    return "no such table" if rows is None else f"{rows:,} rows"
