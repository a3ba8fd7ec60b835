"""Giving fields back: the JSON patch that makes a former manager the owner of what a restore took. Pure.

As kubectl's upgrade from client-side to server-side apply does it: managedFields are rewritten under the condition
that nobody changed the object in between (resourceVersion), so no value changes and no pod rolls.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from restore.kubernetes.parse import KubeObject, name_manager, owns, parse_texts
from restore.model import labels
from restore.units import TIME_FORMAT

Fields = dict[str, Any]

NOTES = (
    labels.ANNOTATION_ID,
    labels.ANNOTATION_REPLICAS,
    labels.ANNOTATION_MANAGER,
    labels.ANNOTATION_REAPPLIED,
    labels.ANNOTATION_ENDPOINT,
    labels.ANNOTATION_PREVIOUS,
    labels.ANNOTATION_PREVIOUS_ALSO,
)
ANNOTATIONS = ("f:metadata", "f:annotations")
NOBODY = [cast("Fields", {})]
"""How the API is told that no manager is left; an empty list means "unchanged" to it."""


def hand_back(item: KubeObject, field: Sequence[str], now: datetime, *more: Sequence[str]) -> list[Fields] | None:
    """Returns the patch for an object, None when there is nothing of ours on it.

    Our entry goes, each field goes to the manager in ANNOTATION_MANAGER (to nobody without one), our annotations on the
    object go. The pod template stays as it is, its annotation owned by nobody: removing it would roll the pods.
    """
    metadata: KubeObject = item["metadata"]
    notes = parse_texts(metadata.get("annotations"))
    entries = cast("Sequence[KubeObject]", metadata.get("managedFields") or ())
    ours = [entry for entry in entries if entry.get("manager") == labels.FIELD_MANAGER]
    if not ours and labels.ANNOTATION_ID not in notes:
        return None
    others = [copy.deepcopy(dict(entry)) for entry in entries if entry not in ours]
    former = notes.get(labels.ANNOTATION_MANAGER)
    for taken in (field, *more):
        if former and any(owns(entry, taken) for entry in ours):
            _give(others, former, taken, str(item.get("apiVersion", "v1")), now)
    removed = sorted((set(NOTES) | _list_annotations(ours) - _list_annotations(others)) & notes.keys())
    return [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
        *({"op": "remove", "path": f"/metadata/annotations/{_escape(name)}"} for name in removed),
        {"op": "replace", "path": "/metadata/managedFields", "value": others or NOBODY},
    ]


def _list_annotations(entries: Sequence[KubeObject]) -> set[str]:
    """Returns the annotations of the object itself that these entries own."""
    owned: set[str] = set()
    for entry in entries:
        if owns(entry, ANNOTATIONS):
            names = cast("KubeObject", entry["fieldsV1"][ANNOTATIONS[0]][ANNOTATIONS[1]])
            owned.update(name.removeprefix("f:") for name in names if name.startswith("f:"))
    return owned


def _give(entries: list[Fields], manager: str, field: Sequence[str], version: str, now: datetime) -> None:
    entry = next((item for item in entries if name_manager(item) == manager), None)
    if entry is None:
        entry = _build_entry(manager, version, now)
        entries.append(entry)
    position = cast("Fields", entry.setdefault("fieldsV1", {}))
    for step in field:
        position = cast("Fields", position.setdefault(step, {}))


def _build_entry(manager: str, version: str, now: datetime) -> Fields:
    name, operation, subresource = (*manager.split("/"), "", "")[:3]
    entry: Fields = {
        "manager": name,
        "operation": operation or "Update",
        "apiVersion": version,
        "time": f"{now:{TIME_FORMAT}}",
        "fieldsType": "FieldsV1",
        "fieldsV1": {},
    }
    if subresource:
        entry["subresource"] = subresource
    return entry


def _escape(name: str) -> str:
    """As a step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
