"""One description of the expectations file: reader, JSON Schema and documentation never say different things."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import fields
from typing import Any, cast

import jsonschema
import pytest

from tests.support.expectations_file import FILE
from validation import ExpectationsError, from_mapping
from validation.expectations import keys, model, reference
from validation.expectations.keys import SectionSchema

SCHEMA = reference.json_schema()
MADE: dict[str, tuple[SectionSchema, type[Any], set[str]]] = {
    "server": (keys.SERVER, model.Server, set()),
    "tables": (keys.TABLES, model.RowRange, set()),
    "must_exist": (keys.MUST_EXIST, model.MustExist, set()),
    "must_not_exist": (keys.MUST_NOT_EXIST, model.MustNotExist, set()),
    "freshness": (keys.FRESHNESS, model.Freshness, set()),
    "migrations": (keys.MIGRATIONS, model.Migrations, {"directory", "checksums"}),
    "not_null": (keys.NOT_NULL, model.NotNull, set()),
    "roles": (keys.ROLES, model.Role, {"name"}),
    "limits": (keys.LIMITS, model.Limits, set()),
}


def fits(data: object) -> bool:
    check = cast("Callable[[object, object], None]", jsonschema.validate)
    try:
        check(data, SCHEMA)
    except jsonschema.ValidationError:
        return False
    return True


def reads(data: dict[str, Any]) -> bool:
    try:
        from_mapping(data)
    except ExpectationsError:
        return False
    return True


@pytest.mark.parametrize("name", MADE)
def test_every_documented_key_reaches_the_expectations_and_no_other(name: str) -> None:
    part, made, aside = MADE[name]
    assert {key.name for key in part.keys} ^ {field.name for field in fields(made)} == aside


def test_every_section_of_the_schema_is_read() -> None:
    sections = {part.name for part in keys.PARTS} | {key.name for key in keys.TOP}
    assert sections == {field.name for field in fields(model.Expectations)}


def test_the_schema_is_one_and_a_whole_file_fits_it() -> None:
    cast("Any", jsonschema).Draft202012Validator.check_schema(SCHEMA)
    assert fits(tomllib.loads(FILE))


@pytest.mark.parametrize("part", keys.PARTS, ids=lambda part: part.name)
def test_every_documented_example_is_right(part: SectionSchema) -> None:
    data = tomllib.loads(f"{part.header(part.names)}\n{part.example}")
    assert fits(data)
    if part is not keys.MIGRATIONS:  # its folder isn't here
        assert reads(data)


REFUSED: list[dict[str, Any]] = [
    {"tabels": {}},
    {"tables": {"users": {}}},
    {"tables": {"a.b.c": {"min": 1}}},
    {"tables": {"users": {"min": -1}}},
    {"tables": {"users": {"min": "1"}}},
    {"must_exist": [{"table": "users"}]},
    {"must_exist": [{"table": "users", "key": {}}]},
    {"must_exist": [{"table": "users", "key": {"id": [1]}}]},
    {"freshness": [{"table": "t", "column": "c"}]},
    {"freshness": [{"table": "t", "column": " ", "tolerance_seconds": 1}]},
    {"not_null": [{"table": "t", "columns": []}]},
    {"not_null": [{"table": "t", "columns": ["a", "a"]}]},
    {"migrations": {"applied": []}},
    {"settings": {"a": []}},
    {"extensions": {"a": 1}},
    {"roles": {"a": {"login": 1}}},
    {"roles": {"a": {"may": ["everything"]}}},
    {"required": ["row"]},
    {"limits": {"workers": 0}},
    {"limits": {"budget_seconds": 0}},
    {"server": {"version": 8}},
]


@pytest.mark.parametrize("data", REFUSED)
def test_what_the_reader_refuses_the_schema_refuses_too(data: dict[str, Any]) -> None:
    assert (fits(data), reads(data)) == (False, False)


def test_what_is_made_of_the_description_is_up_to_date() -> None:
    for path, text in reference.files().items():
        assert path.read_text() == text, f"run: python -m validation.expectations.reference ({path.name})"


def test_every_key_is_documented_with_a_sentence() -> None:
    all_keys = [*keys.TOP, *(key for part in keys.PARTS for key in part.keys)]
    assert all(re.search(r"\w.*[.]$", key.description) for key in all_keys)
