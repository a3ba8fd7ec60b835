"""Gate `switched`: each reason for which a switch would lose or split the data keeps it shut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from restore.gates import switched
from restore.kubernetes import Pod
from restore.model.cluster import Writer
from restore.postgres import Quiet
from tests.support.gate_worlds import KNOWN, MAY_ALL, PROVED, QUIET, REFUSED, WRITER, Databases, Stage, back, forth
from tests.support.worlds import CANDIDATE_HOST, PASSWORD, SOURCE_HOST, SWITCHED_URL, URL, held


@pytest.fixture
def databases(monkeypatch: pytest.MonkeyPatch) -> Databases:
    databases = Databases()
    databases.install(monkeypatch)
    return databases


def refused(at: Stage, receipt: Mapping[str, Any] = PROVED) -> dict[str, str]:
    """The fixes by subject of a gate that stays shut."""
    assert at.prove("switched", switched.prove, receipt=receipt) is not None
    return {subject: problem["fix"] for subject, problem in at.problems.items()}


def test_a_switch_that_is_safe_is_recorded_with_its_way_back(databases: Databases, tmp_path: Path) -> None:
    at = forth(tmp_path)
    assert at.prove("switched", switched.prove, receipt=PROVED) is None
    assert at.last["facts"]["to"].startswith(CANDIDATE_HOST)
    assert at.last["facts"]["back_to"].startswith(SOURCE_HOST)
    assert databases.asked == [CANDIDATE_HOST, SOURCE_HOST, SOURCE_HOST, CANDIDATE_HOST, CANDIDATE_HOST]
    assert at.last["facts"]["next_transaction"] == 1234


def test_a_database_of_which_no_row_is_read_never_serves(databases: Databases, tmp_path: Path) -> None:
    databases.unread[CANDIDATE_HOST] = REFUSED
    at = forth(tmp_path)
    assert refused(at).keys() == {"switched.row"}
    assert "password authentication failed" in at.problems["switched.row"]["found"]


@pytest.mark.parametrize(("direction", "other"), [(forth, "source"), (back, "restored")])
def test_a_database_that_is_gone_never_serves(databases: Databases, tmp_path: Path, direction: Any, other: str) -> None:
    del databases
    at = direction(tmp_path)
    at.rds.instances = []
    fixes = refused(at)
    assert fixes.keys() == {"switched.row"}
    assert fixes["switched.row"].startswith(f"pulumi config set traffic {other}; pulumi up")


def test_pods_with_the_former_url_split_the_data(databases: Databases, tmp_path: Path) -> None:
    del databases
    at = forth(tmp_path)
    at.namespace.found = {"api": replace(held("api", 0, 3), selector="app=api"), "indexer": held("indexer", 0, 2)}
    pod = Pod("api-1", "u", None, "n", "Running", ready=True, terminating=False)
    at.namespace.by_selector = {"app=api": [pod]}
    fixes = refused(at)
    assert fixes.keys() == {"switched.pods"}
    assert fixes["switched.pods"].startswith("kubectl -n shop-prod get pods -l app=api")


def test_pods_that_were_started_with_the_wanted_url_are_those_of_an_earlier_run(
    databases: Databases, tmp_path: Path
) -> None:
    del databases
    at = forth(tmp_path)
    at.namespace.found = {"api": held("api", 3, 3), "indexer": held("indexer", 2, 2)}
    at.namespace.url = SWITCHED_URL
    assert at.prove("switched", switched.prove, receipt=PROVED) is None


@pytest.mark.parametrize("url", [URL.replace(PASSWORD, "another"), URL.replace("/shop?", "/other?"), "not a url"])
def test_a_secret_that_somebody_changed_since_the_plan_is_not_overwritten(
    databases: Databases, tmp_path: Path, url: str
) -> None:
    del databases
    at = forth(tmp_path)
    at.namespace.url = url
    fixes = refused(at)
    assert "switched.secret:database-credentials" in fixes
    assert PASSWORD not in str(at.problems)


@pytest.mark.parametrize("receipt", [{}, {"proved": "db-FORMER"}])
def test_proofs_of_another_instance_prove_nothing(
    databases: Databases, tmp_path: Path, receipt: Mapping[str, str]
) -> None:
    del databases
    fixes = refused(forth(tmp_path), receipt)
    assert fixes.keys() == {"switched.proved"}
    assert "pulumi config set traffic frozen; pulumi up" in fixes["switched.proved"]


def test_an_application_that_cannot_log_in_is_not_started(databases: Databases, tmp_path: Path) -> None:
    databases.login = REFUSED
    fixes = refused(forth(tmp_path))
    assert fixes.keys() == {"switched.login"}


def test_a_server_that_cannot_be_written_to_does_not_serve(databases: Databases, tmp_path: Path) -> None:
    databases.login = replace(MAY_ALL, recovering=True)
    fixes = refused(forth(tmp_path))
    assert fixes.keys() == {"switched.recovery"}
    assert fixes["switched.recovery"].startswith(
        "aws rds wait db-instance-available --db-instance-identifier shop-inc-1"
    )


def test_an_application_without_its_rights_gets_them_by_the_command_in_the_message(
    databases: Databases, tmp_path: Path
) -> None:
    databases.login = replace(MAY_ALL, missing_privileges=("select on public.users",))
    fixes = refused(forth(tmp_path))
    assert fixes.keys() == {"switched.privileges"}
    assert f"host={CANDIDATE_HOST}" in fixes["switched.privileges"]
    assert 'GRANT USAGE ON SCHEMA "public" TO "shop_app"' in fixes["switched.privileges"]


@pytest.mark.parametrize(
    ("interval", "subject"),
    [
        (replace(QUIET, sessions=(WRITER,)), "switched.sessions"),
        (replace(QUIET, prepared=("order-7",)), "switched.prepared"),
        (replace(QUIET, last=replace(QUIET.last, rows=1)), "switched.writes"),
    ],
)
@pytest.mark.parametrize(("direction", "left"), [(forth, SOURCE_HOST), (back, CANDIDATE_HOST)])
def test_what_is_written_to_the_database_that_is_left_would_be_lost(
    databases: Databases, tmp_path: Path, direction: Any, left: str, interval: Quiet, subject: str
) -> None:
    databases.rest = interval
    fixes = refused(direction(tmp_path))
    assert fixes.keys() == {subject}
    assert f"host={left}" in fixes[subject]


SYNC = Writer("ExternalSecret", "db", "writes Secret database-credentials", "kubectl -n shop-prod get secret x", True)


def test_who_would_put_the_secret_back_is_asked_again_at_the_switch(databases: Databases, tmp_path: Path) -> None:
    del databases
    at = forth(tmp_path)
    at.namespace.writers = (SYNC, replace(SYNC, name="paused", blocking=False))
    assert refused(at).keys() == {"switched.writer:ExternalSecret/db"}
    known = forth(tmp_path / "known", waive={"preflight.writer:ExternalSecret/db": KNOWN})
    known.namespace.writers = (SYNC,)
    assert known.prove("switched", switched.prove, receipt=PROVED) is None


def test_who_would_put_the_secret_back_never_holds_up_the_way_back(databases: Databases, tmp_path: Path) -> None:
    del databases
    at = back(tmp_path)
    at.namespace.writers = (SYNC,)
    assert at.prove("switched", switched.prove) is None
