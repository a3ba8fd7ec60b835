"""How a value that comes from outside is read: as itself, as text or as JSON text, and what else is refused.

A type checker sees plain types in these; pydantic reads by what is annotated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Annotated, Any, ClassVar, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, Strict

from validation.keyed.fields import NUMBER, DocumentSection, Fault
from validation.problems import show_value

SUBDOMAIN = r"(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*"


def to_camel_case(name: str) -> str:
    """Returns `instance_class` as `instanceClass`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


CONFIG = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel_case, coerce_numbers_to_str=True)


class Section(DocumentSection):
    """Base of what an object of the configuration is read into: camelCase, no unknown fields."""

    __pydantic_config__: ClassVar[ConfigDict] = CONFIG


def decode_json(value: Any) -> Any:
    """Returns what the text says where it is JSON, else the value as it is."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def select_given(value: Any) -> Any:
    """Returns an object, or the JSON text of one, without its fields that are None or blank: they are not set."""
    fields = decode_json(value)
    if fields is None or fields == "":
        return {}
    if not isinstance(fields, Mapping):
        return fields
    texts = {
        str(name): item.strip() if isinstance(item, str) else item
        for name, item in cast("Mapping[Any, Any]", fields).items()
    }
    return {name: item for name, item in texts.items() if item is not None and item != ""}


def _parse_boolean(value: Any) -> Any:
    return {"true": True, "false": False}.get(value.strip().lower(), value) if isinstance(value, str) else value


def refuse_faulty(fault: Callable[[str], str | None], needed: str, *, fix: str = "") -> AfterValidator:
    """Refuses texts of which `fault` says what is wrong."""

    def check(text: str) -> str:
        if reason := fault(text):
            raise Fault(needed, found=f"{show_value(text)}: {reason}", fix=fix)
        return text

    return AfterValidator(check)


def refuse_unlike(pattern: str, needed: str, *, fix: str = "") -> AfterValidator:
    """Refuses texts that don't match as a whole."""
    compiled = re.compile(pattern, re.ASCII)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise Fault(needed, fix=fix)
        return text

    return AfterValidator(check)


def _check_health(url: str) -> str:
    needed = "an http or https URL without user and password, such as http://{pod}:8080/health"
    try:
        parts = urlsplit(url.replace("{pod}", "pod.invalid"))
        port_fits = parts.port is None or parts.port > 0
    except ValueError as error:
        raise Fault(needed, found="not a URL") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_fits:
        raise Fault(needed, found="not an http or https URL")
    if "@" in parts.netloc:
        raise Fault(needed, found="a URL with a user or password in it")
    return url


OBJECT = BeforeValidator(select_given)
JSON = BeforeValidator(decode_json)

Whole = Annotated[int, Field(ge=0, le=2**31 - 1), NUMBER]
Flag = Annotated[bool, Strict(), BeforeValidator(_parse_boolean)]
Texts = Annotated[tuple[Annotated[str, Strict(), Field(pattern=r"\S")], ...], JSON]
RoleMap = Annotated[Mapping[str, Annotated[str, Strict(), Field(pattern=r"\S")]], JSON]
Object = Annotated[Mapping[str, Any], JSON]
HealthUrl = Annotated[str, AfterValidator(_check_health)]
DeploymentName = Annotated[
    str, refuse_unlike(SUBDOMAIN, "a name of a Deployment: lower-case letters, digits, hyphens and dots")
]
SecretName = Annotated[
    str, refuse_unlike(SUBDOMAIN, "a name of a Secret: lower-case letters, digits, hyphens and dots")
]
SecretKeyName = Annotated[
    str, refuse_unlike(r"[-._a-zA-Z0-9]{1,253}", "a key of a Secret: letters, digits, hyphens, underscores and dots")
]
Workload = Annotated[
    str,
    refuse_unlike(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?/[a-z0-9][-a-z0-9.]{0,252}", "namespace/name of a Deployment"),
]
TlsMode = Annotated[
    str,
    refuse_unlike(
        "verify-full|verify-ca",
        "verify-full or verify-ca: with less, anything on the way could pose as the database",
        fix="pulumi config set --path tls.mode verify-full",
    ),
]
Bucket = Annotated[
    str, refuse_unlike(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of an S3 bucket, without s3:// and prefix")
]
Quantity = Annotated[
    str,
    refuse_unlike(r"[0-9]+(?:\.[0-9]+)?(?:m|k|M|G|T|Ki|Mi|Gi|Ti)?", "a quantity of Kubernetes, such as 500m or 2Gi"),
]


def _parse_local_address(text: str) -> str:
    """Raises Fault for what libpq takes as no `hostaddr` and `port`."""
    needed = "an IP address and a port, such as 127.0.0.1:15432 or [::1]:15432"
    address, _, port = text.rpartition(":")
    try:
        ip_address(address.removeprefix("[").removesuffix("]"))
    except ValueError as error:
        raise Fault(needed) from error
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise Fault(needed)
    return text


LocalAddress = Annotated[str, AfterValidator(_parse_local_address)]
KeyPrefix = Annotated[str, AfterValidator(lambda prefix: prefix.removeprefix("/"))]
