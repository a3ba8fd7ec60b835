"""A network that shuts the pods out is refused in the preview, not found by a gate while nobody is served."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from restore import plan
from restore.errors import Problem
from restore.inventory.network import list_pod_callers, list_targets
from restore.model.context import RestoreContext
from restore.model.inventory import Inventory
from restore.model.network import Caller, Ingress, Interface, Network, Target
from restore.model.nodes import NodePod
from restore.model.rds import Endpoint
from restore.model.request import Runner, Settings, Traffic
from restore.preflight.network import is_asked
from tests.support import worlds as w

POD = Caller("api-1", ("10.0.1.20",))
ELSEWHERE = Caller("api-1", ("10.9.1.20",))
LAPTOP = Caller("this machine", ("192.168.1.7",))
INTERFACES = (Interface("vpc-1", ("10.0.1.20",), frozenset({"sg-nodes"})),)
BATCH = Ingress(group="sg-batch")


def target(*rules: Ingress, **changes: Any) -> Target:
    return replace(Target("shop-inc-1", 5432, ("sg-1", "sg-2"), "shop-subnets", "vpc-1", ingress=rules), **changes)


def world(
    goal: Target, *, pods: tuple[Caller, ...] = (POD,), here: tuple[Caller, ...] = (), **changes: Any
) -> Inventory:
    return w.inventory(network=Network((goal,), pods, here, INTERFACES), **changes)


def path_notes(inventory: Inventory, settings: Settings | None = None) -> list[str]:
    notes = plan.make(settings or w.settings(), inventory).notes
    return [note for note in notes if "path" in note or "tunnel" in note]


def context(settings: Settings, inventory: Inventory) -> RestoreContext:
    assert settings.request is not None
    return RestoreContext(settings, settings.request, inventory)


def test_pods_that_are_surely_shut_out_are_refused_and_can_be_waived() -> None:
    problem = w.only_problem(w.settings(), world(target(BATCH)))
    assert problem.subject == "path from the pods"
    assert "to shop-inc-1: api-1: sg-1, sg-2 let in members of sg-batch at port 5432" in problem.found
    assert "10.0.1.20 (in sg-nodes)" in problem.found
    assert """'waive["preflight.path:pods"]'""" in problem.fix
    waived = w.settings(waive={"preflight.path:pods": "the pods move to other nodes tonight"})
    assert w.problems(waived, world(target(BATCH))) == {}


def test_groups_that_let_nobody_in_are_refused_whoever_may_be_asked() -> None:
    assert w.only_problem(w.settings(), world(target(), pods=())).found == (
        "to shop-inc-1: sg-1, sg-2 let nobody in at port 5432"
    )


def test_a_group_that_is_not_there_is_refused_by_its_key() -> None:
    problem = w.only_problem(w.settings(), world(target(ingress=None, gone=True)))
    assert problem.subject == "config instance.vpcSecurityGroupIds"
    assert w.problems(w.settings(waive={"preflight.path:groups": "made by tonight's change"}), world(target(gone=True)))


def test_what_is_not_known_refuses_nothing_and_is_one_note() -> None:
    other = target(BATCH, groups=("sg-new",))
    (note,) = path_notes(world(other, pods=(ELSEWHERE, ELSEWHERE), here=(LAPTOP,)))
    assert note.startswith("note: not known whether there is a path from the pods to shop-inc-1: api-1: sg-new let in")
    assert "; path from here to shop-inc-1: this machine" in note


def test_the_way_by_which_the_source_is_reached_today_is_no_reason_to_worry() -> None:
    assert path_notes(world(target(BATCH), pods=(ELSEWHERE,), here=(LAPTOP,))) == []


def test_this_machine_that_has_just_logged_in_to_the_source_is_not_refused_behind_the_same_groups() -> None:
    here = Caller("this machine", ("10.0.1.20",))
    assert w.problems(w.settings(), world(target(BATCH), pods=(), here=(here,))) == {}
    silent = Problem("shop:5432", "no answer", "an answer", "docs/troubleshooting.md")
    listed = w.problems(w.settings(), world(target(BATCH), pods=(), here=(here,), source_silence=silent))
    assert "path from here" in listed
    assert "path from here" in w.problems(w.settings(), world(target(BATCH, groups=("sg-9",)), pods=(), here=(here,)))


def test_what_may_not_be_asked_is_told_in_one_line_and_refuses_nothing() -> None:
    denied = Network((target(ingress=None),), unasked={"security groups": "denied", "network ACLs": "denied"})
    assert path_notes(w.inventory(network=denied)) == [
        "note: not asked: the network path: security groups (denied); network ACLs (denied); "
        "docs/permissions.md has the rights"
    ]


def test_a_tunnel_to_the_source_alone_is_told() -> None:
    through = w.instance(endpoint=Endpoint(w.SOURCE_HOST, 5432, "127.0.0.1:15432"))
    (note,) = path_notes(world(target(BATCH), pods=(), source=through))
    assert "shop-inc-1 needs one of its own" in note
    own = w.settings(tunnel={"shop-inc-1": "127.0.0.1:15433"})
    assert path_notes(world(target(BATCH), pods=(), source=through), own) == []


@pytest.mark.parametrize(
    ("traffic", "inventory", "asked"),
    [
        (Traffic.FROZEN, w.inventory(), True),
        (Traffic.FROZEN, w.restored(), True),
        (Traffic.FROZEN, w.restored(cluster=w.FROZEN), False),
        (Traffic.RESTORED, w.restored(cluster=w.FROZEN), False),
        (Traffic.SOURCE, w.inventory(), True),
        (Traffic.SOURCE, w.restored(cluster=w.FROZEN), False),
        (Traffic.FROZEN, w.restored(cluster=w.SWITCHED), False),
    ],
)
def test_once_the_applications_are_down_the_path_is_no_reason_to_stay_there(
    traffic: Traffic, inventory: Inventory, asked: bool
) -> None:
    assert is_asked(context(w.settings(w.asked(traffic=traffic)), inventory)) is asked


def test_the_candidate_s_own_groups_count_and_in_jobs_the_source_s_where_they_are_others() -> None:
    changed = w.settings(instance={"vpcSecurityGroupIds": ("sg-9",)}, runner=Runner.KUBERNETES)
    targets = list(list_targets(context(changed, w.inventory())))
    assert [(item.instance, item.groups) for item in targets] == [("shop-inc-1", ("sg-9",)), ("shop", ("sg-1", "sg-2"))]
    same = list(list_targets(context(w.settings(runner=Runner.KUBERNETES), w.inventory())))
    assert [item.instance for item in same] == ["shop-inc-1"]
    made = w.candidate(settings=replace(w.SOURCE_SETTINGS, vpc_security_group_ids=("sg-7",), port=6432))
    (found,) = list_targets(context(w.settings(), w.restored(candidate=made)))
    assert (found.groups, found.port) == (("sg-7",), 6432)


def test_only_the_applications_own_pods_must_get_through() -> None:
    pods = (
        NodePod("a", deployment=("shop-prod", "api"), name="api-1", address="10.0.1.20", host="10.0.1.5"),
        NodePod("a", deployment=("shop-prod", "frontend"), name="frontend-1", address="10.0.1.21", host="10.0.1.5"),
        NodePod("a", deployment=("shop-prod", "indexer"), name="indexer-1"),
        NodePod("a", deployment=("shop-prod", "indexer"), name="indexer-2", address="10.0.1.5", host="10.0.1.5"),
    )
    assert list_pod_callers(context(w.settings(), w.inventory()), pods) == (
        Caller("api-1", ("10.0.1.20", "10.0.1.5")),
        Caller("indexer-2", ("10.0.1.5",)),
    )
