"""What was read is read again only if it may have changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from psycopg import sql

from validation.connect.query import Answer, Question, Side
from validation.runner.kept import EVERY_SECONDS, KeptAnswers, take_fingerprint

SCAN = Question("scan:public.t", sql.SQL("select 1").format(), cost=5000, reads=("public.t",))
STATES = {"public.t": "as-it-was", "public.u": "other"}
ANSWER = Answer(({"rows": 3, "newest": Decimal("1.25"), "none": None, "list": [{"a": 1}], "ok": True},), 12.5)


@dataclass
class Memory:
    content: bytes | None = None
    writes: int = 0

    def read(self) -> bytes | None:
        return self.content

    def write(self, content: bytes) -> None:
        self.content, self.writes = content, self.writes + 1


def opened(memory: Memory, states: dict[str, str] = STATES, question: Question = SCAN) -> KeptAnswers:
    kept = KeptAnswers.read(memory, states)
    kept.recall([question])
    return kept


def cut_off(memory: Memory) -> None:
    """A run that hears one answer, and is then killed."""
    opened(memory).hear(SCAN.id, ANSWER)


def test_an_answer_outlives_a_kill_as_it_was() -> None:
    memory = Memory()
    cut_off(memory)
    recalled = KeptAnswers.read(memory, STATES).recall([SCAN])
    assert recalled == {SCAN.id: ANSWER}
    assert isinstance(recalled[SCAN.id].row["newest"], Decimal)


def test_an_answer_about_a_table_that_has_changed_is_never_taken_again() -> None:
    memory = Memory()
    cut_off(memory)
    assert KeptAnswers.read(memory, {"public.t": "written to"}).recall([SCAN]) == {}
    assert KeptAnswers.read(memory, {}).recall([SCAN]) == {}
    assert KeptAnswers.read(memory, {**STATES, "public.u": "another table"}).recall([SCAN])


@pytest.mark.parametrize(
    "changed",
    [
        replace(SCAN, statement=sql.SQL("select 2").format()),
        replace(SCAN, settings=(("enable_seqscan", "off"),)),
        replace(SCAN, reads=("public.t", "public.u")),
    ],
)
def test_another_question_is_asked_again(changed: Question) -> None:
    memory = Memory()
    cut_off(memory)
    assert KeptAnswers.read(memory, STATES).recall([changed]) == {}


@pytest.mark.parametrize(
    "question",
    [replace(SCAN, cost=10), replace(SCAN, side=Side.SOURCE), replace(SCAN, reads=()), replace(SCAN, reads=("x.y",))],
)
def test_what_is_cheap_or_of_the_source_or_of_unknown_tables_is_asked_each_time(question: Question) -> None:
    assert take_fingerprint(question, STATES) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 2, "answers": {}}', b'{"answers": {"x": 1}}'])
def test_a_damaged_document_costs_reading_and_nothing_else(content: bytes) -> None:
    assert KeptAnswers.read(Memory(content), STATES).recall([SCAN]) == {}


def test_a_value_that_cannot_be_written_is_not_kept() -> None:
    memory = Memory()
    kept = opened(memory)
    kept.hear(SCAN.id, Answer(({"value": object()},)))
    kept.flush()
    assert memory.content is None


def test_the_store_is_written_to_now_and_then_and_at_the_end() -> None:
    memory, clock = Memory(), [0.0]
    kept = opened(memory)
    kept.now = lambda: clock[0]
    clock[0] = 100.0
    kept.hear(SCAN.id, ANSWER)
    kept.hear(SCAN.id, ANSWER)
    assert memory.writes == 1
    clock[0] += EVERY_SECONDS
    kept.hear(SCAN.id, ANSWER)
    kept.hear(SCAN.id, ANSWER)
    kept.flush()
    kept.flush()
    assert memory.writes == 3


def test_without_a_store_nothing_is_kept() -> None:
    kept = KeptAnswers()
    assert kept.recall([SCAN]) == {}
    kept.hear(SCAN.id, ANSWER)
    kept.flush()
