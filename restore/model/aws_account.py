"""Whose credentials the AWS plugin and this program use, and which account they are of. Values only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from restore.model.field_types import JSON, Section, Texts, refuse_unlike

SESSION = re.compile(r"arn:(?P<partition>aws[a-z-]*):sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/.+")
USER = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:user/.+")
UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
PART = r"\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h)"
Duration = Annotated[str, refuse_unlike(rf"(?:{PART})+", "a duration such as 1h or 45m")]
AccountIds = Annotated[
    tuple[Annotated[str, refuse_unlike(r"\d{12}", "account ids of 12 digits")], ...],
    JSON,
]


def parse_seconds(duration: str) -> int:
    """Returns the whole seconds of a duration as Go writes it: 1h30m, 45m, 3600s."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)", duration)
    return int(sum(float(number) * UNITS[unit] for number, unit in parts))


@dataclass(frozen=True)
class AssumedRole(Section):
    """A role to assume before anything is called; fields as STS's AssumeRole has them."""

    role_arn: Annotated[str, refuse_unlike(r"arn:aws[a-z-]*:iam::\d{12}:role/\S+", "the ARN of an IAM role")]
    """ARN of the role."""
    session_name: str | None = None
    """Name of the session."""
    external_id: str | None = None
    """What the role's trust policy asks for."""
    duration: Duration | None = None
    """How long credentials hold before they are asked for again."""
    policy: str | None = None
    """A policy that restricts the session further."""
    policy_arns: Texts = ()
    """Managed policies that restrict the session further."""
    source_identity: str | None = None
    """Source identity."""
    tags: Annotated[Mapping[str, str], JSON] = field(default_factory=dict[str, str])
    """Session tags."""
    transitive_tag_keys: Texts = ()
    """Session tags that later sessions keep."""


@dataclass(frozen=True)
class DefaultTags(Section):
    """Tags of everything that the plugin makes."""

    tags: Annotated[Mapping[str, str], JSON] = field(default_factory=dict[str, str])
    """The tags; a resource's own count over them."""


@dataclass(frozen=True)
class AwsLogin:
    """The keys of the AWS provider that say who calls and where: this program calls as the plugin does."""

    profile: str | None = None
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    roles: tuple[AssumedRole, ...] = ()
    """Each assumed with the credentials of the one before it."""
    config_file: str | None = None
    credentials_file: str | None = None
    fips: bool = False
    dualstack: bool = False
    allowed_accounts: tuple[str, ...] = ()
    forbidden_accounts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Caller:
    """Who calls AWS, as STS's GetCallerIdentity names it."""

    account: str
    arn: str

    @property
    def principal(self) -> str:
        """The ARN without the name of a role's session, which is another one for each client."""
        if ":assumed-role/" in self.arn:
            return self.arn.rpartition("/")[0]
        return self.arn

    @property
    def policy_source(self) -> str | None:
        """The ARN whose policies decide: the user's, or that of the role behind a session; None for any other login.

        A session's ARN doesn't tell the path of its role, so the role is named without one.
        """
        if session := SESSION.fullmatch(self.arn):
            return f"arn:{session['partition']}:iam::{session['account']}:role/{session['role']}"
        return self.arn if USER.fullmatch(self.arn) else None
