"""A rotation that would lock running applications out, or that nobody has proved a candidate for, is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from restore.credentials.plan import LEAVE_SOURCE, RotationPlan, find_problems, render
from restore.errors import Problem
from restore.model.cluster import Writer
from restore.model.context import RestoreContext
from restore.model.inventory import Inventory
from restore.model.managed_login import is_kept_by_rds
from restore.model.region import SourceRegion
from restore.model.request import Login, Traffic
from tests.support import worlds as w

FROZEN = replace(w.PITR, traffic=Traffic.FROZEN)
KEEPER = Writer("ExternalSecret", "database-credentials", "refreshes it", "kubectl -n shop scale", blocking=True)
ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:rds!db-1-AbCdEf"


def frozen(**changes: object) -> RestoreContext:
    cluster = replace(w.RUNNING, deployments={"api": w.held("api", 0, 3), "indexer": w.held("indexer", 0, 2)})
    inventory: Inventory = replace(w.restored(), candidate=w.candidate(), cluster=cluster)
    return RestoreContext(w.settings(FROZEN), FROZEN, replace(inventory, **changes))


def found(
    context: RestoreContext, *, proved: bool = True, pods: tuple[str, ...] = (), leave: bool = False
) -> list[Problem]:
    return [*find_problems(context, proved=proved, pods=pods, leave_source=leave)]


def test_a_frozen_restore_with_a_validated_candidate_may_rotate() -> None:
    assert found(frozen()) == []


def test_running_applications_would_be_locked_out() -> None:
    running = frozen(cluster=w.RUNNING)
    assert ["traffic is source" in item.found for item in found(running)] == [True]
    assert found(frozen(), pods=("api-1",))[0].found == "pods that haven't ended: api-1"


def test_a_candidate_that_nobody_proved_gets_no_password() -> None:
    assert "gate validated hasn't opened" in found(frozen(), proved=False)[0].found
    assert found(frozen(candidate=None))[0].found == "no such instance of this restore"


def test_a_source_that_is_gone_is_left_on_purpose_only() -> None:
    assert found(frozen(source=None))[0].fix == LEAVE_SOURCE
    assert found(frozen(source=None), leave=True) == []


def test_a_source_of_another_region_keeps_its_passwords_on_purpose_only() -> None:
    elsewhere = frozen(source_region=SourceRegion("us-east-1"))
    assert (found(elsewhere)[0].found, found(elsewhere)[0].fix) == ("it is in us-east-1", LEAVE_SOURCE)
    assert found(elsewhere, leave=True) == []


@pytest.mark.parametrize("change", [{"url": None}, {"immutable": True}])
def test_a_secret_that_cant_take_the_new_password_is_told_before_one_is_set(change: dict[str, object]) -> None:
    context = frozen()
    cluster = context.inventory.cluster
    assert cluster.secret is not None
    secret = replace(cluster.secret, **change)
    refused = found(frozen(cluster=replace(cluster, secret=secret)))
    assert "secret database-credentials" in {item.subject for item in refused}


def test_who_would_put_the_former_password_back_is_stopped_first() -> None:
    cluster = replace(frozen().inventory.cluster, writers=(KEEPER,))
    context = frozen(cluster=cluster)
    assert [item.subject for item in found(context)] == [KEEPER.check]
    waived = replace(context.settings, waive={KEEPER.check: "its operator is scaled to zero"})
    assert [*find_problems(replace(context, settings=waived), proved=True, pods=(), leave_source=False)] == []


def test_a_source_that_keeps_its_passwords_is_said_to_close_the_way_back() -> None:
    plan = RotationPlan("inc-1", (w.candidate(),), "shop_admin", "shop_app", ("Secret database-credentials",))
    assert "the way back to the source is closed" in render(plan)
    both = replace(plan, databases=(w.candidate(), w.instance()))
    assert "the way back" not in render(both)


@pytest.mark.parametrize(
    ("login", "kept"),
    [
        (Login("admin", "rds!db-1"), True),
        (Login("admin", ARN), True),
        (Login("admin", "rds!db-2"), False),
        (Login("admin", "db-password"), False),
        (Login("admin", "rds!db-1", iam=True), False),
    ],
)
def test_only_the_secret_that_rds_keeps_is_rotated_by_rds(login: Login, kept: bool) -> None:
    assert is_kept_by_rds(login, replace(w.instance(), managed_secret=ARN)) is kept
