"""A drill deletes the instance that a drill of this stack made, and nothing else, ever."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from restore.drill.remains import Discarding, find_remains, find_use
from restore.errors import PermanentError
from restore.model.rds import Endpoint, Instance
from tests.support import worlds as w

TAGS = {"restore:drill": "prod", "restore:stack": "prod-drill", "restore:id": "drill-1"}
SETTINGS = w.settings(None)


def drilled(**changes: Any) -> Instance:
    return w.instance("shop-drill-1", "db-DRILL", **{"tags": TAGS, "replicas": (), **changes})


def test_what_a_drill_of_this_stack_has_made_is_found() -> None:
    assert SETTINGS.stack == "prod"
    assert find_remains([w.instance(), drilled()], SETTINGS) == (drilled(),)


def test_a_drill_s_own_instance_is_found_and_none_of_another_drill_at_work() -> None:
    other = replace(drilled(tags=TAGS | {"restore:id": "drill-2"}), identifier="shop-drill-2")
    assert find_remains([drilled(), other], SETTINGS, "drill-1") == (drilled(),)
    assert find_remains([drilled(), other], SETTINGS) == (drilled(), other)


@pytest.mark.parametrize(
    "changed",
    [
        {"restore:drill": "staging"},
        {"restore:stack": "prod"},
        {"restore:id": "inc-1"},
        {"restore:id": ""},
        {"restore:closed": "2026-11-22"},
        {"restore:drill": ""},
    ],
)
def test_an_instance_with_one_other_tag_is_somebody_else_s(changed: dict[str, str]) -> None:
    assert find_remains([drilled(tags=TAGS | changed)], SETTINGS) == ()


def test_a_candidate_of_a_real_restore_is_never_taken_for_a_drill_s() -> None:
    assert find_remains([w.candidate()], SETTINGS) == ()


def test_an_instance_that_was_renamed_is_not_deleted() -> None:
    assert find_remains([replace(drilled(), identifier="shop")], SETTINGS) == ()
    assert find_remains([replace(drilled(), identifier="analytics")], SETTINGS) == ()


def test_an_instance_that_the_applications_use_is_not_deleted() -> None:
    instance = drilled(endpoint=Endpoint(w.CANDIDATE_HOST, 5432))
    problem = find_use(instance, w.secret(w.SWITCHED_URL), [instance])
    assert problem is not None
    assert problem.subject == "drill.kept:shop-drill-1"
    assert find_use(instance, w.secret(w.URL), [instance]) is None


def test_an_instance_with_replicas_or_that_became_one_is_not_deleted() -> None:
    assert find_use(drilled(replicas=("shop-read",)), w.secret(), []) is not None
    assert find_use(drilled(), w.secret(), [w.instance(replicas=("shop-drill-1",))]) is not None


class Rds:
    """RDS with one instance: what was called, and how its status goes on."""

    def __init__(self, *seen: Instance | None) -> None:
        self.seen = list(seen)
        self.calls: list[str] = []

    def find_instance_by_resource_id(self, resource_id: str) -> Instance | None:
        assert resource_id == "db-DRILL"
        return self.seen.pop(0) if len(self.seen) > 1 else self.seen[0]

    def modify(self, resource_id: str, desired: object) -> object:
        self.calls.append(f"modify {resource_id}")
        return desired

    def discard(self, resource_id: str) -> None:
        self.calls.append(f"discard {resource_id}")


def discard(rds: Rds) -> None:
    Discarding(rds, SETTINGS, threading.Event(), longest=0.01).discard("db-DRILL")


def test_protection_is_lifted_before_the_deletion_and_the_end_is_awaited() -> None:
    rds = Rds(drilled(status="creating"), drilled(), drilled(status="deleting"), None)
    discard(rds)
    assert rds.calls == ["modify db-DRILL", "discard db-DRILL"]
    assert rds.seen == [None]


def test_a_deletion_that_a_killed_drill_began_is_gone_on_with() -> None:
    rds = Rds(drilled(status="deleting"), None)
    discard(rds)
    assert rds.calls == []


def test_tags_are_looked_at_once_more_right_before_the_deletion() -> None:
    rds = Rds(drilled(tags=TAGS | {"restore:drill": "staging"}))
    with pytest.raises(PermanentError, match="its tags changed"):
        discard(rds)
    assert rds.calls == []


def test_a_dead_end_is_deleted_too() -> None:
    rds = Rds(drilled(status="incompatible-restore"), None)
    discard(rds)
    assert rds.calls[-1] == "discard db-DRILL"
