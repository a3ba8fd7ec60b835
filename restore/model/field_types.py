"""How a value that comes from outside is read: as itself, as text or as JSON text, and what else is refused.

A type checker sees plain types in these; pydantic reads by what is annotated.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import re
import textwrap
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, Strict
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

LONGEST_SHOWN = 60
SUBDOMAIN = r"(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*"


class Fault(ValueError):
    """Why a value is refused. Without `found` the value itself is shown, without `fix` the command that sets it."""

    def __init__(self, needed: str, *, found: str = "", fix: str = ""):
        super().__init__(needed)
        self.needed = needed
        self.found = found
        self.fix = fix


def camel_case(name: str) -> str:
    """`instance_class` as `instanceClass`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def shown(value: Any) -> str:
    """Returns the value for a message, on one line and never longer than is useful."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    cut = text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "..."
    return json.dumps(cut, ensure_ascii=False) if isinstance(value, str) else cut


CONFIG = ConfigDict(extra="forbid", frozen=True, alias_generator=camel_case, coerce_numbers_to_str=True)


class Section:
    """Base of what an object of the configuration is read into: camelCase, no unknown fields, and the docstring of
    each field as its description.

    Docstrings are read when a JSON Schema is made: pydantic (use_attribute_docstrings) parses the source at each start.
    """

    __pydantic_config__: ClassVar[ConfigDict] = CONFIG

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        reference = handler(core)
        node = handler.resolve_ref_schema(reference)
        for owner in (owner for owner in cls.__mro__ if issubclass(owner, Section) and owner is not Section):
            for name, text in _field_docstrings(owner).items():
                node["properties"][camel_case(name)].setdefault("description", text)
        return reference


def _field_docstrings(owner: type) -> dict[str, str]:
    """Returns the string below each annotated name of a class."""
    body = cast("ast.ClassDef", ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]).body
    return {
        target.id: " ".join(text.split())
        for field, below in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(target := field.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if isinstance(text := below.value.value, str)
    }


def decoded(value: Any) -> Any:
    """Returns what the text says where it is JSON, else the value as it is."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def given_fields(value: Any) -> Any:
    """Returns an object, or the JSON text of one, without its fields that are None or blank: they are not set."""
    fields = decoded(value)
    if fields is None or fields == "":
        return {}
    if not isinstance(fields, Mapping):
        return fields
    texts = {
        str(name): item.strip() if isinstance(item, str) else item
        for name, item in cast("Mapping[Any, Any]", fields).items()
    }
    return {name: item for name, item in texts.items() if item is not None and item != ""}


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a boolean")  # noqa: TRY004 (a TypeError would not be reported as a fault of the value)
    return value


def _boolean(value: Any) -> Any:
    return {"true": True, "false": False}.get(value.strip().lower(), value) if isinstance(value, str) else value


def checked(fault: Callable[[str], str | None], needed: str, *, fix: str = "") -> AfterValidator:
    """Refuses texts of which `fault` says what is wrong."""

    def check(text: str) -> str:
        if found := fault(text):
            raise Fault(needed, found=f"{shown(text)}: {found}", fix=fix)
        return text

    return AfterValidator(check)


def matching(pattern: str, needed: str, *, fix: str = "") -> AfterValidator:
    """Refuses texts that don't match as a whole."""
    compiled = re.compile(pattern, re.ASCII)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise Fault(needed, fix=fix)
        return text

    return AfterValidator(check)


def _health(url: str) -> str:
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


NUMBER = BeforeValidator(_number)
"""With Annotated[int, ...]: pydantic alone reads true as 1."""
OBJECT = BeforeValidator(given_fields)
JSON = BeforeValidator(decoded)

Whole = Annotated[int, Field(ge=0, le=2**31 - 1), NUMBER]
Flag = Annotated[bool, Strict(), BeforeValidator(_boolean)]
Texts = Annotated[tuple[Annotated[str, Strict(), Field(pattern=r"\S")], ...], JSON]
Object = Annotated[Mapping[str, Any], JSON]
HealthUrl = Annotated[str, AfterValidator(_health)]
DeploymentName = Annotated[
    str, matching(SUBDOMAIN, "a name of a Deployment: lower-case letters, digits, hyphens and dots")
]
SecretName = Annotated[str, matching(SUBDOMAIN, "a name of a Secret: lower-case letters, digits, hyphens and dots")]
SecretKeyName = Annotated[
    str, matching(r"[-._a-zA-Z0-9]{1,253}", "a key of a Secret: letters, digits, hyphens, underscores and dots")
]
TlsMode = Annotated[
    str,
    matching(
        "verify-full|verify-ca",
        "verify-full or verify-ca: with less, anything on the way could pose as the database",
        fix="pulumi config set --path tls.mode verify-full",
    ),
]
Bucket = Annotated[
    str, matching(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of an S3 bucket, without s3:// and prefix")
]
KeyPrefix = Annotated[str, AfterValidator(lambda prefix: prefix.removeprefix("/"))]
