"""Gate `quiesced`: whatever may still write keeps it shut, by name, with the way out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from restore.errors import TemporaryError
from restore.gates import quiesced
from restore.kubernetes import Pod
from restore.model.request import QuietSettings
from restore.postgres import Quiet
from tests.support.gate_worlds import NO_SNAPSHOT, QUIET, STOPPED, WRITER, Databases, Stage, frozen, stage
from tests.support.worlds import FROZEN, LATEST, PITR, SOURCE_HOST, asked, candidate, held, instance, inventory


@pytest.fixture
def databases(monkeypatch: pytest.MonkeyPatch) -> Databases:
    databases = Databases()
    databases.install(monkeypatch)
    return databases


def live(folder: Path) -> Stage:
    """The source runs, and its safety snapshot is left out."""
    return frozen(folder, source=instance())


def refused(at: Stage) -> dict[str, str]:
    """The fixes by subject of a gate that stays shut; the sandbox of the test waits for nothing."""
    assert at.prove("quiesced", quiesced.prove) is not None
    return {subject: problem["fix"] for subject, problem in at.problems.items()}


def test_a_database_that_nobody_uses_is_quiet(databases: Databases, tmp_path: Path) -> None:
    at = live(tmp_path)
    assert at.prove("quiesced", quiesced.prove) is None
    assert at.last["facts"]["quiet_since"] == QUIET.first.at.isoformat()
    assert databases.asked == [SOURCE_HOST]


def test_a_pod_that_still_runs_may_write(databases: Databases, tmp_path: Path) -> None:
    del databases
    at = live(tmp_path)
    at.namespace.found = {"api": replace(held("api", 0, 3), selector="app=api,tier in (a)"), "indexer": None}
    at.namespace.by_selector = {
        "app=api,tier in (a)": [
            Pod("api-1", "u", None, "n", "Running", ready=True, terminating=False),
            Pod("api-2", "u", None, "n", "Succeeded", ready=False, terminating=False),
        ]
    }
    fixes = refused(at)
    assert fixes.keys() == {"quiesced.pods"}
    assert at.problems["quiesced.pods"]["found"] == "api-1"
    assert fixes["quiesced.pods"].startswith(
        "kubectl -n shop-prod get pods -l 'app=api,tier in (a)' -o wide; pulumi up"
    )


def test_a_deployment_that_was_scaled_up_again_comes_back_with_pods(databases: Databases, tmp_path: Path) -> None:
    del databases
    at = live(tmp_path)
    at.namespace.found = {"api": held("api", 2, 3), "indexer": held("indexer", 0, 2)}
    fixes = refused(at)
    assert at.problems["quiesced.pods"]["found"] == "api wants 2 replicas"
    assert fixes["quiesced.pods"].startswith("kubectl -n shop-prod scale deployment/api --replicas=0; pulumi up")


def test_pods_that_the_server_only_counts_are_waited_for_too(databases: Databases, tmp_path: Path) -> None:
    del databases
    at = live(tmp_path)
    at.namespace.found = {"api": replace(held("api", 0, 3), terminating=2, selector="app=api"), "indexer": None}
    assert "get pods -l app=api -o wide" in refused(at)["quiesced.pods"]
    assert at.problems["quiesced.pods"]["found"] == "api: 2 terminating"


def test_pods_that_cannot_be_asked_for_may_write(databases: Databases, tmp_path: Path) -> None:
    del databases
    at = live(tmp_path)

    def unavailable(_names: object) -> None:
        raise TemporaryError("the API server doesn't answer")

    at.namespace.read_deployments = unavailable  # type: ignore[method-assign, assignment]
    assert refused(at).keys() == {"quiesced.pods"}
    assert "doesn't answer" in at.problems["quiesced.pods"]["found"]


@pytest.mark.parametrize(
    ("interval", "subject", "says"),
    [
        (replace(QUIET, sessions=(WRITER, replace(WRITER, pid=8))), "quiesced.sessions", "WHERE pid IN (7, 8)"),
        (replace(QUIET, prepared=("order-7",)), "quiesced.prepared", "pg_prepared_xacts"),
        (replace(QUIET, last=replace(QUIET.last, rows=5)), "quiesced.writes", "pg_stat_user_tables"),
    ],
)
def test_whoever_uses_the_database_is_named_with_the_command_that_ends_it(
    databases: Databases, tmp_path: Path, interval: Quiet, subject: str, says: str
) -> None:
    databases.rest = interval
    fixes = refused(live(tmp_path))
    assert fixes.keys() == {subject}
    assert fixes[subject].startswith(f"psql 'host={SOURCE_HOST} port=5432 user=admin dbname=shop sslmode=verify-full")
    assert says in fixes[subject]


def test_clients_have_the_configured_time_to_end(databases: Databases, tmp_path: Path) -> None:
    databases.before = [replace(QUIET, sessions=(WRITER,))]
    world = inventory(source=instance(), cluster=FROZEN)
    at = stage(asked(PITR), world, tmp_path, waive=NO_SNAPSHOT, quiet=QuietSettings(3600))
    assert at.prove("quiesced", quiesced.prove, seconds=60) is None
    assert databases.before == []


def test_a_database_that_cannot_be_asked_proves_nothing(databases: Databases, tmp_path: Path) -> None:
    databases.down[SOURCE_HOST] = STOPPED
    assert refused(live(tmp_path)).keys() == {"quiesced.unreachable"}
    assert at_verdict(live(tmp_path)) == "INCONCLUSIVE"


def at_verdict(at: Stage) -> str:
    at.prove("quiesced", quiesced.prove)
    return str(at.last["verdict"])


def test_a_source_of_which_rds_takes_no_snapshot_is_named_by_the_waiver_of_the_snapshot(
    databases: Databases, tmp_path: Path
) -> None:
    del databases
    at = stage(asked(PITR), inventory(cluster=FROZEN), tmp_path)
    at.rds.instances = [instance(status="backing-up")]
    fixes = refused(at)
    assert fixes.keys() == {"safety-snapshot"}
    assert "backing-up" in at.problems["safety-snapshot"]["found"]


def test_latest_waits_until_the_last_row_can_be_restored(databases: Databases, tmp_path: Path) -> None:
    del databases
    late = instance(latest_restorable=QUIET.first.at - timedelta(minutes=1))
    at = stage(asked(LATEST), inventory(source=late, cluster=FROZEN), tmp_path)
    assert refused(at).keys() == {"quiesced.latest"}
    reached = instance(latest_restorable=QUIET.first.at)
    at = stage(asked(LATEST), inventory(source=reached, cluster=FROZEN), tmp_path)
    assert at.prove("quiesced", quiesced.prove) is None
    none = stage(asked(LATEST), inventory(source=instance(latest_restorable=None), cluster=FROZEN), tmp_path)
    assert refused(none).keys() == {"quiesced.latest"}


def test_a_candidate_that_is_there_already_waits_for_no_log(databases: Databases, tmp_path: Path) -> None:
    del databases
    world = inventory(
        source=instance(latest_restorable=None),
        candidate=candidate("pitr:latest"),
        open_restores=(candidate("pitr:latest"),),
        cluster=FROZEN,
    )
    assert stage(asked(LATEST), world, tmp_path).prove("quiesced", quiesced.prove) is None
