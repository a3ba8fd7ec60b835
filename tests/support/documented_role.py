"""The Roles of docs/permissions.md, so that tests run with exactly the rights that an operator is told to give."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from sandbox.machine.layout import CHECKOUT

Right = tuple[str, str, str]
"""API group, resource, verb."""
RENAMED = {"database-credentials": "credentials"}
"""Of the tests' namespaces."""


def rules(*roles: str, renamed: Mapping[str, str] = RENAMED) -> list[dict[str, Any]]:
    """The rules of these Roles together, for the objects of a test."""
    text = (CHECKOUT / "docs" / "permissions.md").read_text()
    documents = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    by_name = {document["metadata"]["name"]: document["rules"] for document in documents}
    found = [dict(rule) for role in roles for rule in by_name[role]]
    for rule in found:
        if "resourceNames" in rule:
            rule["resourceNames"] = [renamed.get(name, name) for name in rule["resourceNames"]]
    return found


def rights(*roles: str) -> set[Right]:
    return {
        (group, resource, verb)
        for rule in rules(*roles)
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
