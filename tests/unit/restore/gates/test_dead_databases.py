"""What can't be asked is a problem that a person can let pass; what is left never holds up leaving it; and nothing
serves of which no row was read."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from restore.errors import PermanentError, Problem, RestoreError
from restore.gates import quiesced, serving, switched, targets, validated
from restore.kubernetes import Pod
from restore.model.cluster import Cluster
from restore.model.request import SecretKey, Traffic
from restore.model.waivers import build_command
from tests.support.gate_worlds import (
    KNOWN,
    NO_SNAPSHOT,
    PROVED,
    QUIET,
    REFUSED,
    STOPPED,
    WRITER,
    Databases,
    Stage,
    back,
    forth,
    frozen,
    of_pods,
    resumed,
    stage,
)
from tests.support.worlds import (
    CANDIDATE_HOST,
    FROZEN,
    FROZEN_AGAIN,
    LATEST,
    PITR,
    SOURCE_HOST,
    SWITCHED,
    URL,
    asked,
    held,
    instance,
    inventory,
    restored,
    safety,
    secret,
)


@pytest.fixture
def databases(monkeypatch: pytest.MonkeyPatch) -> Databases:
    found = Databases()
    found.install(monkeypatch)
    return found


# quiesced


@pytest.mark.parametrize("error", [STOPPED, REFUSED])
def test_a_source_that_cannot_be_asked_is_waived_by_the_command_in_the_message(
    databases: Databases, tmp_path: Path, error: RestoreError
) -> None:
    databases.down[SOURCE_HOST] = error
    shut = frozen(tmp_path).prove("quiesced", quiesced.prove)
    assert shut is not None
    assert "status stopped" in shut
    assert "aws rds start-db-instance --db-instance-identifier shop" in shut
    words = shlex.split(build_command("quiesced.unreachable"))
    assert shlex.join(words[:-1]).replace("'", "") in shut.replace("'", "")
    known = frozen(tmp_path, {"quiesced.unreachable": KNOWN})
    assert known.prove("quiesced", quiesced.prove) is None
    assert known.last["open"] is True
    assert known.last["waived"] == {"quiesced.unreachable": KNOWN}
    assert known.last["verdict"] == "INCONCLUSIVE"


def test_a_database_whose_status_rds_does_not_tell_is_waived_too(databases: Databases, tmp_path: Path) -> None:
    del databases
    at = frozen(tmp_path)

    def broken(_resource_id: str) -> None:
        raise PermanentError("AccessDenied")

    at.rds.find_instance_by_resource_id = broken  # type: ignore[method-assign]
    shut = at.prove("quiesced", quiesced.prove)
    assert shut is not None
    assert build_command("quiesced.unproved") in shut
    known = frozen(tmp_path, {"quiesced": KNOWN})
    known.rds.find_instance_by_resource_id = broken  # type: ignore[method-assign]
    assert known.prove("quiesced", quiesced.prove) is None


def test_a_candidate_that_is_gone_is_left_without_a_waiver(databases: Databases, tmp_path: Path) -> None:
    at = stage(asked(PITR), inventory(cluster=SWITCHED, safety_snapshot=safety()), tmp_path)
    at.namespace.found = FROZEN_AGAIN.deployments
    assert at.prove("quiesced", quiesced.prove) is None
    assert databases.asked == []
    back_to = stage(asked(traffic=Traffic.SOURCE), inventory(cluster=FROZEN_AGAIN, safety_snapshot=safety()), tmp_path)
    assert back_to.prove("switched", switched.prove) is None
    assert databases.asked == [SOURCE_HOST]


def pod(name: str, minutes: float, *, terminating: bool = True) -> Pod:
    ended = datetime.now(UTC) - timedelta(minutes=minutes)
    return Pod(name, "uid", None, "node-7", "Running", ready=False, terminating=terminating, to_end=ended)


def with_pods(at: Stage, *pods: Pod) -> Stage:
    at.namespace.found = {"api": held("api", 0, 3), "indexer": replace(held("indexer", 0, 2), selector="app=indexer")}
    at.namespace.by_selector = {"app=indexer": pods}
    return at


def test_a_pod_of_a_dead_node_is_named_and_can_be_waived(databases: Databases, tmp_path: Path) -> None:
    shut = with_pods(frozen(tmp_path), pod("indexer-1", 30)).prove("quiesced", quiesced.prove)
    assert shut is not None
    assert "indexer-1" in shut
    assert "node-7" in shut
    assert build_command("quiesced.pods") in shut
    databases.asked.clear()
    known = with_pods(frozen(tmp_path, {"quiesced.pods": KNOWN}), pod("indexer-1", 30))
    assert known.prove("quiesced", quiesced.prove) is None
    assert databases.asked == [SOURCE_HOST]


def test_a_pod_that_is_still_ending_is_waited_for_also_when_pods_are_waived(
    databases: Databases, tmp_path: Path
) -> None:
    del databases
    at = with_pods(frozen(tmp_path, {"quiesced.pods": KNOWN}), pod("indexer-1", 30), pod("indexer-2", -1))
    assert at.prove("quiesced", quiesced.prove, seconds=60) is None
    assert at.waited_seconds > 59
    assert "indexer-2 (terminating)" in at.last["problems"][0]["found"]


def test_a_waived_session_does_not_skip_the_wait_for_the_last_log(databases: Databases, tmp_path: Path) -> None:
    databases.rest = replace(QUIET, sessions=(WRITER,))
    world = inventory(source=instance(latest_restorable=QUIET.first.at - timedelta(minutes=1)), cluster=FROZEN)
    waive = {"quiesced.sessions": KNOWN, **NO_SNAPSHOT}
    at = stage(asked(LATEST), world, tmp_path, waive=waive)
    shut = at.prove("quiesced", quiesced.prove)
    assert shut is not None
    assert build_command("quiesced.latest") in shut
    known = stage(asked(LATEST), world, tmp_path, waive={**waive, "quiesced.latest": KNOWN})
    assert known.prove("quiesced", quiesced.prove) is None
    assert known.last["waived"].keys() == {"quiesced.sessions", "quiesced.latest"}


def test_a_source_that_stopped_since_the_preview_names_the_waiver_of_its_snapshot(
    databases: Databases, tmp_path: Path
) -> None:
    del databases
    at = stage(asked(PITR), inventory(cluster=FROZEN), tmp_path)
    at.rds.instances = [instance(status="storage-full")]
    shut = at.prove("quiesced", quiesced.prove)
    assert shut is not None
    assert build_command("safety-snapshot") in shut
    assert "--allocated-storage" in shut


# switched


def test_a_dead_source_is_told_and_does_not_hold_up_the_switch(databases: Databases, tmp_path: Path) -> None:
    databases.down[SOURCE_HOST] = STOPPED
    at = forth(tmp_path)
    assert at.prove("switched", switched.prove, receipt=PROVED) is None
    assert "connection refused" in at.last["facts"]["left_unreachable"]
    assert at.last["facts"]["row_of"] == "public.users"


def test_a_dead_candidate_is_told_and_does_not_hold_up_the_way_back(databases: Databases, tmp_path: Path) -> None:
    databases.down[CANDIDATE_HOST] = STOPPED
    at = back(tmp_path)
    assert at.prove("switched", switched.prove) is None
    assert "connection refused" in at.last["facts"]["left_unreachable"]


def test_whoever_still_uses_what_is_left_keeps_the_switch_shut(databases: Databases, tmp_path: Path) -> None:
    databases.rest = replace(QUIET, sessions=(WRITER,))
    shut = forth(tmp_path).prove("switched", switched.prove, receipt=PROVED)
    assert shut is not None
    assert "WHERE pid IN (7)" in shut
    assert build_command("switched.sessions") in shut


@pytest.mark.parametrize("cluster", [FROZEN, FROZEN_AGAIN])
def test_the_source_never_serves_again_before_a_row_of_it_was_read_whatever_is_waived(
    databases: Databases, tmp_path: Path, cluster: Cluster
) -> None:
    databases.unread[SOURCE_HOST] = PermanentError.of(Problem("PostgreSQL", "no row in 3 tables", "one", "choose"))
    waive = {"switched": KNOWN, "switched.unproved": KNOWN}
    at = stage(asked(traffic=Traffic.SOURCE), restored(cluster=cluster), tmp_path, waive=waive)
    shut = at.prove("switched", switched.prove)
    assert shut is not None
    assert "switched.row" in shut
    assert "no row in 3 tables" in shut
    assert "no waiver covers this" in shut


def test_a_fault_of_ours_in_reading_the_row_is_not_waived_either(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del databases

    def broken(*_: object) -> str:
        raise KeyError("user")

    monkeypatch.setattr("restore.postgres.read_row", broken)
    at = forth(tmp_path, waive={"switched": KNOWN})
    assert "switched.row" in (at.prove("switched", switched.prove, receipt=PROVED) or "")


def test_the_source_is_asked_at_its_own_address_where_the_url_names_it_by_another(
    databases: Databases, tmp_path: Path
) -> None:
    alias = "db.shop.internal"
    named = replace(FROZEN, secret=secret(URL.replace(SOURCE_HOST, alias)))
    by_alias = SecretKey("database-credentials", "DATABASE_URL", source_host=alias)
    frozen_ = stage(asked(PITR), inventory(cluster=named), tmp_path, secret=by_alias, waive=NO_SNAPSHOT)
    assert frozen_.prove("quiesced", quiesced.prove) is None
    assert databases.asked == [SOURCE_HOST]
    databases.asked.clear()
    at = stage(asked(traffic=Traffic.RESTORED), restored(cluster=named), tmp_path, secret=by_alias)
    assert at.prove("switched", switched.prove, receipt=PROVED) is None
    assert set(databases.asked) == {CANDIDATE_HOST, SOURCE_HOST}
    assert at.last["facts"]["left"] == "shop"
    databases.asked.clear()
    again = stage(asked(traffic=Traffic.SOURCE), restored(cluster=named), tmp_path, secret=by_alias)
    assert again.prove("switched", switched.prove) is None
    assert databases.asked == [SOURCE_HOST]


def test_an_instance_made_again_under_the_name_is_not_switched_to_by_the_proofs_of_the_former(
    databases: Databases, tmp_path: Path
) -> None:
    del databases
    shut = forth(tmp_path).prove("switched", switched.prove, receipt={**PROVED, "proved": "db-FORMER"})
    assert shut is not None
    assert "db-FORMER" in shut
    assert "refresh --yes --target" in shut


# validated


def checks_that_cannot_run(folder: Path, waive: Mapping[str, str]) -> Stage:
    """The operator's login is gone from Secrets Manager."""

    def no_login(*_: object) -> None:
        raise PermanentError.of(Problem("operator's login", "no secret shop/admin", "its password", "create it"))

    at = stage(asked(PITR), restored(cluster=FROZEN), folder, waive=dict(waive))
    return replace(at, context=replace(at.context, secrets=cast("Any", SimpleNamespace(read_login=no_login))))


def test_checks_that_cannot_run_are_waived_where_the_application_can_read_a_row(
    databases: Databases, tmp_path: Path
) -> None:
    shut = checks_that_cannot_run(tmp_path, {}).prove("validated", validated.prove)
    assert shut is not None
    assert build_command("validated.unproved") in shut
    assert checks_that_cannot_run(tmp_path, {"validated": KNOWN}).prove("validated", validated.prove) is None
    databases.unread[CANDIDATE_HOST] = PermanentError.of(Problem("PostgreSQL", "no row in 3 tables", "one", "choose"))
    unread = checks_that_cannot_run(tmp_path, {"validated": KNOWN}).prove("validated", validated.prove)
    assert unread is not None
    assert "validated.proved" in unread
    assert "no row in 3 tables" in unread


def test_a_source_that_cannot_be_asked_is_not_compared_with_and_no_problem(
    databases: Databases, tmp_path: Path
) -> None:
    at = stage(asked(PITR), restored(cluster=FROZEN), tmp_path)
    found, why = targets.find_source_target(at.context)
    assert (found is not None, why) == (True, "")
    databases.down[SOURCE_HOST] = STOPPED
    found, why = targets.find_source_target(at.context)
    assert found is not None
    assert "connection refused" in why


# serving


@pytest.mark.parametrize(
    ("traffic", "serves", "left"),
    [(Traffic.RESTORED, CANDIDATE_HOST, SOURCE_HOST), (Traffic.SOURCE, SOURCE_HOST, CANDIDATE_HOST)],
)
def test_applications_that_serve_are_not_called_down_for_a_database_that_is_dead(
    databases: Databases, tmp_path: Path, traffic: Traffic, serves: str, left: str
) -> None:
    databases.there[serves] = of_pods("api", "indexer")
    databases.down[left] = STOPPED
    at = resumed(traffic, tmp_path)
    assert at.prove("serving", serving.prove) is None
    assert "connection refused" in at.last["facts"]["left_unreachable"]


def test_a_client_of_the_database_that_was_left_is_named_with_the_command_that_ends_it(
    databases: Databases, tmp_path: Path
) -> None:
    databases.there = {CANDIDATE_HOST: of_pods("api", "indexer"), SOURCE_HOST: (WRITER,)}
    shut = resumed(Traffic.RESTORED, tmp_path).prove("serving", serving.prove)
    assert shut is not None
    assert "forgotten" in shut
    assert f"host={SOURCE_HOST}" in shut
    assert "WHERE pid IN (7)" in shut


def test_sessions_that_cannot_be_asked_for_are_waived_by_name(databases: Databases, tmp_path: Path) -> None:
    databases.down[CANDIDATE_HOST] = REFUSED
    shut = resumed(Traffic.RESTORED, tmp_path).prove("serving", serving.prove)
    assert shut is not None
    assert build_command("serving.unreachable") in shut
    known = resumed(Traffic.RESTORED, tmp_path, waive={"serving.unreachable": KNOWN})
    assert known.prove("serving", serving.prove) is None
