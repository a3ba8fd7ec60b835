"""The provider's configuration: what is honoured, what is accepted without meaning here, what is refused."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sandbox.standins.plugin.interface import CheckFailure
from sandbox.standins.plugin.property_values import Properties, block, items

HONOURED = frozenset(
    [
        "accessKey",
        "assumeRoles",
        "secretKey",
        "token",
        "profile",
        "region",
        "endpoints",
        "defaultTags",
        "maxRetries",
    ]
)
WITHOUT_MEANING_HERE = frozenset(
    [
        "insecure",
        "retryMode",
        "s3UsEast1RegionalEndpoint",
        "s3UsePathStyle",
        "skipCredentialsValidation",
        "skipMetadataApiCheck",
        "skipRegionValidation",
        "skipRequestingAccountId",
        "stsRegion",
        "tokenBucketRateLimiterCapacity",
        "userAgents",
        "version",
        "pluginDownloadURL",
        "__internal",
    ]
)
ROLE_FIELDS = frozenset(["roleArn", "sessionName"])
STRUCTURED = frozenset(["assumeRoles", "endpoints", "defaultTags", "maxRetries"])
DOUBLE = "this is a test double of pulumi-resource-aws and speaks to a loopback endpoint only"
REAL = "install the real plugin: pulumi plugin install resource aws 7.51.1"
DEFAULT_ATTEMPTS = 6


@dataclass(frozen=True)
class AwsSettings:
    """How to reach RDS. Credentials that are None come from the environment, as boto3 finds them."""

    endpoint: str
    region: str
    access_key: str | None = None
    secret_key: str | None = None
    token: str | None = None
    profile: str | None = None
    attempts: int = DEFAULT_ATTEMPTS
    sts_endpoint: str | None = None
    roles: Sequence[Properties] = ()
    """What is assumed before anything is called: fields as the provider's assumeRoles has them."""
    default_tags: Mapping[str, str] = field(default_factory=dict[str, str])


def parsed(config: Properties) -> Properties:
    """The configuration with the values that travel as JSON texts decoded."""
    return {key: _decoded(value) if key in STRUCTURED else value for key, value in config.items()}


def _decoded(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def problems(config: Properties, environment: Mapping[str, str]) -> list[CheckFailure]:
    values = parsed(config)
    failures = [
        CheckFailure(key, f"stand-in provider does not honour aws:{key}: {REAL}")
        for key, value in values.items()
        if key not in HONOURED | WITHOUT_MEANING_HERE and value not in (None, "", "false", "null", False)
    ]
    failures += [
        CheckFailure("assumeRoles", f"stand-in provider does not honour aws:assumeRoles[*].{name}: {REAL}")
        for role in items(values.get("assumeRoles"))
        for name in sorted(block(role).keys() - ROLE_FIELDS)
    ]
    if not _region(values, environment):
        failures.append(CheckFailure("region", "Invalid AWS Region: , set aws:region (or AWS_REGION)"))
    endpoint = rds_endpoint(values, environment)
    if endpoint is None:
        failures.append(CheckFailure("endpoints", f"{DOUBLE}: none is configured for rds (aws:endpoints); {REAL}"))
    elif not is_loopback(endpoint):
        failures.append(CheckFailure("endpoints", f"{DOUBLE}: {endpoint} is none; {REAL}"))
    return failures


def settings(config: Properties, environment: Mapping[str, str]) -> AwsSettings:
    """Raises ValueError when `problems` finds any."""
    values = parsed(config)
    endpoint = rds_endpoint(values, environment)
    if endpoint is None or problems(config, environment):
        raise ValueError("; ".join(failure.reason for failure in problems(config, environment)))
    tags = block(block(values.get("defaultTags")).get("tags"))
    return AwsSettings(
        endpoint=endpoint,
        region=_region(values, environment),
        access_key=values.get("accessKey"),
        secret_key=values.get("secretKey"),
        token=values.get("token"),
        profile=values.get("profile"),
        sts_endpoint=endpoint_of("sts", values, environment),
        roles=tuple(items(values.get("assumeRoles"))),
        attempts=int(values.get("maxRetries") or DEFAULT_ATTEMPTS),
        default_tags={str(key): str(value) for key, value in tags.items()},
    )


def rds_endpoint(config: Properties, environment: Mapping[str, str]) -> str | None:
    return endpoint_of("rds", config, environment)


def endpoint_of(service: str, config: Properties, environment: Mapping[str, str]) -> str | None:
    for entry in items(config.get("endpoints")):
        if entry.get(service):
            return str(entry[service])
    return environment.get(f"AWS_ENDPOINT_URL_{service.upper()}") or environment.get("AWS_ENDPOINT_URL")


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _region(config: Properties, environment: Mapping[str, str]) -> str:
    return str(config.get("region") or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "")
