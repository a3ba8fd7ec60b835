"""Reads keys and values from outside into a class of annotated fields, or tells every mistake in them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from validation.keyed import json_schema
from validation.keyed.fields import Fault, FaultsInside
from validation.keyed.json_schema import Location, Node
from validation.problems import Problem

UNKNOWN = frozenset({"extra_forbidden", "unexpected_keyword_argument"})
FOLLOWING = frozenset({"default_factory_not_called"})
"""What pydantic says of a field whose default depends on another one that is wrong: no mistake of its own."""
NAME = "[key]"
"""The last part of pydantic's location when a name, not its value, is wrong."""

Document = TypeVar("Document")


class Mistake(Enum):
    """What is wrong at a location: its value, its name, that it is missing, or that nothing knows it."""

    VALUE = auto()
    NAME = auto()
    MISSING = auto()
    UNKNOWN = auto()


@dataclass(frozen=True)
class KeyFault:
    """One mistake. `found` and `fix` are empty where only the document knows how to word them.

    `value` is what stands at the location, `node` what the JSON Schema says of it; of an unknown key `known` are those
    that may stand there, and `near` is the one that it was probably meant to be.
    """

    mistake: Mistake
    location: Location
    value: object
    node: Node
    needed: str
    found: str = ""
    fix: str = ""
    known: tuple[str, ...] = ()
    near: str = ""


def find_nearest(word: str, words: Iterable[str], count: int = 3) -> list[str]:
    """Returns the known words that the word was probably meant to be, best first."""
    spelling = {name.lower(): name for name in words}
    return [spelling[match] for match in difflib.get_close_matches(word.lower(), list(spelling), count, 0.5)]


def read(
    document: type[Document],
    values: Mapping[str, Any],
    problem_of: Callable[[KeyFault], Problem],
    context: Mapping[str, Any] | None = None,
) -> tuple[Document | None, tuple[Problem, ...]]:
    """Returns the document of these values, or every problem of them, worded by `problem_of`; validators get the
    context."""
    try:
        return _make_adapter(document).validate_python(dict(values), context=dict(context or {})), ()
    except ValidationError as error:
        schema = build_json_schema(document)
        mistakes = (each for each in error.errors(include_url=False) if each["type"] not in FOLLOWING)
        # Unknown keys first: a misspelt one explains what is missing
        errors = sorted(mistakes, key=lambda each: each["type"] not in UNKNOWN)
        return None, tuple(problem for each in errors for problem in _list_problems(schema, each, problem_of))


@lru_cache
def _make_adapter(document: type[Document]) -> TypeAdapter[Document]:
    return TypeAdapter(document)


class _DocumentSchema(GenerateJsonSchema):
    """A key that isn't set is left out: no null, and defaults only where they are plain values."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema
        return False

    def nullable_schema(self, schema: Any) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        node = super().default_schema(schema)
        plain = isinstance(node.get("default"), str | int | float)
        return node if plain else {name: value for name, value in node.items() if name != "default"}


@lru_cache
def build_json_schema(document: type[Any]) -> dict[str, Any]:
    """Returns the JSON Schema of a document (draft 2020-12)."""
    return _make_adapter(document).json_schema(schema_generator=_DocumentSchema)


def _list_problems(schema: Node, error: Any, problem_of: Callable[[KeyFault], Problem]) -> Iterator[Problem]:
    raised = error.get("ctx", {}).get("error")
    if isinstance(raised, FaultsInside):
        yield from raised.problems
    else:
        yield problem_of(_build_fault(schema, error, raised))


def _build_fault(schema: Node, error: Any, raised: object) -> KeyFault:
    mistake, location = _find_place(error)
    if mistake is Mistake.UNKNOWN:
        allowed = tuple(json_schema.find_node(schema, location[:-1]).get("properties", {}))
        near = next(iter(find_nearest(str(location[-1]), allowed, 1)), "")
        needed = f"one of {', '.join(sorted(allowed)) or 'none'}"
        return KeyFault(mistake, location, error["input"], {}, needed, known=allowed, near=near)
    node = json_schema.find_node(schema, location)
    fault = raised if isinstance(raised, Fault) else Fault(json_schema.describe_expected(node))
    location = (*location, fault.key) if fault.key else location
    return KeyFault(mistake, location, error["input"], node, fault.needed, fault.found, fault.fix)


def _find_place(error: Any) -> tuple[Mistake, Location]:
    location: Location = error["loc"]
    if location[-1:] == (NAME,):
        return Mistake.NAME, location[:-1]
    if error["type"] in UNKNOWN:
        return Mistake.UNKNOWN, location
    return (Mistake.MISSING if error["type"] in ("missing", "missing_argument") else Mistake.VALUE), location
