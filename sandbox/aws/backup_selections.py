"""Selections of AWS Backup plans, which moto doesn't have: played in moto's own way, beside its plans."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import unquote

PATHS = (
    "{0}/backup/plans/(?P<plan>[^/]+)/selections/?$",
    "{0}/backup/plans/(?P<plan>[^/]+)/selections/(?P<selection>[^/]+)/?$",
)
GONE = "ResourceNotFoundException"


def install() -> None:
    """Adds the operations and their paths to moto's AWS Backup; before its first request."""
    import moto.backup.responses as responses
    import moto.backup.urls as urls

    kind = cast("Any", responses.BackupResponse)
    kind.delete_backup_plan = forgetting(kind.delete_backup_plan)
    for operation in (create_backup_selection, list_backup_selections, get_backup_selection, delete_backup_selection):
        setattr(kind, operation.__name__, operation)
    added = dict.fromkeys(PATHS, kind.dispatch)
    paths = cast("dict[str, Any]", urls.url_paths)
    known = dict(paths)
    paths.clear()
    paths.update({**added, **known})  # first: moto's own path of a plan takes whatever stands behind its id


def forgetting(delete: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Deletes a plan so that its name is free again; moto only marks it."""

    def delete_backup_plan(self: Any) -> Any:
        answer = delete(self)
        self.backup_backend.plans.pop(json.loads(answer)["BackupPlanId"], None)
        return answer

    return delete_backup_plan


def create_backup_selection(self: Any) -> Any:
    plan_id, _ = _names(self)
    body = json.loads(self.body)
    for selection_id, entry in _selections(self, plan_id).items():
        if entry["CreatorRequestId"] == body.get("CreatorRequestId"):
            return _made(plan_id, selection_id)  # the same request again
    from moto.moto_api._internal import mock_random

    selection_id = str(cast("Any", mock_random).uuid4())
    _selections(self, plan_id)[selection_id] = {
        "BackupSelection": body["BackupSelection"],
        "CreatorRequestId": body.get("CreatorRequestId"),
    }
    return _made(plan_id, selection_id)


def list_backup_selections(self: Any) -> Any:
    plan_id, _ = _names(self)
    members = [
        {
            "SelectionId": selection_id,
            "BackupPlanId": plan_id,
            "SelectionName": entry["BackupSelection"]["SelectionName"],
            "IamRoleArn": entry["BackupSelection"]["IamRoleArn"],
        }
        for selection_id, entry in _selections(self, plan_id).items()
    ]
    return json.dumps({"BackupSelectionsList": members})


def get_backup_selection(self: Any) -> Any:
    plan_id, selection_id = _names(self)
    entry = _selection(self, plan_id, selection_id)
    return json.dumps({**entry, "SelectionId": selection_id, "BackupPlanId": plan_id})


def delete_backup_selection(self: Any) -> Any:
    plan_id, selection_id = _names(self)
    _selection(self, plan_id, selection_id)
    del _selections(self, plan_id)[selection_id]
    return json.dumps({})


def _made(plan_id: str, selection_id: str) -> str:
    return json.dumps({"SelectionId": selection_id, "BackupPlanId": plan_id})


def _names(response: Any) -> tuple[str, str]:
    """The plan and the selection that a path names; an empty one where it names none."""
    parts = [unquote(part) for part in str(response.path).strip("/").split("/")]
    return parts[2], parts[4] if len(parts) > 4 else ""


def _selections(response: Any, plan_id: str) -> dict[str, Any]:
    plans = response.backup_backend.plans
    if plan_id not in plans:
        raise _missing(plan_id)
    return plans[plan_id].__dict__.setdefault("selections", {})


def _selection(response: Any, plan_id: str, selection_id: str) -> dict[str, Any]:
    selections = _selections(response, plan_id)
    if selection_id not in selections:
        raise _missing(selection_id)
    return selections[selection_id]


def _missing(name: str) -> Exception:
    from moto.backup.exceptions import ResourceNotFoundException

    return cast("Any", ResourceNotFoundException)(msg=f"Failed reading {name}: it doesn't exist")
