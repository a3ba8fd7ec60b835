"""Cutover rename is refused, or told, before the first application stops; never found out between two names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from restore import plan
from restore.model.cluster import Reference, Writer
from restore.model.inventory import Inventory
from restore.model.labels import ANNOTATION_ID, ANNOTATION_PREVIOUS
from restore.model.rds import Endpoint, Instance
from restore.model.request import Cutover, Settings, Traffic
from tests.support.worlds import (
    FROZEN,
    PITR,
    RUNNING,
    SOURCE_AT,
    SOURCE_HOST,
    SWITCHED,
    asked,
    candidate,
    cluster,
    held,
    instance,
    inventory,
    only_problem,
    problems,
    restored,
    safety,
    secret,
    settings,
)

ASIDE = "shop-before-inc-1"
ASIDE_AT = Endpoint(f"{ASIDE}.abc.us-east-1.rds.amazonaws.com", 5432)
HELD = {ANNOTATION_PREVIOUS: str(SOURCE_AT)}
STOPPED = cluster(held("api", 0, 3, **HELD), held("indexer", 0, 2, **HELD), secret())


def rename(traffic: Traffic = Traffic.FROZEN, **changes: Any) -> Settings:
    return settings(asked(PITR, cutover=Cutover.RENAME, traffic=traffic), **changes)


def moved(**changes: Any) -> Inventory:
    """Between or after the calls: the source is aside, and the candidate has production's name."""
    return restored(
        **{
            "source": instance(ASIDE, endpoint=ASIDE_AT),
            "candidate": candidate(identifier="shop", endpoint=SOURCE_AT),
            "open_restores": (candidate(identifier="shop", endpoint=SOURCE_AT),),
            "cluster": STOPPED,
            **changes,
        }
    )


@pytest.mark.parametrize("source", ["stopped", "storage-full"])
def test_no_application_stops_for_a_source_that_cannot_give_its_name_away(source: str) -> None:
    configured = rename(waive={"safety-snapshot": "nothing can be taken of it"})
    found = problems(configured, inventory(source=instance(status=source)))
    assert "pulumi config set cutover secret" in found["instance shop"].fix


def test_a_queued_change_is_told_with_the_waiver_that_applies_it() -> None:
    found = inventory(source=instance(pending={"EngineVersion": "18.1"}))
    problem = only_problem(rename(), found)
    assert "EngineVersion" in problem.found
    assert """'waive["renamed.pending:shop"]'""" in problem.fix
    assert problems(rename(waive={"renamed.pending:shop": "the upgrade was tested"}), found) == {}


@pytest.mark.parametrize("made", [True, False])
def test_a_name_that_somebody_else_has_is_found_before_the_freeze(made: bool) -> None:
    stranger = instance(ASIDE, "db-STRANGER")
    found = restored(name_holders=(stranger,)) if made else inventory(name_holders=(stranger,))
    assert "db-STRANGER" in only_problem(rename(), found).found


def test_a_name_that_would_be_too_long_is_found_before_the_freeze() -> None:
    name = "s" * 52
    found = inventory(source=instance(name))
    assert "config id" in problems(replace(rename(), source=name), found)


@pytest.mark.parametrize(
    ("configured", "found"),
    [
        (rename(Traffic.RESTORED), restored(cluster=SWITCHED)),
        (settings(asked(PITR, traffic=Traffic.FROZEN)), moved()),
    ],
)
def test_one_restore_moves_traffic_in_one_way(configured: Settings, found: Inventory) -> None:
    assert "config cutover" in problems(configured, found)


@pytest.mark.parametrize("place", [instance(), instance(ASIDE, endpoint=ASIDE_AT)])
@pytest.mark.parametrize("traffic", [Traffic.FROZEN, Traffic.RESTORED, Traffic.SOURCE])
def test_every_way_is_open_from_between_two_names(place: Instance, traffic: Traffic) -> None:
    found = restored(source=place, cluster=STOPPED, safety_snapshot=safety())
    assert problems(rename(traffic), found) == {}
    assert problems(rename(traffic), moved()) == {}


def test_what_has_the_name_follows_it_and_the_secret_may_stay_whose_it_is() -> None:
    told = Reference("worker", "ConfigMap/shop/HOST", SOURCE_HOST)
    keeper = Writer("ExternalSecret", "database-credentials", "keeps it", "docs/operate.md", blocking=True)
    kept = replace(RUNNING, references=(told,), writers=(keeper,), secret=secret(immutable=True))
    assert problems(rename(), inventory(cluster=kept)) == {}
    assert len(problems(settings(), inventory(cluster=kept))) == 3


def test_the_preview_says_what_gets_which_name_and_who_does_not_follow() -> None:
    def lines(configured: Settings, found: Inventory) -> str:
        return "\n".join(plan.make(configured, found).notes)

    ahead = lines(rename(), inventory())
    assert f"renames: shop to {ASIDE}, shop-inc-1 to shop (at the switch" in ahead
    assert "DNS cache" in ahead
    assert f"renames: shop to {ASIDE}, shop-inc-1 to shop\n" in lines(
        rename(Traffic.RESTORED), restored(cluster=FROZEN)
    )
    assert f"renames: shop to shop-inc-1, {ASIDE} to shop\n" in lines(rename(Traffic.SOURCE), moved())
    assert "renames: nothing" in lines(rename(Traffic.RESTORED), moved())
    assert "renames" not in lines(settings(), inventory())


def test_the_url_is_never_changed_and_pods_are_started_again_for_another_database() -> None:
    forth, back = plan.make(rename(Traffic.RESTORED), moved()), plan.make(rename(Traffic.SOURCE), moved())
    assert (forth.secret, back.secret) == (None, None)
    assert {app.endpoint for planned in (forth, back) for app in planned.apps} == {SOURCE_AT}
    assert {app.pod_annotation for app in forth.apps} != {app.pod_annotation for app in back.apps}
    assert {app.served for app in forth.apps} == {"db-CANDIDATE"}


def test_a_dead_candidate_with_production_s_name_does_not_prevent_the_way_back() -> None:
    dead = candidate(identifier="shop", endpoint=SOURCE_AT, status="storage-full")
    found = moved(candidate=dead, open_restores=(dead,))
    assert "pulumi config set cutover secret" in only_problem(rename(Traffic.SOURCE), found).fix
    by_url = settings(asked(PITR, traffic=Traffic.SOURCE))
    assert problems(by_url, found) == {}
    planned = plan.make(by_url, found)
    assert planned.secret is not None
    assert ASIDE_AT.host in planned.secret.url
    assert {app.endpoint for app in planned.apps} == {ASIDE_AT}
    assert planned.serving is not None
    assert planned.serving.resource_id == "db-SOURCE"
    notes = {ANNOTATION_ID: "inc-1", ANNOTATION_PREVIOUS: str(SOURCE_AT)}
    switched = secret(planned.secret.url, annotations=notes)
    after = moved(candidate=dead, open_restores=(dead,), cluster=replace(STOPPED, secret=switched))
    assert problems(by_url, after) == {}
    again = plan.make(by_url, after)
    assert again.secret is not None
    assert again.secret.url == planned.secret.url
