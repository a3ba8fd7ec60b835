"""The evaluator of policies: whatever isn't allowed is denied, and what isn't understood is an error."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.aws.iam.policy import Ask, Decision, PolicyError, Statement, decide, parse

DB = "arn:aws:rds:us-east-1:123456789012:db:"


def policy(**changes: Any) -> tuple[Statement, ...]:
    statement = {"Sid": "S", "Effect": "Allow", "Action": "rds:ModifyDBInstance", "Resource": f"{DB}shop-*", **changes}
    return parse({"Version": "2012-10-17", "Statement": [statement]})


def allowed(statements: tuple[Statement, ...], action: str, resource: str, **context: str) -> bool:
    return decide(statements, Ask(action, resource, context)) is Decision.ALLOWED


def test_what_no_statement_names_is_denied() -> None:
    assert decide((), Ask("rds:ModifyDBInstance", f"{DB}shop-1")) is Decision.IMPLICIT
    assert allowed(policy(), "rds:ModifyDBInstance", f"{DB}shop-1")
    assert not allowed(policy(), "rds:ModifyDBInstance", f"{DB}shop")
    assert not allowed(policy(), "rds:DeleteDBInstance", f"{DB}shop-1")
    assert not allowed(policy(), "rds:ModifyDBInstance", "*")


def test_a_deny_wins_over_every_allow() -> None:
    both = policy(Resource="*") + policy(Effect="Deny")
    assert decide(both, Ask("rds:ModifyDBInstance", f"{DB}shop-1")) is Decision.EXPLICIT
    assert decide(both, Ask("rds:ModifyDBInstance", f"{DB}other")) is Decision.ALLOWED


def test_actions_match_in_any_case_and_with_wildcards_and_resources_in_theirs() -> None:
    assert allowed(policy(Action=["s3:*", "RDS:modify*"]), "rds:ModifyDBInstance", f"{DB}shop-1")
    assert allowed(policy(Action="*"), "rds:ModifyDBInstance", f"{DB}shop-1")
    assert allowed(policy(Resource=f"{DB}shop-?"), "rds:ModifyDBInstance", f"{DB}shop-1")
    assert not allowed(policy(Resource=f"{DB}shop-?"), "rds:ModifyDBInstance", f"{DB}shop-12")
    assert not allowed(policy(), "rds:ModifyDBInstance", f"{DB}SHOP-1")
    assert not allowed(policy(Resource=f"{DB}shop.1"), "rds:ModifyDBInstance", f"{DB}shop-1")


@pytest.mark.parametrize(
    ("condition", "holding", "failing"),
    [
        ({"StringEquals": {"aws:RequestTag/a": ["1", "2"]}}, {"aws:RequestTag/a": "2"}, {"aws:RequestTag/a": "3"}),
        ({"StringEquals": {"iam:PassedToService": "x"}}, {"iam:PassedToService": "x"}, {}),
        ({"StringLike": {"s3:prefix": "dumps/*"}}, {"s3:prefix": "dumps/1"}, {"s3:prefix": "other"}),
        ({"StringLike": {"s3:prefix": "dumps/*"}}, {"s3:prefix": "dumps/"}, {}),
        ({"Bool": {"kms:GrantIsForAWSResource": "true"}}, {"kms:GrantIsForAWSResource": "True"}, {}),
        ({"Null": {"aws:ResourceTag/restore:stack": "false"}}, {"aws:ResourceTag/restore:stack": "prod"}, {}),
        ({"Null": {"aws:ResourceTag/restore:stack": "true"}}, {}, {"aws:ResourceTag/restore:stack": "prod"}),
        (
            {"StringEquals": {"s3:prefix": "a"}, "Bool": {"kms:GrantIsForAWSResource": "true"}},
            {"s3:prefix": "a", "kms:GrantIsForAWSResource": "true"},
            {"s3:prefix": "a"},
        ),
    ],
)
def test_a_statement_counts_only_while_all_its_conditions_hold(
    condition: dict[str, Any], holding: dict[str, str], failing: dict[str, str]
) -> None:
    statements = policy(Condition=condition)
    assert allowed(statements, "rds:ModifyDBInstance", f"{DB}shop-1", **holding)
    assert not allowed(statements, "rds:ModifyDBInstance", f"{DB}shop-1", **failing)


@pytest.mark.parametrize(
    "change",
    [
        {"NotAction": "rds:*"},
        {"NotResource": "*"},
        {"Principal": "*"},
        {"Effect": "allow"},
        {"Action": "ModifyDBInstance"},
        {"Resource": "shop-*"},
        {"Resource": "arn:aws:s3:::bucket/${aws:username}/*"},
        {"Condition": {"StringEqualsIgnoreCase": {"s3:prefix": "a"}}},
        {"Condition": {"StringEquals": {"aws:SourceIp": "10.0.0.0/8"}}},
    ],
)
def test_what_is_not_understood_is_an_error_and_never_an_allow(change: dict[str, Any]) -> None:
    with pytest.raises(PolicyError):
        policy(**change)


def test_an_older_language_is_an_error() -> None:
    with pytest.raises(PolicyError, match="2008-10-17"):
        parse({"Version": "2008-10-17", "Statement": []})
