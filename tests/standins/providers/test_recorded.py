"""Checks and diffs as pulumi-kubernetes 4.34.2 answered them to the real engine, word for word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.standins.kubernetes.patched_objects import DEPLOYMENT, SECRET, checked, difference
from sandbox.standins.plugin.interface import Call
from sandbox.standins.plugin.property_values import UNKNOWN, Properties, is_secret, reveal

KINDS = {kind.type: kind for kind in (DEPLOYMENT, SECRET)}
RECORDED: list[dict[str, Any]] = [
    json.loads(line) for line in (Path(__file__).parent / "recorded" / "patches.jsonl").read_text().splitlines()
]


def named(record: dict[str, Any]) -> str:
    return f"{record['method']}: {record['why']}"


@pytest.mark.parametrize("record", RECORDED, ids=named)
def test_answers_are_the_recorded_ones(record: dict[str, Any]) -> None:
    call = Call(raw=record["news"])
    if record["method"] == "Check":
        assert checked(KINDS[record["type"]], call, "default").inputs == record["expected"]
    else:
        olds, before = reveal(record["old_inputs"]), reveal({"__inputs": record["inputs_in_state"]})
        assert difference(before, olds, call.news).detailed == record["expected"]


def test_something_of_each_was_recorded() -> None:
    assert {(record["method"], record["type"]) for record in RECORDED} == {
        (method, kind) for method in ("Check", "Diff") for kind in KINDS
    }


PATCH: Properties = {"metadata": {"name": "credentials"}}


def test_the_namespace_is_the_providers_and_the_kind_the_types() -> None:
    inputs = checked(DEPLOYMENT, Call(raw=PATCH), "shop").inputs
    assert inputs == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "credentials", "namespace": "shop"},
    }


def test_a_patch_needs_a_name() -> None:
    found = checked(SECRET, Call(raw={"metadata": {"namespace": "shop"}}), "default")
    assert [failure.property for failure in found.failures] == ["metadata.name"]


def test_data_of_a_secret_is_secret_though_nobody_said_so() -> None:
    inputs = checked(SECRET, Call(raw={**PATCH, "stringData": {"a": "x", "b": UNKNOWN}}), "default").inputs
    assert is_secret(inputs["data"])
    assert reveal(inputs["data"]) == {"a": "eA==", "b": UNKNOWN}


def test_another_object_is_another_resource() -> None:
    old, new = {"metadata": {"name": "a", "namespace": "n"}}, {"metadata": {"name": "b", "namespace": "n"}}
    assert difference({"__inputs": old}, old, new).replaces == ["metadata.name"]
