"""The words of a loss report."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

from validation.connect.query import Example

EXAMPLES = 5
"""Keys of rows to look at, at most, per table and kind of difference."""


class Status(StrEnum):
    """EQUAL: row by row the same. UNKNOWN: could not be compared; never to be read as equal."""

    EQUAL = "equal"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


class Precision(StrEnum):
    """Whether counts are exact; where they are not, a note says how they came about."""

    EXACT = "exact"
    ESTIMATED = "estimated"


class Against(StrEnum):
    """What the candidate was compared with. BASELINE: by numbers of rows and newest times alone, so that `lost` means
    fewer rows than the baseline has, and `brought_back` more."""

    SOURCE = "source"
    BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest value of a timestamp column in the baseline and in the candidate, in seconds since 1970 (UTC); None
    where there is none."""

    column: str
    source: Decimal | None
    candidate: Decimal | None

    @property
    def older(self) -> bool:
        return self.source is not None and (self.candidate is None or self.candidate < self.source)


@dataclass(frozen=True, slots=True)
class RowSet:
    """Some rows of a table. `oldest` and `newest` are in seconds since 1970 UTC (may be infinite), by the table's
    timestamp column; None without one, or where every value is null."""

    rows: int = 0
    oldest: Decimal | None = None
    newest: Decimal | None = None
    examples: tuple[Example, ...] = ()

    def __add__(self, other: RowSet) -> RowSet:
        return RowSet(
            self.rows + other.rows,
            min(_select_present(self.oldest, other.oldest), default=None),
            max(_select_present(self.newest, other.newest), default=None),
            (*self.examples, *other.examples)[:EXAMPLES],
        )

    def scale(self, factor: float) -> RowSet:
        """Returns as many times the rows; what is known of their times and keys stays."""
        return replace(self, rows=round(self.rows * factor))


def _select_present(*values: Decimal | None) -> tuple[Decimal, ...]:
    return tuple(value for value in values if value is not None)


@dataclass(frozen=True, slots=True)
class Difference:
    """`lost`: only in the source; `brought_back`: only in the candidate; `differing`: in both under one key, not
    equal, with the source's times."""

    lost: RowSet = field(default_factory=RowSet)
    brought_back: RowSet = field(default_factory=RowSet)
    differing: RowSet = field(default_factory=RowSet)

    def __add__(self, other: Difference) -> Difference:
        return Difference(
            self.lost + other.lost, self.brought_back + other.brought_back, self.differing + other.differing
        )

    def __bool__(self) -> bool:
        return bool(self.lost.rows or self.brought_back.rows or self.differing.rows)

    def scale(self, factor: float) -> Difference:
        """Returns as many times the rows of each part."""
        return Difference(*(part.scale(factor) for part in (self.lost, self.brought_back, self.differing)))


@dataclass(frozen=True)
class TableLoss:
    """What was found of one table. Row counts are None where they are not known; `key` is empty where rows were told
    apart by their whole content, or not at all; `timestamp` is the column that oldest and newest are of."""

    table: str
    status: Status
    precision: Precision = Precision.EXACT
    source_rows: int | None = None
    candidate_rows: int | None = None
    difference: Difference = field(default_factory=Difference)
    key: tuple[str, ...] = ()
    timestamp: str | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    newest: tuple[Newest, ...] = ()
    """Against a baseline: of the timestamp columns that differ."""

    @property
    def older(self) -> bool:
        """Whether a newest time is older than in the baseline: rows that were there at its time are not here."""
        return any(at.older for at in self.newest)


@dataclass(frozen=True)
class Writing:
    """Who writes to the source while it is compared: rows written (as its statistics tell, which lag by some seconds),
    transactions that were writing, and other clients' sessions on its database."""

    rows: int
    transactions: int
    sessions: int


@dataclass(frozen=True)
class LossReport:
    """`source` is a database, or the baseline that stands for it. `source_taken` and `candidate_taken` are the times
    of the compared states, seconds since 1970; `writing` is None where nobody could tell; `problems` say why nothing,
    or not all, could be compared, `fix` what to do then, `notes` what else there is to know."""

    tables: tuple[TableLoss, ...]
    source: str
    candidate: str
    source_taken: Decimal | None = None
    candidate_taken: Decimal | None = None
    seconds: float = 0.0
    writing: Writing | None = None
    problems: tuple[str, ...] = ()
    against: Against = Against.SOURCE
    fix: str = ""
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> Difference:
        """Over all tables, as far as they are known; without examples, which mean nothing without their table."""
        return sum((_remove_examples(table.difference) for table in self.tables), Difference())

    @property
    def precision(self) -> Precision:
        exact = not self.problems and all(t.precision is Precision.EXACT for t in self.tables)
        return Precision.EXACT if exact else Precision.ESTIMATED

    @property
    def status(self) -> Status:
        """DIFFERENT as soon as one table differs; EQUAL only when every table was compared and is equal."""
        statuses = {table.status for table in self.tables}
        if Status.DIFFERENT in statuses:
            return Status.DIFFERENT
        return Status.EQUAL if statuses == {Status.EQUAL} and not self.problems else Status.UNKNOWN

    def select_status(self, status: Status) -> tuple[TableLoss, ...]:
        """Returns the tables of this status."""
        return tuple(table for table in self.tables if table.status is status)


def _remove_examples(difference: Difference) -> Difference:
    parts = (difference.lost, difference.brought_back, difference.differing)
    return Difference(*(replace(part, examples=()) for part in parts))
