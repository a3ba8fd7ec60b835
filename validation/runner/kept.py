"""Answers that a run keeps as they come, for one after it that was cut off.

An answer is taken again for the same question of tables whose files, indexes and counters of written rows are the same
as before. Only what was costly to read is kept.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, Protocol, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from validation.connect.query import Answer, Question, Row, Side
from validation.connect.query_runner import Budget, ask_all
from validation.connect.session import Unreachable, connect
from validation.connect.target import Target
from validation.expectations.table_names import Table
from validation.runner.query_order import CHEAP
from validation.sql.queries import query, render_text
from validation.times import format_rfc3339

STATES = Question("table-states", query("table_states"))
EVERY_SECONDS = 5.0
"""How much reading a kill may cost."""
Kind = Literal["decimal", "plain"]


class AnswerStore(Protocol):
    """One document, of one database instance."""

    def read(self) -> bytes | None:
        """Returns what was written last; None for nothing, and where it can't be had."""
        ...

    def write(self, content: bytes) -> None:
        """Takes the place of what was written before; what can't be written is told by the store, and lost."""
        ...


class KeptAnswer(BaseModel):
    """Rows of name, kind and value of each column; the seconds that reading them took; when (RFC 3339)."""

    model_config = ConfigDict(extra="forbid")
    rows: list[dict[str, tuple[Kind, Any]]]
    seconds: float
    at: str


class Document(BaseModel):
    """What is kept of a run: answers by the fingerprint of question and tables."""

    model_config = ConfigDict(extra="forbid")
    format: Literal[1] = 1
    answers: dict[str, KeptAnswer]


@dataclass
class KeptAnswers:
    """What is known of earlier runs, and what this one adds. Without a store nothing is."""

    store: AnswerStore | None = None
    states: Mapping[str, str] = field(default_factory=dict[str, str])
    """By table; what has none is neither recalled nor kept."""
    recalled: list[str] = field(default_factory=list[str])
    """When the answers were given that were taken again (RFC 3339)."""
    now: Callable[[], float] = time.monotonic
    _document: dict[str, KeptAnswer] = field(default_factory=dict[str, "KeptAnswer"])
    _prints: dict[str, str] = field(default_factory=dict[str, str])
    _written: float = 0.0
    _pending: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def open(cls, store: AnswerStore | None, target: Target, budget: Budget) -> KeptAnswers:
        """Reads what earlier runs kept, and the state of the tables. To be called before the snapshot is taken that the
        questions are asked on: what is written in between then counts as a change."""
        return cls() if store is None else cls.read(store, read_states(target, budget))

    @classmethod
    def read(cls, store: AnswerStore, states: Mapping[str, str]) -> KeptAnswers:
        """Reads what earlier runs kept."""
        return cls(store, states, _document=_read_document(store.read()))

    def recall(self, questions: Iterable[Question]) -> dict[str, Answer]:
        """Returns the answers that still hold, by the questions' ids."""
        answers: dict[str, Answer] = {}
        for question in questions:
            mark = take_fingerprint(question, self.states)
            if mark is None:
                continue
            self._prints[question.id] = mark
            if entry := self._document.get(mark):
                answers[question.id] = Answer(tuple(_read_row(row) for row in entry.rows), entry.seconds)
                self.recalled.append(entry.at)
        return answers

    def hear(self, name: str, answer: Answer) -> None:
        """Keeps an answer, unless it was cheap, or has a value that can't be written."""
        mark = self._prints.get(name)
        if mark is None:
            return
        try:
            rows = [_write_row(row) for row in answer.rows]
        except TypeError:
            return
        with self._lock:
            self._document[mark] = KeptAnswer(rows=rows, seconds=answer.seconds, at=format_rfc3339(datetime.now(UTC)))
            self._pending = True
        if self.now() - self._written >= EVERY_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Writes what was heard since."""
        with self._lock:
            if self.store is None or not self._pending:
                return
            self.store.write(Document(answers=self._document).model_dump_json().encode())
            self._written, self._pending = self.now(), False


def read_states(target: Target, budget: Budget) -> Mapping[str, str]:
    """Returns the state of each table, by schema and name; nothing where the server doesn't tell."""
    try:
        session = connect(target)
    except Unreachable:
        return {}
    try:
        outcome = ask_all(session, (STATES,), budget)[STATES.id]
    finally:
        session.close()
    if not isinstance(outcome, Answer):
        return {}
    rows: list[Row] = outcome.row["states"]
    return {str(Table(row["schema"], row["name"])): row["state"] for row in rows if row["state"] is not None}


def take_fingerprint(question: Question, states: Mapping[str, str]) -> str | None:
    """Returns what changes when the question or what it reads does; None where its answer isn't worth keeping, or not
    known to hold."""
    if question.cost <= CHEAP or question.side is not Side.CANDIDATE or not question.reads:
        return None
    if any(table not in states for table in question.reads):
        return None
    parts = (render_text(question.statement), *map(str, question.settings), *(states[t] for t in question.reads))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _read_document(content: bytes | None) -> dict[str, KeptAnswer]:
    """The answers by fingerprint; none of a document of another form."""
    try:
        return Document.model_validate_json(content).answers if content else {}
    except ValidationError:
        return {}


def _write_row(row: Row) -> dict[str, tuple[Kind, Any]]:
    """A row that JSON gives back as it was. Raises TypeError for any other kind of value."""
    return {name: _tag(value) for name, value in row.items()}


def _tag(value: object) -> tuple[Kind, Any]:
    if isinstance(value, Decimal):
        return "decimal", str(value)
    if value is None or isinstance(value, str | int | float):
        return "plain", value
    if isinstance(value, list | dict):
        return "plain", cast("Any", value)
    raise TypeError(type(value).__name__)


def _read_row(row: Mapping[str, tuple[Kind, Any]]) -> Row:
    return {name: Decimal(value) if kind == "decimal" else value for name, (kind, value) in row.items()}
