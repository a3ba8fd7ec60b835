"""An instance that anybody still needs is not deleted, and every reason is told at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from restore.aws.metrics import Measured
from restore.model.labels import TAG_CLOSED, TAG_FINAL, TAG_SOURCE, TAG_STACK
from restore.model.rds import Instance
from restore.retire.decision import (
    RetireWorld,
    choose_final_snapshot,
    find_line,
    find_problems,
    find_restore_id,
    make_retirement,
    render,
)
from tests.support import worlds as w

CLOSED = w.candidate(tags={**w.candidate().tags, TAG_CLOSED: "2026-11-01T00:00:00Z"})
HOURS = tuple(Measured(0, w.NOW - timedelta(hours=hour)) for hour in range(1, 7 * 24 + 1))
BY_ALIAS = replace(w.settings().secret, source_host="db.shop")
STRANGER = w.instance("billing", "db-BILLING", endpoint=None)


def world(**changes: Any) -> RetireWorld:
    """The source serves; its candidate of a closed restore is to be deleted, and nothing stands against it."""
    base = RetireWorld(
        settings=w.settings(None),
        now=w.NOW,
        target=CLOSED,
        instances=(w.instance(), CLOSED, STRANGER),
        open_restores=(),
        secret=w.secret(),
        snapshots=(),
        backups=(),
        validated=frozenset(),
        connections=HOURS,
        days=7,
    )
    return replace(base, **changes)


def switched(**changes: Any) -> RetireWorld:
    """The restored database serves, and was validated; the old source is to be deleted."""
    base = world(
        settings=w.settings(None, source=CLOSED.identifier),
        target=w.instance(),
        secret=w.secret(w.SWITCHED_URL),
        validated=frozenset({CLOSED.resource_id}),
    )
    return replace(base, **changes)


def found(case: RetireWorld) -> list[str]:
    return [problem.found for problem in find_problems(case)]


@pytest.mark.parametrize("case", [world(), switched()], ids=["candidate", "old source"])
def test_what_nobody_needs_may_go(case: RetireWorld) -> None:
    assert found(case) == []
    shown = render(make_retirement(case))
    assert case.target.resource_id in shown
    assert f"{case.target.identifier}-final-20261122t150000z" in shown
    assert "deletion protection is lifted" in shown


def aside(**changes: Any) -> Instance:
    return replace(CLOSED, **changes)


REFUSED = {
    "serves": (world(secret=w.secret(w.SWITCHED_URL)), "it serves the applications"),
    "serves by alias": (
        world(target=w.instance(), settings=w.settings(None, secret=BY_ALIAS),
              secret=w.secret("postgresql://u@db.shop/shop")),
        "it serves the applications",
    ),
    "nobody knows who serves": (world(secret=w.secret("postgresql://u@proxy.internal/shop")), "names no instance"),
    "no secret": (world(secret=None), "names no instance"),
    "another key names it": (
        world(secret=w.secret(values={"REPORTS_URL": w.SWITCHED_URL})), "another key of secret",
    ),
    "is the source": (world(target=w.instance(), secret=w.secret(w.SWITCHED_URL)), "it is the source of this stack"),
    "is open": (world(open_restores=(w.candidate(),)), "part of restore inc-1, which is open"),
    "is the source of an open restore": (switched(open_restores=(w.candidate(),)), "part of restore inc-1"),
    "a restore is configured": (world(settings=w.settings(w.PITR)), "so it is not closed"),
    "somebody was connected": (
        world(connections=(Measured(3, w.NOW - timedelta(hours=5)), *HOURS)), "up to 3 sessions, last in the hour of",
    ),
    "a reason does not cover sessions": (
        world(connections=(Measured(1, w.NOW - timedelta(hours=5)), *HOURS), not_asked="we know"), "up to 1 sessions",
    ),
    "CloudWatch is silent": (world(connections=()), "not measured in 168 hours"),
    "made minutes ago, and not measured yet": (
        world(target=aside(created=w.NOW - timedelta(minutes=7)), connections=()), "not measured in 1 hour",
    ),
    "CloudWatch can't be asked": (world(connections=None), "CloudWatch can't be asked"),
    "renamed a day ago": (world(connections=HOURS[:24]), "not measured in 144 hours"),
    "last holder": (switched(validated=frozenset()), "its rows stand nowhere else"),
    "the other one is broken": (
        switched(instances=(w.instance(), aside(status="storage-full"))), "its rows stand nowhere else",
    ),
    "unknown": (world(target=STRANGER), "neither made by stack prod"),
    "another product's of the same stack name": (
        world(target=replace(STRANGER, tags={TAG_STACK: "prod", TAG_SOURCE: "db-OTHER"}),
              instances=(w.instance(), w.instance("other", "db-OTHER", endpoint=None))),
        "neither made by stack prod",
    ),
    "status": (world(target=aside(status="modifying")), "status modifying"),
    "replicas": (world(target=aside(replicas=("shop-read",))), "read replicas: shop-read"),
    "cluster": (world(target=aside(db_cluster="multi")), "member of cluster multi"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_somebody_needs_stays(name: str) -> None:
    case, reason = REFUSED[name]
    assert any(reason in said for said in found(case)), found(case)


def test_every_reason_is_told_at_once() -> None:
    case = world(target=replace(STRANGER, status="failed", replicas=("more",)), connections=None, secret=None)
    assert len(found(case)) == 6


def test_a_new_instance_is_not_asked_about_the_time_before_it_was_made() -> None:
    young = aside(created=w.NOW - timedelta(hours=30))
    assert found(world(target=young, connections=HOURS[:30])) == []


def test_what_is_not_known_is_accepted_by_a_reason_that_is_shown() -> None:
    case = world(connections=None, not_asked="stopped since the switch")
    assert found(case) == []
    assert "accepted: stopped since the switch" in render(make_retirement(case))


def test_a_copy_counts_only_when_nothing_can_have_been_written_since() -> None:
    alone = switched(validated=frozenset())
    old, fresh = w.NOW - timedelta(days=8), w.NOW - timedelta(days=1)
    kinds = {"source_resource_id": "db-SOURCE", "kind": "manual", "status": "available"}
    assert found(replace(alone, snapshots=(w.snapshot(created=old, **kinds),)))
    assert found(replace(alone, snapshots=(w.snapshot(created=fresh, **kinds | {"source_resource_id": "db-OTHER"}),)))
    assert found(replace(alone, snapshots=(w.snapshot(created=fresh, **kinds | {"kind": "automated"}),)))
    assert found(replace(alone, snapshots=(w.snapshot(created=fresh, **kinds),))) == []
    window = w.backup(source_resource_id="db-SOURCE", latest=fresh)
    assert found(replace(alone, backups=(window,))) == []
    assert found(replace(alone, backups=(replace(window, latest=old),)))


def test_a_line_holds_what_was_restored_from_it_over_many_steps() -> None:
    made = {"db-B": "db-A", "db-C": "db-B", "db-X": "db-Y"}
    instances = [w.instance(name.lower(), name, tags={TAG_SOURCE: source}) for name, source in made.items()]
    assert find_line(instances, "db-A") == {"db-A", "db-B", "db-C"}


def test_the_final_snapshot_keeps_the_name_of_an_earlier_run_unless_that_is_taken() -> None:
    tagged = aside(tags={**CLOSED.tags, TAG_FINAL: "shop-inc-1-final-1"})
    assert choose_final_snapshot(world(target=tagged)) == "shop-inc-1-final-1"
    taken = world(target=tagged, snapshots=(w.snapshot("shop-inc-1-final-1"),))
    assert choose_final_snapshot(taken) == "shop-inc-1-final-20261122t150000z"


def test_the_deletion_is_recorded_with_the_restore_that_it_belongs_to() -> None:
    assert find_restore_id(world()) == find_restore_id(switched()) == "inc-1"
    assert find_restore_id(world(target=STRANGER)) == "retire-db-billing"
