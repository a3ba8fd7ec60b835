"""Gate `renamed`: production's name comes to the database that is to serve, or nobody is told that it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from restore.errors import PermanentError, Problem, TemporaryError
from restore.gates import renamed, serving, switched
from restore.model.labels import ANNOTATION_PREVIOUS
from restore.model.rds import Endpoint, Instance
from restore.model.request import Cutover, Traffic
from restore.model.waivers import UNCOVERED
from tests.support import worlds
from tests.support.gate_worlds import PROVED, QUIET_AT, WRITER, Databases, Stage, stage
from tests.support.worlds import SOURCE_AT, candidate, cluster, held, instance, restored, secret

PRODUCTION, ASIDE, OWN = "shop", "shop-before-inc-1", "shop-inc-1"
FORTH = [(PRODUCTION, ASIDE), (OWN, PRODUCTION)]
BACK = [(PRODUCTION, OWN), (ASIDE, PRODUCTION)]
DENIED = PermanentError.of(Problem("AWS rds:ModifyDBInstance", "AccessDenied", "the right", "docs/permissions.md"))
BUSY = TemporaryError("AWS rds:ModifyDBInstance: Throttling: Rate exceeded")
HELD = {ANNOTATION_PREVIOUS: str(SOURCE_AT)}
APPS = cluster(held("api", 0, 3, **HELD), held("indexer", 0, 2, **HELD), secret())


def endpoint(name: str) -> Endpoint:
    return Endpoint(f"{name}.abc.us-east-1.rds.amazonaws.com", 5432)


def under(name: str, made: Callable[..., Instance], **changes: Any) -> Instance:
    return made(identifier=name, endpoint=endpoint(name), **changes)


@pytest.fixture
def databases(monkeypatch: pytest.MonkeyPatch) -> Databases:
    made = Databases(started={endpoint(PRODUCTION).host: QUIET_AT + timedelta(seconds=1)})
    made.install(monkeypatch)
    return made


def at(
    folder: Path, traffic: Traffic, source: Instance, made: Instance, others: tuple[Instance, ...] = (), **settings: Any
) -> Stage:
    request = worlds.asked(traffic=traffic, cutover=Cutover.RENAME)
    found = restored(source=source, candidate=made, open_restores=(made,), cluster=APPS)
    staged = stage(request, found, folder, **settings)
    staged.rds.instances += others
    rename = staged.rds.rename

    def follow(resource_id: str, identifier: str, waived: tuple[str, ...] = ()) -> str:
        former = rename(resource_id, identifier, waived)
        staged.rds.instances = [replace(one, endpoint=endpoint(one.identifier)) for one in staged.rds.instances]
        return former

    staged.rds.rename = follow  # type: ignore[method-assign]
    return staged


def forth(folder: Path, source: str = PRODUCTION, made: str = OWN, **settings: Any) -> Stage:
    return at(folder, Traffic.RESTORED, under(source, instance), under(made, candidate), **settings)


def prove(staged: Stage, seconds: float = 20.0) -> str | None:
    return staged.prove("renamed", renamed.prove, receipt=PROVED, seconds=seconds)


@pytest.mark.usefixtures("databases")
@pytest.mark.parametrize("made", [0, 1, 2])
def test_a_switch_goes_on_after_however_many_calls_were_made_before_a_kill(made: int, tmp_path: Path) -> None:
    source, own = (ASIDE if made else PRODUCTION), (PRODUCTION if made == 2 else OWN)
    staged = forth(tmp_path, source, own)
    assert prove(staged) is None
    assert staged.rds.renamed == FORTH[made:]


@pytest.mark.usefixtures("databases")
@pytest.mark.parametrize("made", [0, 1, 2])
def test_the_way_back_goes_on_after_however_many_calls_were_made(made: int, tmp_path: Path) -> None:
    source, own = (PRODUCTION if made == 2 else ASIDE), (OWN if made else PRODUCTION)
    staged = at(tmp_path, Traffic.SOURCE, under(source, instance), under(own, candidate))
    assert prove(staged) is None
    assert staged.rds.renamed == BACK[made:]


@pytest.mark.usefixtures("databases")
@pytest.mark.parametrize("waive", [{}, {"renamed": "we know better than that"}])
def test_a_refused_rename_never_counts_as_done_and_says_both_ways_on(waive: dict[str, str], tmp_path: Path) -> None:
    staged = forth(tmp_path, ASIDE, waive=waive)
    staged.rds.refusals = [DENIED, DENIED]
    assert prove(staged) is not None
    problem = staged.problems["renamed.holder"]
    assert "AccessDenied" in problem["found"]
    assert "db-SOURCE is shop-before-inc-1, db-CANDIDATE is shop-inc-1, and nobody is shop" in problem["found"]
    assert "traffic frozen; pulumi up; pulumi config set traffic source" in problem["fix"]
    assert problem["fix"].endswith(UNCOVERED)
    assert staged.rds.find_instance(PRODUCTION) is None


@pytest.mark.usefixtures("databases")
def test_an_answer_that_is_lost_or_late_is_no_refusal(tmp_path: Path) -> None:
    staged = forth(tmp_path)
    staged.rds.refusals = [BUSY, DENIED]
    assert prove(staged) is None
    assert staged.rds.renamed == FORTH


@pytest.mark.usefixtures("databases")
def test_changes_of_somebody_else_are_applied_only_by_a_person_who_knows_them(tmp_path: Path) -> None:
    queued = under(PRODUCTION, instance, pending={"EngineVersion": "18.1"})
    waiver = {"renamed.pending:shop": "the upgrade is ours and was tested"}
    staged = at(tmp_path, Traffic.RESTORED, queued, under(OWN, candidate), waive=waiver)
    assert prove(staged) is None
    assert "EngineVersion" in staged.problems["renamed.pending:shop"]["found"]
    late = forth(tmp_path / "late")
    late.rds.instances = [replace(one, pending={"EngineVersion": "18.1"}) for one in late.rds.instances]
    assert prove(late) is not None
    assert set(late.problems) == {"renamed.pending:shop"}
    assert late.rds.renamed == []


@pytest.mark.usefixtures("databases")
def test_a_stranger_who_takes_production_s_name_meanwhile_is_not_served_from(tmp_path: Path) -> None:
    stranger = under(PRODUCTION, instance, resource_id="db-STRANGER")
    staged = forth(tmp_path, ASIDE, others=(stranger,))
    assert prove(staged) is not None
    assert "db-STRANGER" in staged.problems["renamed.holder"]["found"]
    assert staged.rds.renamed == []


def test_a_name_that_still_reaches_the_old_server_opens_nothing(databases: Databases, tmp_path: Path) -> None:
    databases.started[endpoint(PRODUCTION).host] = QUIET_AT
    staged = forth(tmp_path, ASIDE, PRODUCTION)
    assert prove(staged, seconds=0) is not None
    assert "still reaches shop-before-inc-1" in staged.problems["renamed.production"]["found"]


def test_a_name_that_nobody_answers_to_opens_nothing(databases: Databases, tmp_path: Path) -> None:
    databases.down[endpoint(PRODUCTION).host] = TemporaryError("no such host")
    staged = forth(tmp_path, ASIDE, PRODUCTION)
    assert prove(staged, seconds=0) is not None
    assert "no such host" in staged.problems["renamed.production"]["found"]


def test_a_dead_database_that_is_left_does_not_hold_up_the_name(databases: Databases, tmp_path: Path) -> None:
    databases.down[endpoint(ASIDE).host] = TemporaryError("no route to host")
    staged = forth(tmp_path, ASIDE, PRODUCTION)
    assert prove(staged) is None
    assert staged.last["facts"]["left_unreachable"] == "no route to host"


def test_nothing_is_renamed_away_from_clients_that_still_write(databases: Databases, tmp_path: Path) -> None:
    databases.rest = replace(databases.rest, sessions=(WRITER,))
    staged = forth(tmp_path)
    assert staged.prove("switched", switched.prove, receipt=PROVED) is not None
    assert "switched.sessions" in staged.problems
    assert staged.rds.renamed == []


def test_a_client_that_keeps_the_old_address_is_named_with_the_command_that_ends_it(
    databases: Databases, tmp_path: Path
) -> None:
    databases.there = {endpoint(ASIDE).host: (WRITER,)}
    staged = forth(tmp_path, ASIDE, PRODUCTION)
    staged.prove("serving", serving.prove)
    assert "pid 7" in staged.problems[f"serving.dnsCache:{WRITER.address}"]["found"]
