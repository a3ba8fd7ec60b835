"""Leaving a restore behind gives fields back, and changes no value that anybody relies on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from restore.kubernetes import Api, Namespace
from restore.kubernetes.api import Conflict
from restore.kubernetes.field_ownership import hand_back
from restore.kubernetes.parse import REPLICAS
from restore.model.labels import ANNOTATION_ENDPOINT, ANNOTATION_ID, ANNOTATION_MANAGER, ANNOTATION_REPLICAS

NOW = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
KUBECTL: dict[str, Any] = {
    "manager": "kubectl-client-side-apply",
    "operation": "Update",
    "fieldsV1": {"f:spec": {"f:template": {}}},
}
OURS: dict[str, Any] = {
    "manager": "pulumi-restore",
    "operation": "Apply",
    "fieldsV1": {
        "f:metadata": {
            "f:annotations": {f"f:{ANNOTATION_ID}": {}, "f:pulumi.com/patchForce": {}, "f:pulumi.com/skipAwait": {}}
        },
        "f:spec": {
            "f:replicas": {},
            "f:template": {"f:metadata": {"f:annotations": {f"f:{ANNOTATION_ENDPOINT}": {}}}},
        },
    },
}


def written_by(manager: str, fields: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": "Apply", "fieldsV1": fields}


def held(former: str | None = "kubectl-client-side-apply/Update", entries: Any = (KUBECTL, OURS)) -> dict[str, Any]:
    notes = {
        ANNOTATION_ID: "inc-1",
        ANNOTATION_REPLICAS: "3",
        "pulumi.com/patchForce": "true",
        "pulumi.com/skipAwait": "true",
        "team": "data",
    }
    if former is not None:
        notes[ANNOTATION_MANAGER] = former
    return {
        "apiVersion": "apps/v1",
        "metadata": {"resourceVersion": "7", "annotations": notes, "managedFields": list(entries)},
        "spec": {"replicas": 3, "template": {"metadata": {"annotations": {ANNOTATION_ENDPOINT: "h:1"}}}},
    }


def patch(item: dict[str, Any]) -> dict[str, dict[str, Any]]:
    operations = hand_back(item, REPLICAS, NOW)
    assert operations is not None
    return {operation["path"]: operation for operation in operations}


def managers(item: dict[str, Any]) -> list[dict[str, Any]]:
    return patch(item)["/metadata/managedFields"]["value"]


def test_the_former_manager_owns_the_replicas_again() -> None:
    (only,) = managers(held())
    assert only["manager"] == "kubectl-client-side-apply"
    assert only["fieldsV1"] == {"f:spec": {"f:template": {}, "f:replicas": {}}}


def test_a_former_manager_without_an_entry_gets_one() -> None:
    given = managers(held("kubectl/Update/scale"))[-1]
    assert (given["manager"], given["operation"], given["subresource"]) == ("kubectl", "Update", "scale")
    assert given["fieldsV1"] == {"f:spec": {"f:replicas": {}}}


def test_replicas_that_nobody_owned_are_nobodys_again() -> None:
    assert managers(held(None)) == [KUBECTL]
    assert managers(held("")) == [KUBECTL]


def test_a_change_by_somebody_else_in_between_is_never_overwritten() -> None:
    assert patch(held())["/metadata/resourceVersion"]["value"] == "7"


def test_only_our_annotations_go_and_none_of_the_pods() -> None:
    removed = {path for path, operation in patch(held()).items() if operation["op"] == "remove"}
    assert removed == {
        "/metadata/annotations/restore.pulumi~1id",
        "/metadata/annotations/restore.pulumi~1replicas",
        "/metadata/annotations/restore.pulumi~1former-manager",
        "/metadata/annotations/pulumi.com~1patchForce",
        "/metadata/annotations/pulumi.com~1skipAwait",
    }


def test_an_annotation_that_somebody_else_owns_too_stays() -> None:
    other = written_by("x", OURS["fieldsV1"])
    assert "/metadata/annotations/pulumi.com~1patchForce" not in patch(held(entries=(other, OURS)))


def test_no_value_of_the_object_is_written() -> None:
    paths = patch(held())
    assert {path.split("/")[1] for path in paths} == {"metadata"}


def test_what_was_handed_back_is_left_alone_the_next_time() -> None:
    item = {"metadata": {"resourceVersion": "8", "managedFields": [KUBECTL], "annotations": {"team": "data"}}}
    assert hand_back(item, REPLICAS, NOW) is None


def test_the_last_manager_leaving_is_not_taken_for_no_change() -> None:
    assert managers(held(None, entries=(OURS,))) == [{}]


def test_the_found_object_is_not_changed() -> None:
    item = held()
    patch(item)
    assert item == held()


class Busy:
    """An API whose object somebody else changes again and again: each patch of it conflicts, so many times."""

    def __init__(self, conflicts: int) -> None:
        self.conflicts = conflicts
        self.item = held()
        self.patched: list[str] = []

    def get(self, _path: str) -> dict[str, Any]:
        return self.item

    def patch(self, _path: str, operations: list[dict[str, Any]], _kind: str) -> None:
        (expected,) = (item["value"] for item in operations if item["path"] == "/metadata/resourceVersion")
        self.patched.append(expected)
        if self.conflicts:
            self.conflicts -= 1
            self.item["metadata"]["resourceVersion"] = str(int(expected) + 1)
            raise Conflict("changed in between")


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("restore.retrying.LONGEST_PAUSE", 0.0)


@pytest.mark.usefixtures("no_pause")
def test_somebody_elses_change_in_between_is_read_again_before_the_next_patch() -> None:
    api = Busy(conflicts=2)
    assert Namespace(cast("Api", api), "prod").hand_back_deployment("indexer")
    assert api.patched == ["7", "8", "9"]


@pytest.mark.usefixtures("no_pause")
def test_an_object_that_others_never_stop_changing_ends_in_their_conflict() -> None:
    with pytest.raises(Conflict, match="changed in between"):
        Namespace(cast("Api", Busy(conflicts=100)), "prod").hand_back_deployment("indexer")
