"""From every state between two calls the names come to their end, or a sentence says why not; none is ever lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from restore.cutover import names
from restore.cutover.names import Done, Obstacle, Rename, Wait, find_next_step, find_pair, plan_rename
from restore.cutover.traffic import ConnectionTarget, find_databases, find_pointing, find_traffic, was_switched_before
from restore.model.context import RestoreContext
from restore.model.inventory import Inventory
from restore.model.labels import ANNOTATION_PREVIOUS, ANNOTATION_SERVED, TAG_ID
from restore.model.planned import RenamePlan
from restore.model.rds import Endpoint, Instance
from restore.model.rds_status import STATUSES, Condition
from restore.model.request import Cutover, Request, Settings, Traffic
from tests.support import worlds
from tests.support.worlds import SOURCE_AT, asked, candidate, cluster, held, instance, inventory, secret, settings

PRODUCTION, ASIDE, OWN = "shop", "shop-before-inc-1", "shop-inc-1"
FORTH = RenamePlan(PRODUCTION, "db-CANDIDATE", "db-SOURCE", ASIDE)
BACK = RenamePlan(PRODUCTION, "db-SOURCE", "db-CANDIDATE", OWN)
MOST_STEPS = 8
ENDS = [status for status, meaning in STATUSES.items() if meaning.condition is Condition.IN_TRANSITION]
STAYS = [
    status
    for status, meaning in STATUSES.items()
    if meaning.condition in (Condition.BROKEN, Condition.DEAD_END, Condition.LEAVING)
]


def world(source: str | None, made: str | None, /, **changes: Mapping[str, Any]) -> list[Instance]:
    """The two instances under these names, with changes by `source`, `candidate`."""
    found = [
        instance(source, **changes.get("source", {})) if source else None,
        candidate(identifier=made, **changes.get("candidate", {})) if made else None,
    ]
    return [one for one in found if one]


def obey(step: Rename, found: list[Instance]) -> list[Instance]:
    """As RDS answers a rename: it begins, and ends later."""
    assert step.identifier not in {one.identifier for one in found}, step
    begun: dict[str, Any] = {"status": "renaming", "pending": {"DBInstanceIdentifier": step.identifier}}
    return [replace(one, **begun) if one.resource_id == step.resource_id else one for one in found]


def settle(found: list[Instance]) -> list[Instance]:
    """As RDS ends what it has begun."""
    return [
        replace(one, identifier=one.pending.get("DBInstanceIdentifier", one.identifier), status="available", pending={})
        for one in found
    ]


def states(plan: RenamePlan, found: list[Instance]) -> Iterator[tuple[list[Instance], names.Step]]:
    """Each state on the way, with the step that is taken there: a kill may leave any of them."""
    for _ in range(MOST_STEPS):
        step = find_next_step(plan, found)
        yield found, step
        match step:
            case Done() | Obstacle():
                return
            case Wait():
                found = settle(found)
            case Rename():
                found = obey(step, found)
    pytest.fail(f"no end within {MOST_STEPS} steps: {found}")


def holder_of(found: list[Instance]) -> str | None:
    return next((one.resource_id for one in found if one.identifier == PRODUCTION), None)


@pytest.mark.parametrize("plan", [FORTH, BACK])
@pytest.mark.parametrize(
    ("source", "made"),
    [pair for pair in product((PRODUCTION, ASIDE, "elsewhere"), (PRODUCTION, OWN, "other")) if pair[0] != pair[1]],
)
@pytest.mark.parametrize("turning", [None, "source", "candidate"])
def test_from_every_state_between_two_calls_the_name_comes_to_its_holder(
    plan: RenamePlan, source: str, made: str, turning: str | None
) -> None:
    for status in ENDS if turning else ["available"]:
        found = world(source, made, **({turning: {"status": status}} if turning else {}))
        passed = list(states(plan, found))
        last, step = passed[-1]
        assert isinstance(step, Done), status
        assert holder_of(last) == plan.holder, status
        assert not any(isinstance(taken, Obstacle) for _, taken in passed), status


@pytest.mark.parametrize(("plan", "other"), [(FORTH, BACK), (BACK, FORTH)])
def test_from_every_state_of_one_way_the_other_way_leads_to_its_end(plan: RenamePlan, other: RenamePlan) -> None:
    for state, _ in states(plan, world(PRODUCTION, OWN) if plan is FORTH else world(ASIDE, PRODUCTION)):
        assert isinstance(list(states(other, state))[-1][1], Done)


@pytest.mark.parametrize("status", STAYS)
@pytest.mark.parametrize("broken", ["source", "candidate"])
def test_production_is_not_renamed_away_while_nobody_can_take_its_name(status: str, broken: str) -> None:
    step = find_next_step(FORTH, world(PRODUCTION, OWN, **{broken: {"status": status}}))
    assert isinstance(step, Obstacle)
    assert status in step.found


@pytest.mark.parametrize("where", ["source", "candidate"])
def test_a_change_that_somebody_else_has_queued_is_never_applied_along(where: str) -> None:
    found = world(PRODUCTION, OWN, **{where: {"pending": {"EngineVersion": "18.1"}}})
    step = find_next_step(FORTH, found)
    assert isinstance(step, Obstacle)
    assert step.pending
    assert isinstance(find_next_step(FORTH, found, frozenset({step.instance})), Rename)


@pytest.mark.parametrize(
    ("name", "source", "made"), [(PRODUCTION, ASIDE, OWN), (ASIDE, PRODUCTION, OWN), (PRODUCTION, "elsewhere", OWN)]
)
def test_a_name_that_a_stranger_has_is_never_taken_from_it(name: str, source: str, made: str) -> None:
    stranger = instance(name, "db-STRANGER")
    step = find_next_step(FORTH, [*world(source, made), stranger])
    assert isinstance(step, Obstacle)
    assert "db-STRANGER" in step.found


def test_a_member_of_a_cluster_is_not_renamed() -> None:
    step = find_next_step(FORTH, world(PRODUCTION, OWN, source={"db_cluster": "shops"}))
    assert isinstance(step, Obstacle)
    assert "shops" in step.found


def test_a_source_that_is_gone_needs_no_other_name() -> None:
    assert find_next_step(replace(FORTH, leaver=None), world(None, OWN)) == Rename("db-CANDIDATE", PRODUCTION)
    gone = find_next_step(BACK, world(None, PRODUCTION))
    assert isinstance(gone, Obstacle)


# Who is who, by what is found


REQUEST = asked(cutover=Cutover.RENAME)
HELD = {ANNOTATION_PREVIOUS: str(SOURCE_AT)}


def context(
    found: list[Instance], traffic: Traffic = Traffic.FROZEN, replicas: int = 0, notes: Mapping[str, str] | None = None
) -> RestoreContext:
    request: Request = asked(REQUEST, traffic=traffic)
    configured: Settings = settings(request)
    source, made = find_pair(found, configured)
    noted = {**HELD, **(notes or {})}
    apps = cluster(held("api", replicas, 3, **noted), held("indexer", replicas, 2, **noted), secret())
    read: Inventory = inventory(source=source, candidate=made, cluster=apps)
    return RestoreContext(configured, request, read)


def at(found: list[Instance], endpoints: Mapping[str, Endpoint]) -> list[Instance]:
    return [replace(one, endpoint=endpoints[one.identifier]) for one in found]


ENDPOINTS = {name: Endpoint(f"{name}.abc.us-east-1.rds.amazonaws.com", 5432) for name in (PRODUCTION, ASIDE, OWN)}
PLACES = [
    ((PRODUCTION, OWN), ConnectionTarget.SOURCE),
    ((ASIDE, OWN), ConnectionTarget.NOBODY),
    ((ASIDE, PRODUCTION), ConnectionTarget.CANDIDATE),
]


@pytest.mark.parametrize(("places", "target"), PLACES)
def test_which_database_serves_is_known_in_every_state(places: tuple[str, str], target: ConnectionTarget) -> None:
    seen = context(at(world(*places), ENDPOINTS))
    assert seen.source is not None
    assert seen.candidate is not None
    assert (seen.source.resource_id, seen.candidate.resource_id) == ("db-SOURCE", "db-CANDIDATE")
    assert find_pointing(seen) is target
    assert find_traffic(seen) is Traffic.FROZEN
    serving, left = find_databases(seen)
    on_candidate = target is ConnectionTarget.CANDIDATE
    assert [one and one.resource_id for one in (serving, left)] == (
        ["db-CANDIDATE", "db-SOURCE"] if on_candidate else ["db-SOURCE", "db-CANDIDATE"]
    )
    running = {ConnectionTarget.SOURCE: Traffic.SOURCE, ConnectionTarget.CANDIDATE: Traffic.RESTORED}
    assert find_traffic(context(at(world(*places), ENDPOINTS), replicas=1)) is running.get(target)


@pytest.mark.parametrize(("places", "target"), PLACES)
def test_an_alias_of_production_names_whoever_has_its_name(places: tuple[str, str], target: ConnectionTarget) -> None:
    seen = context(at(world(*places), ENDPOINTS))
    alias = replace(seen.settings.secret, source_host="db.shop.internal")
    url = worlds.URL.replace(worlds.SOURCE_HOST, "db.shop.internal")
    found = replace(seen.inventory, cluster=replace(seen.inventory.cluster, secret=secret(url)))
    assert find_pointing(RestoreContext(replace(seen.settings, secret=alias), seen.request, found)) is target


def test_a_candidate_that_has_served_is_production_also_under_its_own_name_again() -> None:
    found = at(world(PRODUCTION, OWN), ENDPOINTS)
    assert not was_switched_before(context(found))
    assert was_switched_before(context(found, notes={ANNOTATION_SERVED: "db-CANDIDATE"}))


def test_an_instance_of_production_s_name_that_is_not_this_restore_s_is_the_source() -> None:
    other = instance(PRODUCTION, tags={TAG_ID: "inc-0"})
    assert find_pair([other], settings(REQUEST)) == (other, None)


def test_a_stranger_under_production_s_name_is_not_taken_for_the_source_that_was_renamed_aside() -> None:
    stranger = instance(PRODUCTION, "db-STRANGER")
    source, made = find_pair([*world(ASIDE, OWN), stranger], settings(REQUEST))
    assert [one and one.resource_id for one in (source, made)] == ["db-SOURCE", "db-CANDIDATE"]


def test_an_instance_that_only_looks_like_the_source_aside_is_not_given_production_s_name() -> None:
    assert find_pair([instance(ASIDE, "db-OTHER"), *world(None, OWN)], settings(REQUEST))[0] is None


@pytest.mark.parametrize("traffic", list(Traffic))
def test_each_way_means_both_instances_by_what_no_rename_changes(traffic: Traffic) -> None:
    seen = context(at(world(ASIDE, PRODUCTION), ENDPOINTS), traffic)
    assert plan_rename(seen, back=False) == FORTH
    assert plan_rename(seen, back=True) == BACK
    wanted = {Traffic.RESTORED: FORTH, Traffic.SOURCE: BACK, Traffic.FROZEN: None}
    assert names.rename_plan(seen) == wanted[traffic]
