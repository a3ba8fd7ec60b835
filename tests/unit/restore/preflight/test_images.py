"""An image that its registry doesn't have is found in the preview; of any other nobody claims to know."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from restore import plan
from restore.model.aws_account import Caller
from restore.model.context import RestoreContext
from restore.model.images import EcrImage, ImageAnswers
from restore.model.inventory import Inventory
from restore.model.nodes import Node, NodePod, NodeRoom
from restore.model.request import Runner, RunnerJob, Settings, Traffic, ValidationSettings
from restore.preflight.images import list_ecr_images
from tests.support import worlds as w

ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
PSQL = f"{ECR}/shop/psql:17"
ROLE = Caller("123456789012", "arn:aws:sts::123456789012:assumed-role/on-call/me")


def site(image: str = PSQL, **changes: Any) -> Settings:
    return w.settings(validation=ValidationSettings(image=image), **changes)


def with_image(image: str, room: NodeRoom | None = None, **changes: Any) -> Inventory:
    inventory = w.inventory(caller=ROLE, nodes=room, **changes)
    deployments = {
        name: item and replace(item, images=(image,)) for name, item in inventory.cluster.deployments.items()
    }
    return replace(inventory, cluster=replace(inventory.cluster, deployments=deployments))


def notes(inventory: Inventory, settings: Settings | None = None) -> list[str]:
    return [note for note in plan.make(settings or w.settings(), inventory).notes if "image" in note]


@pytest.mark.parametrize(
    ("image", "place"),
    [
        (PSQL, EcrImage("123456789012", "us-east-1", "shop/psql", "17")),
        (f"{ECR}/psql", EcrImage("123456789012", "us-east-1", "psql", "latest")),
        (f"{ECR}/psql:17@sha256:aa", EcrImage("123456789012", "us-east-1", "psql", digest="sha256:aa")),
        ("123456789012.dkr-ecr.us-west-2.on.aws/psql:1", EcrImage("123456789012", "us-west-2", "psql", "1")),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/p:1", EcrImage("123456789012", "cn-north-1", "p", "1")),
        (
            "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/p:1",
            EcrImage("123456789012", "us-gov-west-1", "p", "1"),
        ),
        ("postgres:17", None),
        ("public.ecr.aws/docker/library/postgres:17", None),
        ("registry.example.com:5000/psql:17", None),
    ],
)
def test_an_image_of_ecr_is_known_by_its_registry(image: str, place: EcrImage | None) -> None:
    assert EcrImage.parse(image) == place


def test_an_image_that_ecr_does_not_have_is_refused_before_anything_stops() -> None:
    missing = with_image("shop/api:1", images=ImageAnswers({PSQL: False}))
    problem = w.only_problem(site(), missing)
    assert problem.subject == "config validation.image"
    assert problem.found == "ECR of account 123456789012 in us-east-1 has no shop/psql:17"
    assert "aws ecr describe-images --region us-east-1 --repository-name shop/psql" in problem.fix
    assert """'waive["preflight.image:validation.image"]'""" in problem.fix
    waived = site(waive={"preflight.image:validation.image": "a pull-through cache fills it"})
    assert w.problems(waived, missing) == {}


def test_the_image_of_the_gates_jobs_is_asked_for_where_gates_run_in_jobs() -> None:
    gates = f"{ECR}/restore:3"
    jobs = RunnerJob(image=gates, service_account="restore-gates")
    in_jobs = w.settings(runner=Runner.KUBERNETES, runner_job=jobs, evidence="s3://shop-evidence/restores")
    missing = with_image("shop/api:1", images=ImageAnswers({gates: False}))
    assert "config runnerJob.image" in w.problems(in_jobs, missing)
    assert "config runnerJob.image" not in w.problems(replace(in_jobs, runner=Runner.LOCAL), missing)


def test_only_this_account_s_ecr_is_asked_and_only_before_anything_stops() -> None:
    def asked(settings: Settings, inventory: Inventory) -> list[str]:
        assert settings.request is not None
        return list(list_ecr_images(RestoreContext(settings, settings.request, inventory)))

    running = with_image("shop/api:1")
    assert asked(site(), running) == [PSQL]
    assert asked(site("postgres:17"), running) == []
    assert asked(site(PSQL.replace("123456789012", "999999999999")), running) == []
    switch = site(request=w.asked(traffic=Traffic.RESTORED))
    assert asked(switch, w.restored(caller=ROLE, cluster=w.FROZEN)) == []


@pytest.mark.parametrize(
    "inventory",
    [
        with_image("docker.io/shop/api:1", NodeRoom((Node("a", images=("docker.io/library/postgres:17",)),))),
        with_image("docker.io/shop/api:1", NodeRoom((Node("a"),), (NodePod("a", images=("postgres:17",)),))),
        with_image("docker.io/shop/api:1", pods=(NodePod("a", images=("postgres:17",)),)),
        with_image("postgres:17"),
    ],
)
def test_an_image_that_a_node_or_a_pod_has_is_no_reason_to_worry(inventory: Inventory) -> None:
    assert notes(inventory) == []


def test_an_image_that_ecr_has_is_no_reason_to_worry() -> None:
    known = with_image(f"{ECR}/shop/api:1", images=ImageAnswers({PSQL: True}))
    assert notes(known, site()) == []


@pytest.mark.parametrize(
    ("image", "room", "told"),
    [
        ("shop/api:1", None, "takes image postgres:17: no application runs it"),
        ("shop/api:1", NodeRoom((Node("a"),)), "no pod runs it and no node tells to have it"),
        ("registry.shop.example/api:1", None, "from docker.io, the applications theirs from registry.shop.example"),
    ],
)
def test_an_image_that_nobody_is_seen_to_have_is_told(image: str, room: NodeRoom | None, told: str) -> None:
    (note,) = notes(with_image(image, room))
    assert told in note
    assert "is known only once one does" in note
    assert "pulumi config set --path validation.image" in note


def test_an_ecr_that_may_not_be_asked_is_told() -> None:
    denied = with_image(f"{ECR}/shop/api:1", images=ImageAnswers(unasked={PSQL: "AccessDeniedException"}))
    (note,) = notes(denied, site())
    assert "ECR wasn't asked (AccessDeniedException; docs/permissions.md has the right)" in note
