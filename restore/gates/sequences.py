"""Sequences that went back with the data: numbers that customers have seen are given out again.

Told in the loss report and by gate `switched`; with the config key `sequences: ahead` the candidate's are moved past
what the source gave out, before it serves, and never once it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from restore import postgres
from restore.errors import Problem, RestoreError
from restore.gates.activity import build_psql_command
from restore.gates.baselines import find_baseline
from restore.gates.context import GateContext
from restore.gates.error_problems import build_error_problem
from restore.gates.hook import Watch
from restore.model.rds import Instance
from restore.postgres.sequences import Name, Sequence
from validation.baseline.model import Baseline, BaselineError

NAME = "switched.sequences"
NEEDED = "sequences past what the source gave out (config key sequences)"
MARGIN = 10_000
"""Steps beyond a baseline: the source went on after it was taken."""
SHOWN = 5


@dataclass(frozen=True)
class LastValues:
    """The last values that were given out elsewhere, by name, and where that is known from."""

    where: str
    values: Mapping[Name, int]
    margin: int = 0
    """Steps to go beyond them."""
    unreadable: tuple[Name, ...] = ()


@dataclass(frozen=True)
class Advance:
    """A sequence that is behind: where it stands, and where it is to stand."""

    name: Name
    before: int | None
    after: int
    allowed: bool
    """Whether the sequence can have this value."""

    @property
    def label(self) -> str:
        return ".".join(self.name)

    @property
    def text(self) -> str:
        return f"{self.label} {'unused' if self.before is None else self.before} -> {self.after}"


def plan_advances(last_values: LastValues, present: Mapping[Name, Sequence]) -> tuple[Advance, ...]:
    """Returns the sequences that are behind what is known, those that the database doesn't have left out. Pure."""
    advances: list[Advance] = []
    for name, last in last_values.values.items():
        sequence = present.get(name)
        if sequence and sequence.readable and sequence.is_behind(last):
            after = choose_target(sequence, last, last_values.margin)
            advances.append(Advance(name, sequence.last, after, sequence.allows(after)))
    return tuple(advances)


def choose_target(sequence: Sequence, last: int, margin: int) -> int:
    """Returns where a sequence is to stand: `margin` values beyond `last`. One that cycles takes the place of the
    other, for it has no beyond."""
    return last if sequence.cycles else last + margin * sequence.increment


def from_server(where: str, sequences: Mapping[Name, Sequence]) -> LastValues:
    """Returns what a database gave out. Pure."""
    values = {name: sequence.last for name, sequence in sequences.items() if sequence.last is not None}
    unreadable = tuple(name for name, sequence in sequences.items() if not sequence.readable)
    return LastValues(where, values, unreadable=unreadable)


def from_baseline(baseline: Baseline) -> LastValues:
    """Returns what a baseline knows to be given out, with the margin for what came after it. Pure."""
    values = {(table.schema, table.name): position.last for table, position in baseline.sequences.items()}
    return LastValues(f"the baseline of {baseline.taken:%Y-%m-%d %H:%M} UTC plus {MARGIN:,} steps", values, MARGIN)


def describe_behind(last_values: LastValues, behind: Iterable[Advance]) -> str:
    """Returns one sentence for the loss report and for `up`; empty where none is behind."""
    named = [advance.text for advance in behind]
    if not named:
        return ""
    more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    return (
        f"{len(named)} sequences go back behind {last_values.where}: numbers that were given out are given out again "
        f"({', '.join(named[:SHOWN])}{more})"
    )


def read_sequences(context: GateContext, instance: Instance) -> Mapping[Name, Sequence]:
    """Reads them with the operator's login. Raises RestoreError."""
    with context.connect(instance) as connection:
        return postgres.list_sequences(connection)


def tell_behind(context: GateContext, watch: Watch, database: Instance, other: Instance | None) -> tuple[str, ...]:
    """Returns what is said of the sequences of a database that is to serve after the other one: a note, or none. That
    they can't be read is a note too."""
    try:
        if other is None:
            return ()
        last_values = from_server(other.identifier, read_sequences(context, other))
        behind = plan_advances(last_values, read_sequences(context, database))
    except RestoreError as error:
        if watch.stop.is_set():
            raise
        return (f"whether sequences go back isn't known: {error.problem.found if error.problem else error}",)
    said = describe_behind(last_values, behind)
    if said and context.is_candidate(database) and not context.settings.sequences:
        said += ". To avoid that: pulumi config set sequences ahead"
    return (said,) if said else ()


def move_sequences(
    context: GateContext, watch: Watch, database: Instance, left: Instance | None, facts: dict[str, Any]
) -> Iterable[Problem]:
    """Moves the candidate's sequences on where the configuration wants it, and tells otherwise. Adds to `facts`.

    Args:
        database: the one that is to serve; it doesn't yet.
        left: the other one; None where it is gone or can't be asked.
    """
    if not (context.settings.sequences and context.is_candidate(database)):
        notes = tell_behind(context, watch, database, left)
        facts["sequences_behind"] = list(notes)
        for note in notes:
            watch.say(note)
        return []
    try:
        last_values = find_last_values(context, left)
        if isinstance(last_values, Problem):
            return [last_values]
        return advance_all(context, watch, database, last_values, facts)
    except RestoreError as error:
        if watch.stop.is_set():
            raise
        return [build_error_problem(NAME, error, NEEDED)]


def find_last_values(context: GateContext, left: Instance | None) -> LastValues | Problem:
    """Returns what the source gave out, by itself or by its newest baseline; a problem where neither tells."""
    if left:
        return from_server(left.identifier, read_sequences(context, left))
    newest = find_baseline(context, None)
    if isinstance(newest, Baseline):
        return from_baseline(newest)
    why = str(newest) if isinstance(newest, BaselineError) else "no baselines of it are known"
    fix = "pulumi config set --path validation.baseline <directory or s3://bucket/prefix>; pulumi up"
    return Problem(NAME, f"the source can't be asked which numbers it gave out, and {why}", NEEDED, fix)


def advance_all(
    context: GateContext, watch: Watch, database: Instance, last_values: LastValues, facts: dict[str, Any]
) -> list[Problem]:
    """Sets every sequence that is behind; the problem names those that can't be. Safe to repeat after a kill: what is
    done is behind no longer. Raises RestoreError."""
    present = read_sequences(context, database)
    behind = plan_advances(last_values, present)
    moved = [advance for advance in behind if advance.allowed]
    if moved:  # first, so that a run that is killed between them has told where they stood
        record = {
            "subject": database.identifier,
            "past": last_values.where,
            "planned": {a.label: a.before for a in moved},
        }
        context.store.write(context.plan.stack, context.plan.id, "sequences", record)
    with context.administer(database) as connection:
        for advance in moved:
            postgres.set_sequence(connection, advance.name, advance.after)
    after = read_sequences(context, database)
    facts["sequences"] = {
        "past": last_values.where,
        "moved": {a.label: {"before": a.before, "after": after[a.name].last} for a in moved},
    }
    watch.say(f"{len(moved)} sequences of {database.identifier} are past {last_values.where}")
    unread = [*last_values.unreadable, *(name for name, sequence in present.items() if not sequence.readable)]
    return [*find_exhausted(context, database, behind), *find_unreadable(context, database, present, unread)]


def find_exhausted(context: GateContext, database: Instance, behind: Iterable[Advance]) -> list[Problem]:
    """Returns the sequences whose limits don't allow what they would have to have."""
    full = [advance for advance in behind if not advance.allowed]
    if not full:
        return []
    found = f"beyond the limits of the sequence: {', '.join(advance.text for advance in full[:SHOWN])}"
    statement = sql.SQL("ALTER SEQUENCE {} AS bigint NO MAXVALUE").format(sql.Identifier(*full[0].name)).as_string()
    return [Problem(NAME, found, NEEDED, f"{build_psql_command(context, database, statement)}; pulumi up")]


def find_unreadable(
    context: GateContext, database: Instance, present: Mapping[Name, Sequence], names: list[Name]
) -> list[Problem]:
    """Returns the sequences whose values the operator's login may not see."""
    if not names:
        return []
    shown = ", ".join(".".join(name) for name in dict.fromkeys(names[:SHOWN]))
    owner = next((present[name].owner for name in names if name in present), "<owner>")
    statement = sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(owner)).as_string()
    found = f"the operator's login may not see {len(names)} sequences: {shown}"
    return [Problem(NAME, found, NEEDED, f"{build_psql_command(context, database, statement)}; pulumi up")]
