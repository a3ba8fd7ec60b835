"""How values of the expectations file are read, and how its mistakes are worded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, Strict, WithJsonSchema
from pydantic.config import JsonDict

from validation.expectations import privileges
from validation.expectations.privileges import Privilege
from validation.expectations.table_names import PART, Table
from validation.keyed.fields import NUMBER, Fault, read_as
from validation.keyed.json_schema import Location, Node
from validation.keyed.reader import KeyFault, Mistake
from validation.problems import Problem, show_value

TABLE_SCHEMA: JsonDict = {"type": "string", "pattern": f"^(?:{PART.pattern})(?:\\.(?:{PART.pattern}))?$"}
PRIVILEGE_SCHEMA: JsonDict = {"type": "string", "pattern": privileges.PATTERN}

Item = TypeVar("Item")


def build_problem(fault: KeyFault) -> Problem:
    """Returns the problem of a key; its subject is the path: `tables.users.min`, `must_exist #1.key`."""
    subject = format_path(fault.location, fault.node)
    match fault.mistake:
        case Mistake.MISSING:
            return Problem(subject, "nothing", fault.needed, fault.fix or f"add {fault.location[-1]} = ...")
        case Mistake.UNKNOWN:
            fix = f"did you mean {fault.near}?" if fault.near else "remove it"
            return Problem(subject, show_value(fault.location[-1]), fault.needed, fix)
        case _:
            return Problem(
                subject, fault.found or show_value(fault.value), fault.needed, fault.fix or _word_fix(fault.node)
            )


def format_path(location: Location, node: Node) -> str:
    """Returns the path of a key as problems name it. Items of a list have numbers where they are objects; a plain
    item's mistake is the list's."""
    if location and isinstance(location[-1], int) and node.get("type") != "object":
        location = location[:-1]
    path = "".join(f" #{part + 1}" if isinstance(part, int) else f".{part}" for part in location)
    return path.removeprefix(".")


def _word_fix(node: Node) -> str:
    match node:
        case {"enum": _}:
            return "correct it"
        case {"type": "object"}:
            return "write [section] and key = value"
        case {"type": "array", "items": {"$ref": _}}:
            return "write [[section]] and key = value"
        case {"type": "array"}:
            return 'write ["one", "two"]'
        case {"type": "boolean"}:
            return "write it without quotes"
        case {"type": "string"}:
            return "put it in double quotes"
        case _:
            return "correct it"


def _check_number(value: Any) -> Any:
    """pydantic alone reads "1" as 1."""
    if isinstance(value, str):
        raise ValueError("a string")  # noqa: TRY004 (a TypeError would not be reported as a fault of the value)
    return value


def _check_version(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _format_plain(value: object) -> str:
    """A plain value as the server reads it back."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, str | int | float):
        return str(value)
    raise Fault("a string, number, boolean or time", fix="write the value in double quotes")


def parse_table(name: str) -> Table:
    """Returns the table of a name. Raises Fault."""
    try:
        return Table.parse(name)
    except ValueError as error:
        raise Fault(str(error).removeprefix("needs "), fix="correct the name") from error


def _parse_privilege(text: str) -> Privilege:
    try:
        return privileges.parse(text)
    except ValueError as error:
        raise Fault(str(error).removeprefix("needs "), fix="write it as GRANT does") from error


def _parse_columns(values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    if not values:
        raise Fault("columns and values", fix='write key = { id = "..." }')
    return tuple(values.items())


def _refuse_repeated(items: tuple[Item, ...]) -> tuple[Item, ...]:
    repeated = next((item for position, item in enumerate(items) if item in items[:position]), None)
    if repeated is not None:
        raise Fault("different entries", found="the same entry twice", fix="remove one")
    return items


UNIQUE = (AfterValidator(_refuse_repeated), Field(json_schema_extra={"uniqueItems": True}))
String = Annotated[str, Strict(), Field(pattern=r"\S")]
Strings = Annotated[tuple[String, ...], *UNIQUE]
SomeStrings = Annotated[tuple[String, ...], Field(min_length=1), *UNIQUE]
Whole = Annotated[int, Field(ge=0), NUMBER, BeforeValidator(_check_number)]
Positive = Annotated[int, Field(ge=1), NUMBER, BeforeValidator(_check_number)]
Number = Annotated[float, Field(ge=0, allow_inf_nan=False), NUMBER, BeforeValidator(_check_number)]
NumberAbove0 = Annotated[float, Field(gt=0, allow_inf_nan=False), NUMBER, BeforeValidator(_check_number)]
Flag = Annotated[bool, Strict()]
Version = Annotated[
    int,
    Field(ge=9),
    NUMBER,
    BeforeValidator(_check_version),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 9}, {"type": "string", "pattern": "^[0-9]+$"}]}),
]
Plain = Annotated[
    str, BeforeValidator(_format_plain), WithJsonSchema({"type": ["string", "number", "boolean"]}, mode="validation")
]
TableName = Annotated[Table, read_as(Annotated[String, AfterValidator(parse_table), WithJsonSchema(TABLE_SCHEMA)])]
ColumnValues = Annotated[
    tuple[tuple[str, str], ...],
    read_as(
        Annotated[Mapping[str, Plain], AfterValidator(_parse_columns), Field(json_schema_extra={"minProperties": 1})]
    ),
]
GrantedPrivilege = Annotated[
    Privilege, read_as(Annotated[String, AfterValidator(_parse_privilege), WithJsonSchema(PRIVILEGE_SCHEMA)])
]
Privileges = Annotated[tuple[GrantedPrivilege, ...], *UNIQUE]
