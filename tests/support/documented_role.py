"""The Roles of docs/permissions.md, so that tests run with exactly the rights that an operator is told to give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.application.operator_roles import verbs_of
from sandbox.rights import documented

Right = tuple[str, str, str]
"""API group, resource, verb."""
RENAMED = {"database-credentials": "credentials"}
"""Of the tests' namespaces."""


def rules(*roles: str, renamed: Mapping[str, str] = RENAMED) -> list[dict[str, Any]]:
    """The rules of these Roles together, for the objects of a test."""
    page = documented.read()
    return [_renamed(rule, renamed) for name in roles for rule in page.role(name).rules]


def _renamed(rule: dict[str, Any], renamed: Mapping[str, str]) -> dict[str, Any]:
    names = (
        {"resourceNames": [renamed.get(name, name) for name in rule["resourceNames"]]}
        if "resourceNames" in rule
        else {}
    )
    return {**rule, **names}


def rights(*roles: str) -> set[Right]:
    return {(verb.group, verb.resource, verb.verb) for rule in rules(*roles) for verb in verbs_of(rule)}
