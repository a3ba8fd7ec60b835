"""The words of a rescue: what is asked for, what a table looks like, what was found and what was done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from psycopg import sql

from validation.expectations.table_names import Table


class OnDelete(StrEnum):
    """What a foreign key does to its rows when the row they refer to is deleted (pg_constraint.confdeltype)."""

    NOTHING = "a"
    RESTRICT = "r"
    CASCADE = "c"
    SET_NULL = "n"
    SET_DEFAULT = "d"


@dataclass(frozen=True)
class ForeignKey:
    """Columns of `child` that refer to the columns of `parent`, in the same order."""

    name: str
    child: Table
    child_columns: tuple[str, ...]
    parent: Table
    parent_columns: tuple[str, ...]
    on_delete: OnDelete
    operators: tuple[str, ...] = ()
    """What compares each pair of columns, as SQL; empty for PostgreSQL's own `=`."""


@dataclass(frozen=True)
class Trigger:
    """A trigger of the team's that fires in an ordinary session. `state` is pg_trigger.tgenabled: O or A."""

    relation: Table
    name: str
    state: str


@dataclass(frozen=True)
class TableFacts:
    """A table of the database that serves, as its catalog has it."""

    table: Table
    is_partitioned: bool
    writable: tuple[str, ...]
    """Columns that can be inserted: all but the generated ones."""
    changeable: tuple[str, ...]
    """Of these, the ones that UPDATE can set: not those GENERATED ALWAYS AS IDENTITY."""
    operators: tuple[tuple[str, str], ...]
    """Column and what compares its values, as SQL: of types that aren't PostgreSQL's own (citext, ltree)."""
    owner: str
    triggers: tuple[Trigger, ...]
    sequences: tuple[tuple[str, str], ...]
    """Column and sequence, as SQL: of serial and identity columns that are integers."""
    counters: tuple[str, ...]
    """Every sequence, as SQL, that a column's default asks or that belongs to a column."""
    defers_unique: bool
    """Whether a unique or an exclusion constraint is DEFERRABLE: ON CONFLICT can't be used (documentation, INSERT)."""
    unique: tuple[tuple[str, ...], ...]
    """Columns of each unique index, the key's too; those with an expression, a condition or a type of an extension
    are left out."""
    has_rules: bool
    may_read: bool
    may_insert: bool
    may_update: bool
    may_alter: bool

    @property
    def relation(self) -> sql.Composable:
        """For FROM and UPDATE: without the rows of tables that inherit from it, which are those tables' own."""
        return self.table.identifier if self.is_partitioned else sql.SQL("ONLY {}").format(self.table.identifier)


@dataclass(frozen=True)
class Wish:
    """What an operator asks for."""

    table: Table
    where: str = ""
    """SQL about the candidate's rows; empty for all."""
    written_by: tuple[str, ...] = ()
    """Transactions, by their number (xmin), whose versions of rows are overwritten: the incident's own."""
    damaged: str = ""
    """SQL about the source's rows: those for which it is true are overwritten, whoever wrote them."""
    overwrite: bool = False
    """Whether every row that differs is overwritten, whoever wrote it."""
    columns: tuple[str, ...] = ()
    """Columns that are compared and overwritten; empty for all. A missing row comes back whole."""
    with_children: bool = False
    fire_triggers: bool = False

    @property
    def overwrites(self) -> bool:
        """Whether any row that differs may be overwritten."""
        return bool(self.written_by or self.damaged or self.overwrite)


@dataclass(frozen=True)
class Writer:
    """The rows that differ and whose present version one transaction wrote. `committed` is a time as text, or empty
    where the server doesn't keep it (track_commit_timestamp)."""

    transaction: str
    rows: int
    committed: str = ""


@dataclass(frozen=True)
class Found:
    """What is missing or differs of one table. Keys are examples, as text."""

    table: Table
    read: int
    """Rows that the candidate sent."""
    lost: int
    differing: tuple[Writer, ...]
    examples: tuple[str, ...] = ()
    overwritten: int = 0
    """Of those that differ, the rows that the wish overwrites."""
    why: str = ""
    """Why this table is looked at, when it is another than the one that was asked for."""

    @property
    def different(self) -> int:
        return sum(writer.rows for writer in self.differing)


@dataclass(frozen=True)
class Done:
    """What was written to one table. `kept` rows could not be written: another row has a value that must be unique, or
    the row they refer to is gone."""

    table: Table
    inserted: int
    overwritten: int
    kept: int
    sequences: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    """The columns of the key."""
    kept_keys: tuple[str, ...] = ()
    """The keys of the rows that are kept, each a JSON array of texts."""


class Reason(StrEnum):
    """Why a row of the candidate isn't carried."""

    NEW = "new on both sides: two rows with one key"
    EITHER = "new or changed on both sides: perhaps two rows with one key"
    CHANGED = "changed on both sides"
    UNKNOWN = "differs, and when the source's row was written isn't known"
    UNIQUE = "another row of the source has its unique value"
    REFERS = "refers to a row that is set apart"
    REFUSED = "a constraint of the source refuses it"
    NO_TABLE = "the source has no such table, or not with this key"


@dataclass(frozen=True)
class Apart:
    """Rows of a table that are not carried for one reason; the source's rows of these keys stay as they are. Each key
    is a JSON array of the values of `columns`, as text."""

    table: Table
    reason: Reason
    columns: tuple[str, ...]
    keys: tuple[str, ...]
