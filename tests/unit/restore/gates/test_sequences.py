"""Numbers that customers have seen are not given out again, where that is wanted; and always told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from restore.gates import sequences, switched
from restore.gates.sequences import MARGIN, Advance, LastValues, from_baseline, plan_advances
from restore.postgres.sequences import Name, Sequence
from tests.support.gate_worlds import PROVED, STOPPED, Databases, Stage, back, forth
from tests.support.worlds import CANDIDATE_HOST, SOURCE_HOST, SWITCHED_URL
from validation.baseline.model import Baseline, Position
from validation.expectations.table_names import Table

ORDERS: Name = ("public", "orders_id_seq")
UP = Sequence(1, 1, 2**63 - 1, cycles=False, readable=True, last=100, owner="shop_app")
DOWN = replace(UP, increment=-1, minimum=-1000, maximum=-1, last=-100)
CYCLE = replace(UP, cycles=True, maximum=500)


@pytest.fixture
def databases(monkeypatch: pytest.MonkeyPatch) -> Databases:
    databases = Databases(
        sequences={SOURCE_HOST: {ORDERS: replace(UP, last=160)}, CANDIDATE_HOST: {ORDERS: UP}},
    )
    databases.install(monkeypatch)
    return databases


def advances(last: int, sequence: Sequence, margin: int = 0) -> list[tuple[int | None, int, bool]]:
    found = plan_advances(LastValues("the source", {ORDERS: last}, margin), {ORDERS: sequence})
    return [(advance.before, advance.after, advance.allowed) for advance in found]


@pytest.mark.parametrize(
    ("last", "sequence", "planned"),
    [
        (160, UP, [(100, 160, True)]),
        (100, UP, []),
        (60, UP, []),
        (1, replace(UP, last=None), [(None, 1, True)]),
        (-160, DOWN, [(-100, -160, True)]),
        (-60, DOWN, []),
        (60, CYCLE, [(100, 60, True)]),
        (100, CYCLE, []),
        (160, replace(UP, maximum=120), [(100, 160, False)]),
        (160, replace(UP, readable=False, last=None), []),
    ],
)
def test_a_sequence_moves_on_by_its_own_direction_and_never_back(
    last: int, sequence: Sequence, planned: list[tuple[int | None, int, bool]]
) -> None:
    assert advances(last, sequence) == planned


def test_beyond_a_baseline_stands_a_margin_but_a_cycle_has_no_beyond() -> None:
    assert advances(160, replace(UP, increment=5), MARGIN) == [(100, 160 + 5 * MARGIN, True)]
    assert advances(60, CYCLE, MARGIN) == [(100, 60, True)]


def test_a_sequence_that_the_database_does_not_have_is_left_out() -> None:
    assert plan_advances(LastValues("the source", {("public", "new"): 7}), {ORDERS: UP}) == ()


def baseline(values: Mapping[Table, Position]) -> Baseline:
    return Baseline(datetime(2026, 11, 22, tzinfo=UTC), "shop", "17", {}, values)


def test_a_baseline_knows_the_last_values() -> None:
    known = from_baseline(baseline({Table("public", "orders_id_seq"): Position(160)}))
    assert plan_advances(known, {ORDERS: UP}) == (Advance(ORDERS, 100, 160 + MARGIN, allowed=True),)


def switch(at: Stage) -> bool:
    return at.prove("switched", switched.prove, receipt=PROVED) is None


def test_sequences_ahead_are_moved_before_the_switch_and_recorded(databases: Databases, tmp_path: Path) -> None:
    at = forth(tmp_path, sequences="ahead")
    assert switch(at)
    assert databases.sequences[CANDIDATE_HOST][ORDERS].last == 160
    assert databases.sequences[SOURCE_HOST][ORDERS].last == 160
    moved = at.last["facts"]["sequences"]
    assert moved == {"past": "shop", "moved": {"public.orders_id_seq": {"before": 100, "after": 160}}}
    planned = at.context.store.read_latest("prod", "inc-1", "sequences")
    assert planned
    assert planned["planned"] == {"public.orders_id_seq": 100}


def test_twice_is_once(databases: Databases, tmp_path: Path) -> None:
    assert switch(forth(tmp_path, sequences="ahead"))
    again = forth(tmp_path, sequences="ahead")
    assert switch(again)
    assert again.last["facts"]["sequences"]["moved"] == {}
    assert databases.sequences[CANDIDATE_HOST][ORDERS].last == 160


def test_without_opting_in_it_is_told_and_nothing_is_moved(databases: Databases, tmp_path: Path) -> None:
    at = forth(tmp_path)
    assert switch(at)
    [note] = at.last["facts"]["sequences_behind"]
    assert "public.orders_id_seq 100 -> 160" in note
    assert "pulumi config set sequences ahead" in note
    assert databases.sequences[CANDIDATE_HOST][ORDERS] == UP


def test_a_database_that_serves_is_never_moved(databases: Databases, tmp_path: Path) -> None:
    at = forth(tmp_path, sequences="ahead")
    at.namespace.url = SWITCHED_URL
    assert switch(at)
    assert databases.sequences[CANDIDATE_HOST][ORDERS] == UP


def test_the_way_back_tells_and_moves_nothing_of_the_source(databases: Databases, tmp_path: Path) -> None:
    databases.sequences[CANDIDATE_HOST][ORDERS] = replace(UP, last=200)
    at = back(tmp_path, sequences="ahead")
    assert switch(at)
    assert "public.orders_id_seq 160 -> 200" in at.last["facts"]["sequences_behind"][0]
    assert databases.sequences[SOURCE_HOST][ORDERS].last == 160


def test_a_dead_source_without_a_baseline_is_a_problem_that_a_person_can_waive(
    databases: Databases, tmp_path: Path
) -> None:
    databases.down[SOURCE_HOST] = STOPPED
    at = forth(tmp_path, sequences="ahead")
    assert not switch(at)
    assert set(at.problems) == {"switched.sequences"}
    assert switch(forth(tmp_path, sequences="ahead", waive={"switched.sequences": "numbers aren't shown"}))


def test_a_dead_source_with_a_baseline_stands_in_for_it(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases.down[SOURCE_HOST] = STOPPED
    known = baseline({Table("public", "orders_id_seq"): Position(160)})
    monkeypatch.setattr(sequences, "find_baseline", lambda *_: known)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    assert switch(forth(tmp_path, sequences="ahead"))
    assert databases.sequences[CANDIDATE_HOST][ORDERS].last == 160 + MARGIN


@pytest.mark.parametrize(
    ("side", "sequence", "fix"),
    [
        (CANDIDATE_HOST, replace(UP, maximum=120), 'ALTER SEQUENCE "public"."orders_id_seq" AS bigint'),
        (CANDIDATE_HOST, replace(UP, readable=False, last=None), 'GRANT "shop_app" TO CURRENT_USER'),
        (SOURCE_HOST, replace(UP, readable=False, last=None), 'GRANT "shop_app" TO CURRENT_USER'),
    ],
)
def test_what_cannot_be_moved_is_named_with_its_command(
    databases: Databases, tmp_path: Path, side: str, sequence: Sequence, fix: str
) -> None:
    databases.sequences[side][ORDERS] = sequence
    at = forth(tmp_path, sequences="ahead")
    assert not switch(at)
    assert fix in at.problems["switched.sequences"]["fix"]
