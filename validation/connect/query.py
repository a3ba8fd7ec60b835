"""Questions to a server, and their answers. Silence is an outcome of its own, so that nobody can take it for a pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from psycopg import sql

from validation.verdict import Verdict

Row = Mapping[str, Any]
Example = Mapping[str, str | None]
"""The key of a row to look at: column names and their values as text, never the whole row."""

BORROWED = "validation_borrowed"
"""The schema of an extension that a session borrows: created in a transaction that is never committed."""


class Side(StrEnum):
    """Which server is asked, and with whose login."""

    CANDIDATE = "candidate"
    SOURCE = "source"
    APPLICATION = "application"
    """The candidate, with the application's own login."""


@dataclass(frozen=True)
class Question:
    """One read-only statement that always answers with at least one row, unless it `may_be_empty`; `cost` is in
    pages, to order them by. Questions with the same id are asked once.

    `seconds` is a statement timeout of its own, which counts where it is shorter than that of all; `settings` hold
    for this question alone; `borrows` is an extension that the session must have created in its own transaction. An
    `administrative` one is asked with the administrator's login, where the run was given one.
    """

    id: str
    statement: sql.Composed
    side: Side = Side.CANDIDATE
    cost: int = 0
    seconds: float | None = None
    settings: tuple[tuple[str, str], ...] = ()
    borrows: str | None = None
    administrative: bool = False
    may_be_empty: bool = False
    reads: tuple[str, ...] = ()
    """The tables whose rows it reads, by schema and name; empty where that isn't known."""


@dataclass(frozen=True)
class Answer:
    """The rows, and the seconds that reading them took."""

    rows: tuple[Row, ...]
    seconds: float = 0.0

    @property
    def row(self) -> Row:
        return self.rows[0]


@dataclass(frozen=True)
class Unanswered:
    """Why there is no answer; `lost` when the session is gone and can answer nothing else."""

    verdict: Verdict
    found: str
    fix: str
    seconds: float = 0.0
    lost: bool = False


Answers = Mapping[str, Answer | Unanswered]
