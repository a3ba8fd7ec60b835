"""Two products whose stacks have one name hold each other up in nothing, and a renamed stack keeps its restore."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

import pytest

from restore.inventory.gather import open_restores
from restore.model.labels import TAG_CLOSED, TAG_ID, TAG_SOURCE, TAG_STACK
from restore.model.rds import Instance
from tests.support.worlds import PITR, asked, candidate, instance, inventory, problems, restored, safety, settings

BILLING = instance("billing", "db-BILLING")
COMMAND = re.compile(r"aws rds add-tags-to-resource .*?(?=; otherwise)")


def tagged(identifier: str, restore_id: str, source: str, stack: str = "prod", **more: str) -> Instance:
    tags = {TAG_ID: restore_id, TAG_STACK: stack, TAG_SOURCE: source, **more}
    return instance(identifier, f"db-OF-{identifier}", tags=tags)


def test_another_products_stack_of_the_same_name_blocks_nothing() -> None:
    theirs = tagged("billing-inc-7", "inc-7", "db-BILLING")
    for configured in (settings(), settings(None)):
        assert open_restores([instance(), BILLING, theirs], configured, instance()) == ()


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (tagged("shop-inc-7", "inc-7", "db-SOURCE"), "of this source"),
        (
            tagged("shop-inc-7", "inc-7", "db-BILLING"),
            "of this stack by its name: the old source is called billing now",
        ),
        (tagged("billing-inc-1", "inc-1", "db-BILLING"), "of the id that is configured: `source` was changed"),
        (tagged("old-inc-7", "inc-7", "db-GONE"), "of a source that is gone"),
        (instance("x", "db-X", tags={TAG_ID: "inc-7", TAG_STACK: "prod"}), "without the tag of a source"),
    ],
)
def test_an_open_restore_of_this_stack_is_never_overlooked(made: Instance, why: str) -> None:
    assert open_restores([instance(), BILLING, made], settings(), instance()) == (made,), why


def test_a_closed_restore_and_another_stacks_are_not_open() -> None:
    closed = tagged("shop-inc-7", "inc-7", "db-SOURCE", **{TAG_CLOSED: "2026-11-01"})
    staging = tagged("shop-inc-8", "inc-8", "db-SOURCE", "staging")
    assert open_restores([instance(), closed, staging], settings(), instance()) == ()


def test_a_renamed_stack_gets_the_commands_that_hand_its_restore_over() -> None:
    found = restored(open_restores=())
    refused = problems(settings(stack="production"), found)
    assert set(refused) == {"instance shop-inc-1", "snapshot shop-inc-1-safety"}
    for arn, problem in (
        (candidate().arn, refused["instance shop-inc-1"]),
        (safety().arn, refused["snapshot shop-inc-1-safety"]),
    ):
        (command,) = COMMAND.findall(problem.fix)
        words = shlex.split(command)
        assert words[3:] == [
            *("--region", "us-east-1", "--resource-name", arn, "--tags"),
            "Key=restore:stack,Value=production",
        ]


@pytest.mark.parametrize(
    "theirs",
    [
        candidate(tags={}),
        candidate(tags={TAG_ID: "inc-2", TAG_STACK: "staging", TAG_SOURCE: "db-SOURCE"}),
        candidate(tags={TAG_ID: "inc-1", TAG_STACK: "staging", TAG_SOURCE: "db-OTHER"}),
    ],
)
def test_what_another_restore_made_is_not_offered(theirs: Instance) -> None:
    problem = problems(settings(asked(PITR)), inventory(candidate=theirs))["instance shop-inc-1"]
    assert "add-tags" not in problem.fix
    assert problem.fix == "pulumi config set id <another one>"


def test_a_source_that_was_lost_hands_its_restore_over_too() -> None:
    renamed = replace(candidate(), tags={**candidate().tags, TAG_STACK: "prod"})
    found = inventory(source=None, candidate=renamed)
    assert "add-tags" in problems(settings(stack="production"), found)["instance shop-inc-1"].fix
