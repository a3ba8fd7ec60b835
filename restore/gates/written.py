"""What was written to a database between gate `quiesced` and the switch away from it: it would stay behind.

Quiet was observed for some seconds, hours before; the counters that `quiesced` recorded cover all the time since, and
the numbers of the tables' files what no counter counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from restore.errors import Problem, RestoreError
from restore.evidence import Store
from restore.gates.activity import WRITTEN, DatabaseUse, build_psql_command
from restore.gates.context import GateContext
from restore.gates.error_problems import build_error_problem
from restore.gates.hook import RESOURCE_ID, Watch
from restore.gates.proofs import find_record
from restore.model.gates import QUIESCED, SWITCHED
from restore.model.rds import Instance
from restore.model.request import Traffic
from restore.postgres.write_counters import WriteCounters, Written, compare_counters

NAME = "switched.written"
NEEDED = "nothing written since the freeze: the switch leaves it behind"
SHOWN = 10


def find_first_frozen_counters(store: Store, stack: str, restore_id: str, database: Instance) -> WriteCounters | None:
    """Returns the counters that `quiesced` recorded of this very instance when it was stopped last; None where it
    couldn't be asked then. A later proof of the same stop would hide what was written before it.

    Raises RestoreError when the evidence can't be read.
    """
    served = find_record(store, stack, restore_id, SWITCHED.name, database)
    since = str(served["written"]) if served else ""
    first: WriteCounters | None = None
    for record in store.read_newest_first(stack, restore_id, QUIESCED.name):
        if str(record["written"]) < since:
            break
        facts: Mapping[str, Any] = record.get("facts") or {}
        if record.get("open") is True and facts.get(RESOURCE_ID) == database.resource_id and "counters" in facts:
            first = WriteCounters.from_json(facts["counters"])
    return first


def find_written_problems(
    context: GateContext, watch: Watch, left: Instance, use: DatabaseUse, facts: dict[str, Any]
) -> Iterable[Problem]:
    """Yields the problem `switched.written`. A database that couldn't be asked at the freeze is said to be unknown, and
    holds nothing up: whoever waived that knows it. Adds to `facts`."""
    try:
        before = find_first_frozen_counters(context.store, context.plan.stack, context.plan.id, left)
    except RestoreError as error:
        return [build_error_problem(NAME, error, NEEDED)]
    if before is None:
        facts["written_since_freeze"] = "not known: quiesced has no counters of this instance"
        watch.say(f"what was written to {left.identifier} since the freeze isn't known")
        return []
    written = compare_counters(before, use.counters)
    facts["written_since_freeze"] = written.unknown or written.rows
    if not written.anything:
        return []
    if changed := [*written.rewritten, *written.dropped]:
        facts["tables_changed_since_freeze"] = changed[:SHOWN]
    other = Traffic.SOURCE if context.plan.traffic is Traffic.RESTORED else Traffic.RESTORED
    back = f"pulumi config set traffic {other}; pulumi up"
    fix = f"{build_psql_command(context, left, WRITTEN)} (shows the tables: copy what matters); or stay with it: {back}"
    return [Problem(NAME, describe_written(left, before.at, written), NEEDED, fix)]


def describe_written(left: Instance, since: datetime, written: Written) -> str:
    """Returns what was written, and where, as far as it is known."""
    parts = [
        f"rows written to {left.identifier} since {since:%H:%M:%S} UTC: {written.rows}{_name_tables(written)}"
        if not written.unknown
        else f"what was written to {left.identifier} since {since:%H:%M:%S} UTC can't be told: {written.unknown}"
    ]
    if written.rewritten:
        parts.append(f"emptied or rewritten (TRUNCATE, VACUUM FULL, ALTER TABLE): {_list(written.rewritten)}")
    if written.dropped:
        parts.append(f"dropped or renamed: {_list(written.dropped)}")
    return "; ".join(parts)


def _name_tables(written: Written) -> str:
    if not written.rows:
        return ""
    most = sorted(written.tables.items(), key=lambda item: -item[1])
    where = _list([f"{table} {rows}" for table, rows in most]) or "in which tables isn't known"
    return f" ({where})"


def _list(names: Sequence[str]) -> str:
    more = f", and {len(names) - SHOWN} more tables" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
