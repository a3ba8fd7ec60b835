"""A new production that nothing can bring back yet says so, before anybody forgets where it came from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from restore.gates import serving
from restore.lifecycle import close
from restore.lifecycle.recoverability import describe_recoverability
from restore.model.rds import Instance
from restore.model.request import Traffic
from tests.support.gate_worlds import Databases, of_pods, resumed
from tests.support.worlds import CANDIDATE_HOST, PITR, RETURNED, SWITCHED, asked, candidate, restored, settings

NO_BACKUP = candidate(latest_restorable=None)


@pytest.mark.parametrize(
    ("instance", "said"),
    [
        (NO_BACKUP, "until its first automated backup has ended (due in its backup window)"),
        (replace(NO_BACKUP, status="backing-up"), "it is being taken now"),
        (replace(NO_BACKUP, settings=replace(NO_BACKUP.settings, backup_window="03:00-04:00")), "03:00-04:00 UTC"),
        (candidate(settings=replace(NO_BACKUP.settings, backup_retention_period=0)), "automated backups are off"),
    ],
)
def test_what_cannot_be_recovered_is_said_with_what_to_do(instance: Instance, said: str) -> None:
    found = describe_recoverability(instance)
    assert not found.recoverable
    assert said in found.text
    assert "aws rds " in found.text


def test_what_can_be_recovered_is_said_with_its_time() -> None:
    found = describe_recoverability(candidate())
    assert found.recoverable
    assert found.text == "shop-inc-1 is recoverable until 2026-11-22T14:56:00Z"


def closing(traffic: Traffic, serving: Instance) -> str:
    cluster = SWITCHED if traffic is Traffic.RESTORED else RETURNED
    found = restored(cluster=cluster, candidate=serving)
    return close.render(close.plan(asked(PITR, traffic=traffic), found, traffic, [], settings()))


def test_close_warns_while_the_new_production_has_no_backup() -> None:
    assert "WARNING: shop-inc-1 is not recoverable" in closing(Traffic.RESTORED, NO_BACKUP)
    assert "WARNING" not in closing(Traffic.RESTORED, candidate())


def test_close_does_not_warn_of_a_candidate_that_does_not_serve() -> None:
    assert "WARNING" not in closing(Traffic.SOURCE, NO_BACKUP)


def test_the_evidence_says_how_far_back_the_new_production_can_go(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    databases = Databases(there={CANDIDATE_HOST: of_pods("api", "indexer")})
    databases.install(monkeypatch)
    at = resumed(Traffic.RESTORED, tmp_path_factory.mktemp("evidence"))
    assert at.prove("serving", serving.prove, seconds=5) is None
    assert at.last["facts"]["recoverability"] == "shop-inc-1 is recoverable until 2026-11-22T14:56:00Z"
