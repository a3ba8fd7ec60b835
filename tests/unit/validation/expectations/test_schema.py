"""One description of the expectations file: reader, JSON Schema and documentation never say different things."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import jsonschema
import pytest

from tests.support.expectations_file import FILE
from validation import ExpectationsError, from_mapping
from validation.expectations import reference
from validation.keyed import json_schema

SCHEMA = reference.build_schema()
VALIDATOR: Any = jsonschema.Draft202012Validator(SCHEMA)
SECTIONS = json_schema.find_properties(SCHEMA, SCHEMA)


def fits(data: object) -> bool:
    return VALIDATOR.is_valid(data)


def reads(data: dict[str, Any]) -> bool:
    try:
        from_mapping(data)
    except ExpectationsError:
        return False
    return True


def test_the_schema_is_one_and_a_whole_file_fits_it() -> None:
    VALIDATOR.check_schema(SCHEMA)
    assert fits(tomllib.loads(FILE))


def test_every_section_has_an_example() -> None:
    assert set(SECTIONS) == {*reference.EXAMPLES, *tomllib.loads(reference.TOP_EXAMPLE)}


@pytest.mark.parametrize("name", reference.EXAMPLES)
def test_every_documented_example_is_right(name: str) -> None:
    data = tomllib.loads(reference.EXAMPLES[name])
    assert set(data) == {name}
    assert fits(data)
    if name != "migrations":  # its folder isn't here
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
    for path, text in reference.render_files().items():
        assert path.read_text() == text, f"run: python -m validation.expectations.reference ({path.name})"


def test_every_key_is_documented_with_a_sentence() -> None:
    fields = [field for node in SECTIONS.values() for field in json_schema.find_properties(SCHEMA, node).values()]
    assert len(fields) > len(SECTIONS)
    for node in (*SECTIONS.values(), *fields):
        assert re.search(r"\w.*[.]$", json_schema.find_description(node)), node
