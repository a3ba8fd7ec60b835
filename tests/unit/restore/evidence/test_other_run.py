"""Two people never run one restore at a time, and nobody is kept out by a run that is dead."""

from __future__ import annotations

import getpass
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from restore.errors import Problem, Refused
from restore.evidence import Store, other_run
from restore.evidence.current_run import NAME, CurrentRun, Heartbeat, read_current_run

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
RUN = CurrentRun(
    token="t",
    restore_id="inc-1",
    traffic="frozen",
    user="ada",
    host="laptop-2",
    identity="arn:aws:iam::123456789012:user/ada",
    pid=7,
    began=NOW - timedelta(minutes=30),
    beat=NOW - timedelta(seconds=5),
)


def judge(run: CurrentRun | None, user: str = "grace", host: str = "laptop-1") -> Problem | str:
    return other_run.judge(run, user, host, NOW)


def test_who_runs_it_since_when_is_said_to_whom_it_keeps_out() -> None:
    verdict = judge(RUN)
    assert isinstance(verdict, Problem)
    assert verdict.subject == "restore inc-1"
    for part in ("ada@laptop-2", "user/ada", "process 7", "14:30", "5 s"):
        assert part in verdict.found


@pytest.mark.parametrize(("user", "host"), [("ada", "laptop-1"), ("grace", "laptop-2")])
def test_another_person_or_another_machine_is_another_run(user: str, host: str) -> None:
    assert isinstance(judge(RUN, user, host), Problem)


def test_a_run_that_was_killed_is_taken_over_and_said() -> None:
    silent = replace(RUN, beat=NOW - timedelta(minutes=2, seconds=1))
    assert "taken over" in str(judge(silent))
    assert not isinstance(judge(silent), Problem)


def test_what_ones_own_killed_run_left_keeps_nobody_out() -> None:
    assert "has not ended" in str(judge(RUN, "ada", "laptop-2"))
    assert not isinstance(judge(RUN, "ada", "laptop-2"), Problem)


def test_a_run_that_has_ended_is_not_mentioned() -> None:
    assert judge(replace(RUN, ended=NOW)) == ""
    assert judge(None) == ""


def beat(store: Store, user: str) -> Heartbeat:
    operator = {"user": user, "host": socket.gethostname(), "aws": "arn"}
    heartbeat = Heartbeat(store, "prod", "inc-1", "frozen", operator, dict, print, every=60)
    heartbeat.start()
    return heartbeat


def test_one_who_begins_while_another_runs_is_refused(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    heartbeat = beat(store, "somebody-else")
    with pytest.raises(Refused, match="somebody-else"):
        other_run.require_alone(store, "prod")
    assert other_run.require_alone(store, "staging") == ""
    heartbeat.end()
    assert other_run.require_alone(store, "prod") == ""


def test_of_two_that_begin_together_one_is_refused(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    mine, other = beat(store, getpass.getuser()), beat(store, "somebody-else")
    with pytest.raises(Refused, match="at the same time"):
        other_run.require_own(store, "prod", mine.token)
    other_run.require_own(store, "prod", other.token)
    mine.end()
    other.end()


def test_one_who_looked_before_the_other_began_doesn_t_take_their_place(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    assert other_run.require_alone(store, "prod") == ""
    other = beat(store, "somebody-else")
    operator = {"user": getpass.getuser(), "host": socket.gethostname(), "aws": "arn"}
    with pytest.raises(Refused, match="somebody-else"):
        other_run.begin(Heartbeat(store, "prod", "inc-1", "frozen", operator, dict, print, every=60))
    run = read_current_run(store, "prod")
    assert run is not None
    assert run.token == other.token
    other.end()


def test_a_damaged_note_of_who_runs_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / "prod").mkdir()
    (tmp_path / "prod" / NAME).write_text("{")
    assert "can't be told" in other_run.require_alone(Store.open(str(tmp_path)), "prod")
