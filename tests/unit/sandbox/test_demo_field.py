"""The demo of the worst troubles fails as soon as one restore ends otherwise than it should."""

from __future__ import annotations

import io
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from sandbox.application import names
from sandbox.demo import field_restores
from sandbox.demo.field_cases import Case
from sandbox.demo.proofs import Line
from sandbox.demo.stage import DemoError, Stage
from sandbox.demo.witness import APPLICATIONS, Witness, World, serving_lines, stopped_line
from sandbox.machine.layout import Layout

CANDIDATE = f"{names.INSTANCE}-case"
SERVED = World(
    statuses={names.INSTANCE: "stopped", CANDIDATE: "available"},
    resource_ids={names.INSTANCE: "db-A", CANDIDATE: "db-B"},
    serves=CANDIDATE,
    ready=APPLICATIONS,
    sessions={names.INSTANCE: None, CANDIDATE: APPLICATIONS},
)


@dataclass(frozen=True)
class Looking(Witness):
    """A witness that asks nobody."""

    writes: bool = True

    def newest(self, identifier: str) -> datetime:
        return datetime(2026, 11, 22, tzinfo=UTC)

    def sees_writes(self, identifier: str) -> bool:
        return self.writes


def holds(world: World, *, writes: bool = True) -> bool:
    witness = Looking(Layout.at(Path("/nowhere")), "case", writes)
    return all(line.holds for line in serving_lines(witness, world, CANDIDATE))


def test_applications_that_all_write_to_one_database_serve() -> None:
    assert holds(SERVED)


@pytest.mark.parametrize(
    "world",
    [
        replace(SERVED, serves=names.INSTANCE),
        replace(SERVED, ready=APPLICATIONS - 1),
        replace(SERVED, sessions={names.INSTANCE: 1, CANDIDATE: APPLICATIONS}),
        replace(SERVED, sessions={names.INSTANCE: 0, CANDIDATE: APPLICATIONS - 1}),
        replace(SERVED, sessions={names.INSTANCE: 0, CANDIDATE: None}),
    ],
)
def test_a_pod_on_another_database_or_on_none_is_no_service(world: World) -> None:
    assert not holds(world)


def test_a_database_in_which_no_row_arrives_serves_nobody() -> None:
    assert not holds(SERVED, writes=False)


def test_one_session_is_enough_not_to_call_a_database_unused() -> None:
    silent = replace(SERVED, ready=0, sessions={names.INSTANCE: None, CANDIDATE: 0})
    assert stopped_line(silent).holds
    assert not stopped_line(replace(silent, sessions={CANDIDATE: 1})).holds
    assert not stopped_line(replace(silent, ready=1)).holds


def test_a_case_that_ends_early_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks_off(_stage: Stage, _witness: Witness) -> list[Line]:
        raise DemoError("pulumi up: exit code 1")

    def no_sandbox(_stage: Stage, *, keep: bool) -> nullcontext[None]:
        return nullcontext()

    monkeypatch.setattr(field_restores, "running_sandbox", no_sandbox)
    monkeypatch.setattr(field_restores, "CASES", (Case("case", "A case", breaks_off),))
    assert field_restores.main([]) == 1


def test_the_table_fits_a_terminal_of_80_columns() -> None:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(field_restores.table_of({"A long title of a case " * 3: [Line("seen " * 20, "x" * 300, True)]}))
    assert max(map(len, console.export_text().splitlines())) == field_restores.WIDTH
