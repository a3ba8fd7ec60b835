"""URNs: what the parts of `urn:pulumi:<stack>::<project>::<parent types$type>::<name>` say."""

from __future__ import annotations

import re
from collections.abc import Sequence

STACK = "pulumi:pulumi:Stack"
PROVIDERS = "pulumi:providers:"


def make(stack: str, project: str, kind: str, name: str, parent: str = "") -> str:
    chain = parent.split("::")[2] + "$" if parent and type_of(parent) != STACK else ""
    return f"urn:pulumi:{stack}::{project}::{chain}{kind}::{name}"


def type_of(urn: str) -> str:
    return urn.split("::")[2].split("$")[-1]


def name_of(urn: str) -> str:
    return urn.split("::", 3)[-1]


def package_of(urn: str) -> str:
    """The provider package that serves a resource, or that a provider resource configures."""
    kind = type_of(urn)
    return kind.removeprefix(PROVIDERS) if kind.startswith(PROVIDERS) else kind.split(":")[0]


def is_provider(urn: str) -> bool:
    return type_of(urn).startswith(PROVIDERS)


def is_default_provider(urn: str) -> bool:
    return is_provider(urn) and re.fullmatch(r"default(_.*)?", name_of(urn)) is not None


def short_type(urn: str) -> str:
    """The type as it is shown: `aws:rds:Instance` for `aws:rds/instance:Instance`, but all of
    `kubernetes:apps/v1:DeploymentPatch` (pulumi/pulumi, sdk/go/common/tokens, Type.DisplayName)."""
    kind = type_of(urn)
    package, _, rest = kind.partition(":")
    module, _, name = rest.rpartition(":")
    folder, _, file = module.rpartition("/")
    return f"{package}:{folder}:{name}" if folder and file == name[:1].lower() + name[1:] else kind


def targeted(urn: str, patterns: Sequence[str]) -> bool:
    """Whether --target names it: `*` stands for part of one segment, `**` for anything; none named: all."""
    escaped = (re.escape(p).replace(r"\*\*", ".*").replace(r"\*", "[^:]*") for p in patterns)
    return not patterns or any(re.fullmatch(p, urn) for p in escaped)
