"""The bench counts what it says that it counts, and favours nobody."""

from __future__ import annotations

import subprocess

import pytest

from bench.critical_path.paces import OPERATIONS, PACES
from bench.critical_path.script import BY_RENAME, BY_STRING, FILE, TYPED, Asked, asked_by_phase, asked_to
from bench.critical_path.timing import Span, busy_seconds, real_seconds
from bench.critical_path.ways import BACKUP, is_waited_for, result_of
from sandbox.aws.rds.work import steps
from sandbox.aws.rds.work.jobs import STEPS

DAY = Span(0, 100)


@pytest.mark.parametrize(
    ("work", "busy"),
    [
        ([], 0),
        ([Span(10, 30)], 20),
        ([Span(10, 30), Span(20, 40)], 30),
        ([Span(10, 30), Span(15, 20)], 20),
        ([Span(-5, 5), Span(95, 200)], 10),
        ([Span(200, 300)], 0),
    ],
)
def test_what_goes_on_in_parallel_counts_once_and_only_within(work: list[Span], busy: float) -> None:
    assert busy_seconds(DAY, work) == busy
    assert real_seconds(DAY, work, 60) == 100 - busy + busy * 60


def test_each_pace_has_a_source_for_each_operation_and_is_no_faster_than_the_one_before() -> None:
    assert steps.create.__name__ in STEPS
    for pace in PACES:
        assert pace.figures.keys() == OPERATIONS.keys() <= STEPS.keys()
        assert all(figure.source for figure in pace.figures.values())
    for slower, faster in zip(PACES[1:], PACES, strict=False):
        assert all(slower.figures[step].minutes >= figure.minutes for step, figure in faster.figures.items())


def test_nothing_but_the_first_backup_is_free() -> None:
    assert [step for step in OPERATIONS if not is_waited_for(step)] == [BACKUP]


def test_the_script_is_one_that_bash_can_read() -> None:
    subprocess.run(["bash", "-n", str(FILE)], check=True)


def test_every_command_of_the_script_is_counted_once() -> None:
    text = FILE.read_text()
    typed = [line for line in text.splitlines() if any(f"{name} " in line for name in ("aws", "kubectl", "psql"))]
    uncounted = [line for line in typed if not line.startswith("#") and not TYPED.match(line)]
    assert uncounted == []
    assert sum(asked.commands for asked in asked_by_phase(text).values()) == sum(bool(TYPED.match(x)) for x in typed)


def test_a_way_is_asked_for_one_cutover_alone() -> None:
    text = 'at "a"\naws x\n# decides: y\nat "cutover by rename"\nkubectl z\nat "cutover by connection string"\npsql\n'
    assert asked_to(BY_RENAME, text) == Asked(2, 1, 0)


def test_a_change_of_two_lines_is_one_change() -> None:
    assert asked_by_phase('at "a"\n# changed: this\n# changed: and that\naws x\n')["a"] == Asked(1, 0, 1)


def test_the_other_cutover_and_its_undoing_cost_nothing() -> None:
    spent = {
        "stop": 1.0,
        "first validated byte": 2.0,
        BY_STRING: 4.0,
        "undo of it, not counted": 8.0,
        BY_RENAME: 16.0,
    }
    assert result_of(BY_RENAME, spent, 3).seconds == 19.0
    assert result_of(BY_STRING, spent, 3).seconds == 7.0
    assert result_of(BY_STRING, spent, 3).first_byte == 1.0
