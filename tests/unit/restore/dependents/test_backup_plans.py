"""A database that a plan only seems to select is a database that nobody backs up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from restore.dependents.backup_plans import list_plans, match_selection, name_new_selection
from restore.model.dependents import BackupSelection, KnownBy
from tests.support.worlds import candidate, instance

SOURCE, CANDIDATE = instance(), candidate()
BY_ARN = BackupSelection("p-1", "daily", "s-1", "databases", "role", resources=(SOURCE.arn,))
BY_TAG = replace(BY_ARN, resources=(), any_tags=(("team", "shop"), ("team", "other")))


def test_an_arn_selects_the_source_and_not_what_is_restored_from_it() -> None:
    assert match_selection(BY_ARN, SOURCE) is KnownBy.ARN
    assert match_selection(BY_ARN, CANDIDATE) is None
    assert list_plans([BY_ARN], CANDIDATE) == {}


def test_tags_take_a_restored_instance_along() -> None:
    assert match_selection(BY_TAG, SOURCE) is KnownBy.TAGS
    assert match_selection(BY_TAG, CANDIDATE) is KnownBy.TAGS
    assert match_selection(BY_TAG, replace(CANDIDATE, tags={})) is None
    assert list_plans([BY_TAG, BY_ARN], CANDIDATE) == {"p-1": "daily"}


@pytest.mark.parametrize(
    ("pattern", "selected"),
    [("*", True), ("arn:aws:rds:*:*:db:*", True), ("arn:aws:rds:*:*:db:shop-*", True), ("arn:aws:ec2:*", False)],
)
def test_a_pattern_of_arns_selects_what_it_fits(pattern: str, selected: bool) -> None:
    assert bool(match_selection(replace(BY_ARN, resources=(pattern,)), CANDIDATE)) is selected


def test_what_is_excluded_is_in_no_plan_whatever_selects_it() -> None:
    assert match_selection(replace(BY_TAG, not_resources=("arn:aws:rds:*:*:db:shop-inc-*",)), CANDIDATE) is None


def test_a_selection_that_says_nothing_selects_everything() -> None:
    assert match_selection(replace(BY_ARN, resources=()), CANDIDATE) is KnownBy.TAGS


@pytest.mark.parametrize(
    ("operator", "value", "holds"),
    [
        ("StringEquals", "shop", True),
        ("StringEquals", "other", False),
        ("StringNotEquals", "other", True),
        ("StringNotEquals", "shop", False),
        ("StringLike", "sh*", True),
        ("StringNotLike", "sh*", False),
        ("SomethingNew", "shop", False),
    ],
)
def test_every_condition_must_hold(operator: str, value: str, holds: bool) -> None:
    condition = (operator, "aws:ResourceTag/team", value)
    selection = replace(BY_ARN, resources=("*",), conditions=(condition,))
    assert bool(match_selection(selection, CANDIDATE)) is holds
    never = ("StringEquals", "aws:ResourceTag/missing", "x")
    assert match_selection(replace(selection, conditions=(condition, never)), CANDIDATE) is None


def test_a_selection_of_a_restore_has_a_name_that_aws_takes() -> None:
    assert name_new_selection("inc-1234") == "restore-inc-1234"
    assert len(name_new_selection("x" * 80)) == 50
