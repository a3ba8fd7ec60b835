"""Asks IAM whether this login may do something: SimulatePrincipalPolicy, where the login may ask that.

It decides by the policies of the principal, its boundary and its organisation's; policies of the resource (a bucket, a
key, a secret) and of the session don't count in it (API reference of SimulatePrincipalPolicy).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from restore.aws.client import Aws, call_or_none, translate_errors
from restore.errors import RestoreError
from restore.model.aws_account import Caller
from restore.model.rights import AwsRight, Denied, RightsAnswers

THREADS = 6
NO_PRINCIPAL = frozenset({"NoSuchEntity"})
ALLOWED = "allowed"

Group = tuple[str, tuple[tuple[str, str], ...]]
"""Resource and condition keys: what one call asks about, for any number of actions."""


class _NoPrincipalError(Exception):
    """IAM knows no principal of this ARN."""


def simulate_rights(aws: Aws, caller: Caller, rights: Sequence[AwsRight]) -> RightsAnswers:
    """Returns the rights that IAM denies. That it can't be asked is an answer too, said once with its reason."""
    principal = caller.policy_source
    if principal is None:
        return RightsAnswers(not_asked=(f"rights in AWS: {caller.arn} is neither a user nor a role",))
    if not rights:
        return RightsAnswers()
    try:
        denied = _simulate(aws.open_client("iam"), principal, group_rights(rights))
        needless = {key: is_aws_managed(aws, key) for key in _find_keys(denied)}
    except RestoreError as error:
        reason = f"{error.problem.subject}: {error.problem.found}" if error.problem else str(error)
        return RightsAnswers(not_asked=(f"rights in AWS: {reason}",))
    return RightsAnswers(len(rights), tuple(item for item in denied if not needless.get(_find_key(item) or "")))


def _simulate(client: Any, principal: str, together: Mapping[Group, tuple[AwsRight, ...]]) -> list[Denied]:
    """Asks as this principal; a role that isn't there by this ARN has a path, as all of IAM Identity Center have, and
    is looked up (iam:GetRole)."""

    def ask(source: str) -> list[Denied]:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="rights") as pool:
            answers = pool.map(partial(_read_denied, client, source), together.keys(), together.values())
            try:
                return [item for answer in answers for item in answer]
            finally:
                pool.shutdown(wait=False, cancel_futures=True)  # one that isn't answered: nor are the others

    try:
        return ask(principal)
    except _NoPrincipalError:
        with translate_errors("iam"):
            role = client.get_role(RoleName=principal.rpartition("/")[2])["Role"]
        return ask(str(role["Arn"]))


def _find_key(denied: Denied) -> str | None:
    """Returns the KMS key that a denied right is about."""
    right = denied.right
    return right.resource if isinstance(right, AwsRight) and right.action.startswith("kms:") else None


def _find_keys(denied: Sequence[Denied]) -> set[str]:
    return {key for item in denied if (key := _find_key(item))}


def is_aws_managed(aws: Aws, key: str) -> bool:
    """Tells whether a key is AWS's own (aws/rds): its policy lets everybody in who comes through the service, so that
    no IAM policy is needed (KMS Developer Guide, "AWS managed keys"). A key that can't be asked about counts as not.
    """
    try:
        with translate_errors("kms"):
            return str(aws.open_client("kms").describe_key(KeyId=key)["KeyMetadata"].get("KeyManager")) == "AWS"
    except RestoreError:
        return False


def group_rights(rights: Sequence[AwsRight]) -> Mapping[Group, tuple[AwsRight, ...]]:
    """Returns the rights by what one call can ask together. Pure."""
    groups: dict[Group, list[AwsRight]] = {}
    for right in rights:
        groups.setdefault((right.resource, right.context), []).append(right)
    return {group: tuple(dict.fromkeys(members)) for group, members in groups.items()}


def _read_denied(client: Any, principal: str, group: Group, rights: Sequence[AwsRight]) -> list[Denied]:
    resource, context = group
    request: dict[str, Any] = {
        "PolicySourceArn": principal,
        "ActionNames": [right.action for right in rights],
        "ResourceArns": [resource],
        "ContextEntries": [
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"} for key, value in context
        ],
    }
    pages = client.get_paginator("simulate_principal_policy")
    answered = call_or_none("iam", lambda: list(pages.paginate(**request)), NO_PRINCIPAL)
    if answered is None:
        raise _NoPrincipalError
    decisions = {
        str(result["EvalActionName"]).lower(): str(result["EvalDecision"])
        for page in answered
        for result in page.get("EvaluationResults", ())
    }
    answers = ((right, decisions.get(right.action.lower(), "no answer")) for right in rights)
    return [Denied(right, decision) for right, decision in answers if decision != ALLOWED]
