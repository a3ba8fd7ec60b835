"""What IAM denies is told right by right; who may not ask, or has no policies to ask about, is told that once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from restore.aws import Aws
from restore.aws.access import group_rights, simulate_rights
from restore.model.aws_account import Caller
from restore.model.rights import AwsRight, Denied

ROLE = Caller("123456789012", "arn:aws:sts::123456789012:assumed-role/on-call/me")
TAGS = (("aws:ResourceTag/restore:stack", "prod"),)
MODIFY = AwsRight("rds:ModifyDBInstance", "arn:db", TAGS)
TAG = AwsRight("rds:AddTagsToResource", "arn:db", TAGS)
READ = AwsRight("rds:DescribeDBInstances")


class Iam:
    """IAM that allows these actions, a page for each of them."""

    def __init__(self, *allowed: str, error: str = "", path: str = ""):
        self.allowed, self.error, self.path = allowed, error, path
        self.requests: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def open_client(self, service: str) -> Iam:
        assert service in ("iam", "kms")
        return self

    def get_role(self, **request: str) -> dict[str, Any]:
        if not self.path:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetRole")
        return {"Role": {"Arn": f"arn:aws:iam::123456789012:role/{self.path}{request['RoleName']}"}}

    def describe_key(self, **request: str) -> dict[str, Any]:
        managers = {"arn:key/aws": "AWS", "arn:key/own": "CUSTOMER"}
        if request["KeyId"] not in managers:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DescribeKey")
        return {"KeyMetadata": {"KeyManager": managers[request["KeyId"]]}}

    def get_paginator(self, operation: str) -> Iam:
        assert operation == "simulate_principal_policy"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        with self._lock:
            self.requests.append(request)
        if self.path and f"role/{self.path}" not in request["PolicySourceArn"]:
            raise ClientError({"Error": {"Code": "NoSuchEntity", "Message": "no"}}, "SimulatePrincipalPolicy")
        if self.error:
            raise ClientError({"Error": {"Code": self.error, "Message": "no"}}, "SimulatePrincipalPolicy")
        for action in request["ActionNames"]:
            decision = "allowed" if action in self.allowed else "implicitDeny"
            yield {"EvaluationResults": [{"EvalActionName": action, "EvalDecision": decision}]}


def aws(iam: Iam) -> Aws:
    return cast("Aws", iam)


def test_what_has_one_resource_and_the_same_keys_is_asked_in_one_call() -> None:
    assert group_rights([MODIFY, TAG, READ, MODIFY]) == {("arn:db", TAGS): (MODIFY, TAG), ("*", ()): (READ,)}
    iam = Iam("rds:DescribeDBInstances", "rds:AddTagsToResource")
    answers = simulate_rights(aws(iam), ROLE, [MODIFY, TAG, READ])
    assert (answers.asked, answers.denied) == (3, (Denied(MODIFY, "implicitDeny"),))
    assert len(iam.requests) == 2
    (of_instance,) = (request for request in iam.requests if request["ResourceArns"] == ["arn:db"])
    assert of_instance["PolicySourceArn"] == "arn:aws:iam::123456789012:role/on-call"
    assert of_instance["ContextEntries"] == [
        {
            "ContextKeyName": "aws:ResourceTag/restore:stack",
            "ContextKeyValues": ["prod"],
            "ContextKeyType": "string",
        }
    ]


def test_a_key_of_aws_s_own_needs_no_right_and_any_other_does() -> None:
    keys = [AwsRight("kms:CreateGrant", f"arn:key/{name}") for name in ("aws", "own", "unknown")]
    answers = simulate_rights(aws(Iam()), ROLE, keys)
    assert [denied.right for denied in answers.denied] == keys[1:]


def test_a_role_of_identity_center_is_found_by_its_path() -> None:
    iam = Iam("rds:DescribeDBInstances", path="aws-reserved/sso.amazonaws.com/eu-west-1/")
    answers = simulate_rights(aws(iam), ROLE, [READ, TAG])
    assert (answers.denied, answers.not_asked) == ((Denied(TAG, "implicitDeny"),), ())


def test_an_action_without_an_answer_counts_as_denied() -> None:
    class Silent(Iam):
        def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
            yield {"EvaluationResults": []}

    assert simulate_rights(aws(Silent()), ROLE, [READ]).denied == (Denied(READ, "no answer"),)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("AccessDenied", "rights in AWS: AWS iam:SimulatePrincipalPolicy: AccessDenied: no"),
        ("Throttling", "rights in AWS: AWS iam:SimulatePrincipalPolicy: Throttling: no"),
        ("NoSuchEntity", "rights in AWS: AWS iam:GetRole: AccessDenied: no"),
    ],
)
def test_who_may_not_ask_is_refused_nothing(error: str, told: str) -> None:
    answers = simulate_rights(aws(Iam(error=error)), ROLE, [MODIFY, READ])
    assert (answers.asked, answers.denied) == (0, ())
    (line,) = answers.not_asked
    assert line.startswith(told)


def test_the_root_of_an_account_has_no_policies_to_ask_about() -> None:
    iam = Iam()
    answers = simulate_rights(aws(iam), Caller("123456789012", "arn:aws:iam::123456789012:root"), [READ])
    assert answers.not_asked == ("rights in AWS: arn:aws:iam::123456789012:root is neither a user nor a role",)
    assert iam.requests == []


@pytest.mark.parametrize(
    ("arn", "source"),
    [
        ("arn:aws:sts::123456789012:assumed-role/on-call/me", "arn:aws:iam::123456789012:role/on-call"),
        ("arn:aws-cn:sts::123456789012:assumed-role/on-call/me", "arn:aws-cn:iam::123456789012:role/on-call"),
        ("arn:aws:iam::123456789012:user/team/me", "arn:aws:iam::123456789012:user/team/me"),
        ("arn:aws:sts::123456789012:federated-user/me", None),
    ],
)
def test_the_policies_of_a_session_are_its_role_s(arn: str, source: str | None) -> None:
    assert Caller("123456789012", arn).policy_source == source
