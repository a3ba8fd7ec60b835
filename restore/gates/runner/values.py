"""The program's frozen values as JSON and back, exactly: settings, a plan, expectations.

pydantic reads a document as people write it, which is another shape than the value that it makes (a table's ranges by
name, SQL checks by folder): so a value is written by the names of its own class and fields. Only the classes of MODULES
are ever made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, cast

from restore.errors import PermanentError, Problem
from restore.model import aws_account, drill, dump, planned, rds, request
from validation import verdict
from validation.expectations import model, sql_checks, table_names

MODULES = (aws_account, drill, dump, planned, rds, request, verdict, model, sql_checks, table_names)
TAG = "="
"""The key of a JSON object that says what its value, under VALUE, is."""
VALUE = "value"
FIX = "docs/runner.md: build the image of this very version; pulumi up"
MAPPING, SEQUENCE, MOMENT = "mapping", "sequence", "moment"


def _list_classes() -> Mapping[str, type]:
    """Dataclasses and enumerations by name."""
    found = (item for module in MODULES for item in vars(module).values() if isinstance(item, type))
    return {item.__name__: item for item in found if is_dataclass(item) or issubclass(item, Enum)}


CLASSES = _list_classes()


def to_json(value: object) -> Any:
    """Raises TypeError for a value of a class that isn't known."""
    if isinstance(value, Enum):
        return _tag(_name_class(value), value.value)
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, datetime):
        return _tag(MOMENT, value.isoformat())
    if is_dataclass(value):
        return _tag(_name_class(value), {item.name: to_json(getattr(value, item.name)) for item in fields(value)})
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return _tag(MAPPING, [[to_json(key), to_json(item)] for key, item in items])
    if isinstance(value, Sequence):
        items = [to_json(item) for item in cast("Sequence[object]", value)]
        return items if isinstance(value, list) else _tag(SEQUENCE, items)
    raise TypeError(f"{type(value).__name__} can't be handed to a Job")


def from_json(data: Any) -> Any:
    """Reads what `to_json` wrote. Raises PermanentError for anything else, as from another version of the program."""
    try:
        return _read(data)
    except (TypeError, ValueError, KeyError) as error:
        found = f"{type(error).__name__}: {error}"
        raise PermanentError.of(Problem("the request of the Job", found, "one of this version", FIX)) from error


def _read(data: Any) -> Any:
    if isinstance(data, list):
        return [_read(item) for item in cast("list[Any]", data)]
    if not isinstance(data, dict):
        return data
    tagged = cast("Mapping[str, Any]", data)
    tag, value = tagged[TAG], tagged[VALUE]
    if tag == MAPPING:
        return {_read(key): _read(item) for key, item in value}
    if tag == SEQUENCE:
        return tuple(_read(item) for item in value)
    if tag == MOMENT:
        return datetime.fromisoformat(value)
    made = CLASSES[tag]
    return made(value) if issubclass(made, Enum) else made(**{name: _read(item) for name, item in value.items()})


def _tag(tag: str, value: Any) -> dict[str, Any]:
    return {TAG: tag, VALUE: value}


def _name_class(value: object) -> str:
    name = type(value).__name__
    if CLASSES.get(name) is not type(value):
        raise TypeError(f"{name} can't be handed to a Job")
    return name
