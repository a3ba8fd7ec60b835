"""Identity-based policies, evaluated as AWS does: implicit deny, and an explicit Deny wins (pure).

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
What isn't understood is an error when the policy is read: it must never pass for an Allow, nor for a Deny.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, cast

ELEMENTS = frozenset({"Sid", "Effect", "Action", "Resource", "Condition"})
KEYS = frozenset(
    {"kms:ViaService", "kms:GrantIsForAWSResource", "iam:PassedToService", "s3:prefix", "cloudwatch:namespace"}
)
KEY_PREFIXES = ("aws:RequestTag/", "aws:ResourceTag/")


class Decision(Enum):
    """In the words of SimulatePrincipalPolicy."""

    ALLOWED = "allowed"
    IMPLICIT = "implicitDeny"
    EXPLICIT = "explicitDeny"


class PolicyError(ValueError):
    """A policy has something that this evaluator doesn't know."""


@dataclass(frozen=True)
class Condition:
    """One key of one operator; it holds for any of the values."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Statement:
    sid: str
    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Ask:
    """One action on one resource, with what the request says besides. Keys that it doesn't have are absent."""

    action: str
    resource: str = "*"
    context: Mapping[str, str] | None = None


def parse(document: Mapping[str, Any]) -> tuple[Statement, ...]:
    """The statements of a policy. Raises PolicyError."""
    if document.get("Version") != "2012-10-17":
        raise PolicyError(f"Version {document.get('Version')!r}: only 2012-10-17 is known")
    return tuple(_statement(statement) for statement in _many(document["Statement"]))


def _statement(content: Mapping[str, Any]) -> Statement:
    if unknown := sorted(content.keys() - ELEMENTS):
        raise PolicyError(f"{', '.join(unknown)} in {content.get('Sid', 'a statement')}: not known here")
    if content["Effect"] not in ("Allow", "Deny"):
        raise PolicyError(f"Effect {content['Effect']!r}")
    actions, resources = tuple(_many(content["Action"])), tuple(_many(content["Resource"]))
    if bad := [action for action in actions if action != "*" and ":" not in action]:
        raise PolicyError(f"Action {bad[0]!r} names no service")
    if bad := [resource for resource in resources if resource != "*" and not resource.startswith("arn:")]:
        raise PolicyError(f"Resource {bad[0]!r} is no ARN")
    conditions = tuple(_conditions(content.get("Condition", {})))
    if "${" in f"{resources}{conditions}":
        raise PolicyError(f"a policy variable in {content.get('Sid', 'a statement')}: not known here")
    return Statement(str(content.get("Sid", "")), content["Effect"] == "Allow", actions, resources, conditions)


def _conditions(content: Mapping[str, Mapping[str, Any]]) -> Iterable[Condition]:
    for operator, keys in content.items():
        if operator not in OPERATORS:
            raise PolicyError(f"condition operator {operator}: not known here")
        for key, values in keys.items():
            if key not in KEYS and not key.startswith(KEY_PREFIXES):
                raise PolicyError(f"condition key {key}: not known here")
            yield Condition(operator, key, tuple(str(value) for value in _many(values)))


def _many(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def decide(statements: Iterable[Statement], ask: Ask) -> Decision:
    matching = [statement for statement in statements if _applies(statement, ask)]
    if not all(statement.allows for statement in matching):
        return Decision.EXPLICIT
    return Decision.ALLOWED if matching else Decision.IMPLICIT


def _applies(statement: Statement, ask: Ask) -> bool:
    return (
        any(_matches(pattern.lower(), ask.action.lower()) for pattern in statement.actions)
        and any(_matches(pattern, ask.resource) for pattern in statement.resources)
        and all(_holds(condition, ask.context or {}) for condition in statement.conditions)
    )


def _holds(condition: Condition, context: Mapping[str, str]) -> bool:
    return any(OPERATORS[condition.operator](value, context.get(condition.key)) for value in condition.values)


OPERATORS: Mapping[str, Callable[[str, str | None], bool]] = {
    "StringEquals": lambda wanted, present: wanted == present,
    "StringLike": lambda wanted, present: present is not None and _matches(wanted, present),
    "Bool": lambda wanted, present: present is not None and wanted.lower() == present.lower(),
    "Null": lambda wanted, present: (wanted.lower() == "true") == (present is None),
}
"""Whether a key's value, None for an absent key, is as the policy wants.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""


def _matches(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """`*` is any text, `?` any one character; nothing else has a meaning."""
    parts = (".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
    return re.compile("".join(parts), re.DOTALL)
