"""What is looked at and what is changed are one account, which may be changed, and which the operator sees."""

from __future__ import annotations

import pytest

from restore.errors import Problem
from restore.model.aws_account import AwsLogin, Caller
from restore.plan import make
from tests.support.worlds import inventory, problems, settings

ARN = "arn:aws:sts::123456789012:assumed-role/ops/alice"
OPS = Caller("123456789012", ARN)
OTHER = Caller("210987654321", "arn:aws:iam::210987654321:user/ci")


def only(found: dict[str, Problem]) -> Problem:
    (problem,) = found.values()
    return problem


def test_a_plugin_of_another_account_than_preflights_changes_nothing() -> None:
    problem = only(problems(settings(), inventory(caller=OPS, plugin_caller=OTHER)))
    assert problem.subject == "account 210987654321"
    assert ARN in problem.found
    assert OTHER.arn in problem.found


def test_two_sessions_of_one_role_are_one_identity_and_two_roles_are_told() -> None:
    session = Caller(OPS.account, f"{ARN.rpartition('/')[0]}/aws-go-sdk-1")
    role = Caller(OPS.account, "arn:aws:sts::123456789012:assumed-role/admin/alice")
    same = make(settings(), inventory(caller=OPS, plugin_caller=session)).notes
    two = make(settings(), inventory(caller=OPS, plugin_caller=role)).notes
    assert same[0] == f"account: 123456789012, region us-east-1, as {ARN}"
    assert not any("plugin" in note for note in same)
    assert any(role.arn in note for note in two)


@pytest.mark.parametrize(
    ("login", "needed"),
    [
        (AwsLogin(allowed_accounts=("210987654321",)), "allowedAccountIds"),
        (AwsLogin(forbidden_accounts=("123456789012",)), "forbiddenAccountIds"),
    ],
)
def test_an_account_that_may_not_be_changed_is_refused_before_the_plugin_starts(login: AwsLogin, needed: str) -> None:
    problem = only(problems(settings(aws_login=login), inventory(caller=OPS, plugin_caller=OPS)))
    assert needed in problem.needed


def test_an_allowed_account_is_refused_by_nothing() -> None:
    login = AwsLogin(allowed_accounts=("123456789012",), forbidden_accounts=("210987654321",))
    assert problems(settings(aws_login=login), inventory(caller=OPS, plugin_caller=OPS)) == {}
