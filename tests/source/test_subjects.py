"""A refusal says what it is about in one way: `config <key>` of the stack's configuration, or `<kind> <name>`."""

from __future__ import annotations

import pytest

from restore.config.keys import Keys
from sandbox.machine.layout import CHECKOUT
from tests.support.fixes.collect import HOLE, Program
from validation.keyed import json_schema
from validation.keyed.reader import build_json_schema

BEFORE_THE_FIRST_RESOURCE = ("cli", "config", "cutover", "lifecycle", "model", "preflight", "recovery_points")
KINDS = (
    "account",
    "deployment",
    "dump",
    "instance",
    "key",
    "option",
    "parameter group",
    "path",
    "recovery point",
    "region",
    "restore",
    "right",
    "secret",
    "security group",
    "snapshot",
    "stack",
    "subnet group",
    "time",
    "traffic",
)
SCHEMA = build_json_schema(Keys)


def subjects() -> list[str]:
    files = [file for folder in BEFORE_THE_FIRST_RESOURCE for file in (CHECKOUT / "restore" / folder).rglob("*.py")]
    return [fix.text for fix in Program([*files, CHECKOUT / "validation/problems.py"], frozenset({"subject"})).texts()]


def is_even(subject: str) -> bool:
    kind, _, key = subject.partition("config ")
    if not kind:
        return HOLE in key or key.partition(".")[0] in json_schema.find_properties(SCHEMA, SCHEMA)
    return subject == "stack" or subject.startswith((HOLE, *(f"{kind} " for kind in KINDS)))


def test_every_refusal_names_its_subject_in_the_same_way() -> None:
    found = subjects()
    assert len(found) > 40
    assert [subject for subject in found if not is_even(subject)] == []


@pytest.mark.parametrize("subject", ["close", "id", "config idd", "tls.rootCertificate", "instance", "report x"])
def test_an_uneven_subject_is_noticed(subject: str) -> None:
    assert not is_even(subject)
