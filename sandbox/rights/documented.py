"""The policies, Roles and ClusterRoles of docs/permissions.md, read out of the page, for the sandbox's environment."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from sandbox.machine.layout import CHECKOUT

Json = dict[str, Any]
PAGE = CHECKOUT / "docs" / "permissions.md"
STATE_PAGE = CHECKOUT / "docs" / "state.md"
"""Has what the Pulumi CLI itself needs, where its state is in S3."""
OURS: Mapping[str, str] = {
    "ghost-protocol-prod": "ghost-protocol-sandbox",
    "ghost-protocol/prod": "ghost-protocol/sandbox",
}
"""The page's names are those of production; the sandbox is an environment of its own."""
HEADING = r"^#{2,3} (?P<heading>[^\n]+)$"
BLOCK = r"^```(?P<language>json|yaml)\n(?P<block>.*?)^```$"
PART = re.compile(f"{HEADING}|{BLOCK}", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Policy:
    """One policy of the page; `phase` is the heading that it stands under."""

    phase: str
    document: Json


@dataclass(frozen=True)
class Role:
    """One Role of the page, with the namespace that it belongs to; a ClusterRole has none."""

    name: str
    namespace: str
    rules: tuple[Json, ...]


@dataclass(frozen=True)
class Documented:
    policies: tuple[Policy, ...]
    roles: tuple[Role, ...]

    def role(self, name: str) -> Role:
        return next(role for role in self.roles if role.name == name)

    def actions(self) -> tuple[str, ...]:
        """Every IAM action of the policies, once, in the page's order."""
        return tuple(dict.fromkeys(action for policy in self.policies for action in actions_of(policy)))


def actions_of(policy: Policy) -> list[str]:
    return [action for statement in policy.document["Statement"] for action in many(statement["Action"])]


def many(value: str | list[str]) -> list[str]:
    """A value of a policy that may be one string or a list of them."""
    return [value] if isinstance(value, str) else value


def read(page: Path = PAGE) -> Documented:
    """The page's rights. Raises ValueError for a block that is neither a whole policy nor a Role or ClusterRole."""
    text = page.read_text()
    for production, ours in OURS.items():
        text = text.replace(production, ours)
    return parse(text)


def read_with_state() -> Documented:
    """The rights of whoever runs Pulumi: those of the program, and those to the state."""
    program, state = read(), read(STATE_PAGE)
    return Documented(program.policies + state.policies, program.roles)


def parse(text: str) -> Documented:
    policies: list[Policy] = []
    roles: list[Role] = []
    heading = ""
    for part in PART.finditer(text):
        if part["language"] == "json":
            policies.append(Policy(heading, _policy(part["block"])))
        elif part["language"] == "yaml":
            roles.append(_role(part["block"]))
        else:
            heading = part["heading"]
    return Documented(tuple(policies), tuple(roles))


def _policy(block: str) -> Json:
    document: object = json.loads(block)
    if not isinstance(document, dict) or set(cast("Json", document)) != {"Version", "Statement"}:
        raise ValueError(f"not a whole policy (Version and Statement): {block[:200]}")
    return cast("Json", document)


def _role(block: str) -> Role:
    manifest: object = yaml.safe_load(block)
    if not isinstance(manifest, dict) or cast("Json", manifest).get("kind") not in ("Role", "ClusterRole"):
        raise ValueError(f"not a Role: {block[:200]}")
    role = cast("Json", manifest)
    namespace = role["metadata"]["namespace"] if role["kind"] == "Role" else ""
    return Role(role["metadata"]["name"], namespace, tuple(role["rules"]))
