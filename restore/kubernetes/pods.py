"""Pods as found, and why they don't run. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from restore.kubernetes.parse import KubeObject

LONGEST = 200


@dataclass(frozen=True)
class Pod:
    """A pod as found."""

    name: str
    uid: str
    address: str | None
    """status.podIP, None until it has one."""
    node: str | None
    phase: str
    """Pending, Running, Succeeded, Failed, Unknown."""
    ready: bool
    terminating: bool
    """Being deleted: it may still write until its processes have ended."""
    to_end: datetime | None = None
    """When its grace period ends; a pod that is still there long after is on a node that doesn't answer."""
    reasons: tuple[str, ...] = ()
    """Why it isn't ready: `app: ImagePullBackOff: ...`, `Unschedulable: ...`; the last end of restarted containers."""
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    """Its annotations; those of the template that it was made from are among them."""
    exit_code: int | None = None
    """The exit code of its first ended container, None while none has ended."""

    @property
    def ended(self) -> bool:
        """No process of it runs any more: it can't write."""
        return self.phase in {"Succeeded", "Failed"}


def parse_pod(answer: KubeObject) -> Pod:
    """Reads a Pod object of the API."""
    metadata: KubeObject = answer["metadata"]
    status: KubeObject = answer.get("status") or {}
    spec: KubeObject = answer.get("spec") or {}
    containers = _list_containers(status)
    return Pod(
        name=str(metadata["name"]),
        uid=str(metadata.get("uid", "")),
        address=status.get("podIP") or None,
        node=spec.get("nodeName") or None,
        phase=str(status.get("phase", "Unknown")),
        ready=_is_true(status, "Ready"),
        terminating=bool(metadata.get("deletionTimestamp")),
        to_end=_read_moment(metadata.get("deletionTimestamp")),
        reasons=tuple(_list_reasons(status, containers)),
        annotations=dict(cast("Mapping[str, str]", metadata.get("annotations") or {})),
        exit_code=_read_exit_code(status),
    )


def _read_moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None


def _list_containers(status: KubeObject) -> list[KubeObject]:
    lists = (status.get(name) or () for name in ("initContainerStatuses", "containerStatuses"))
    return [item for items in lists for item in cast("list[KubeObject]", items)]


def _read_conditions(status: KubeObject) -> dict[str, KubeObject]:
    items = cast("list[KubeObject]", status.get("conditions") or [])
    return {str(item.get("type")): item for item in items}


def _is_true(status: KubeObject, kind: str) -> bool:
    return _read_conditions(status).get(kind, {}).get("status") == "True"


def _read_exit_code(status: KubeObject) -> int | None:
    for item in cast("list[KubeObject]", status.get("containerStatuses") or []):
        state: KubeObject = item.get("state") or {}
        ended: KubeObject | None = state.get("terminated")
        if ended is not None:
            return int(ended.get("exitCode", 0))
    return None


def _list_reasons(status: KubeObject, containers: list[KubeObject]) -> Iterator[str]:
    scheduled = _read_conditions(status).get("PodScheduled", {})
    if scheduled.get("status") == "False":
        yield shorten_reason(str(scheduled.get("reason") or "not scheduled"), scheduled.get("message"))
    if status.get("reason"):
        yield shorten_reason(str(status["reason"]), status.get("message"))
    for item in containers:
        yield from _list_container_reasons(item)


def _list_container_reasons(item: KubeObject) -> Iterator[str]:
    name = str(item.get("name", ""))
    state: KubeObject = item.get("state") or {}
    last: KubeObject = item.get("lastState") or {}
    waiting: KubeObject = state.get("waiting") or {}
    if waiting.get("reason"):
        yield shorten_reason(f"{name}: {waiting['reason']}", waiting.get("message"))
    for ended in (state.get("terminated"), last.get("terminated")):
        if ended and ended.get("exitCode", 0) != 0:
            yield shorten_reason(
                f"{name}: exit code {ended['exitCode']} ({ended.get('reason', 'Error')})", ended.get("message")
            )


def shorten_reason(reason: str, message: object) -> str:
    """Returns a reason with the beginning of its message."""
    text = " ".join(str(message or "").split())
    return f"{reason}: {text[:LONGEST]}" if text else reason
