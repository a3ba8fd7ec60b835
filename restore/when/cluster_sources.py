"""What the cluster has recorded: rollouts, Jobs and events of the applications' namespace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from restore.kubernetes import Api
from restore.when.model import Coverage, Period, Reach, Reading, Suspect

REVISION = "deployment.kubernetes.io/revision"
ROLLOUTS, JOBS, EVENTS = "rollouts (ReplicaSets)", "Jobs", "events of the cluster"
KINDS = ("Deployment", "CronJob")
"""Whose events are shown."""
Item = Mapping[str, Any]


def read_rollouts(api: Api, namespace: str, period: Period) -> Reading:
    """Reads when each Deployment's ReplicaSets were made (list replicasets.apps)."""
    items = api.list_items(f"/apis/apps/v1/namespaces/{namespace}/replicasets")
    text = (
        "a Deployment keeps its last ReplicaSets only (revisionHistoryLimit, 10 by default), and one that goes back "
        "to an earlier revision makes none"
    )
    return Reading((Coverage(ROLLOUTS, Reach.NOT_RECORDED, text),), find_rollouts(items, period))


def find_rollouts(items: Sequence[Item], period: Period) -> tuple[Suspect, ...]:
    """Returns the ReplicaSets that were made in the period. Pure."""
    return tuple(
        Suspect(at, "rollout", f"{_find_owner(item)}, revision {_read_revision(item)}: {_list_images(item)}", ROLLOUTS)
        for at, item in _list_made_in(items, period)
    )


def _list_made_in(items: Sequence[Item], period: Period) -> Iterator[tuple[datetime, Item]]:
    for item in items:
        if (at := _parse_time(_read_metadata(item).get("creationTimestamp"))) and period.has(at):
            yield at, item


def read_jobs(api: Api, namespace: str, period: Period) -> Reading:
    """Reads when Jobs were made, those of a CronJob too (list jobs.batch)."""
    items = api.list_items(f"/apis/batch/v1/namespaces/{namespace}/jobs")
    text = "Jobs that were removed, by hand or by their history limits, aren't there any more"
    return Reading((Coverage(JOBS, Reach.NOT_RECORDED, text),), find_jobs(items, period))


def find_jobs(items: Sequence[Item], period: Period) -> tuple[Suspect, ...]:
    """Returns the Jobs that were made in the period. Pure."""
    return tuple(
        Suspect(at, "Job", f"{_read_metadata(item).get('name', '')} of {_find_owner(item)}: {_list_images(item)}", JOBS)
        for at, item in _list_made_in(items, period)
    )


def read_events(api: Api, namespace: str, period: Period) -> Reading:
    """Reads the events of Deployments and CronJobs (list events)."""
    items = api.list_items(f"/api/v1/namespaces/{namespace}/events")
    text = "API servers keep events for an hour unless told otherwise (--event-ttl)"
    return Reading((Coverage(EVENTS, Reach.NOT_RECORDED, text),), find_events(items, period))


def find_events(items: Sequence[Item], period: Period) -> tuple[Suspect, ...]:
    """Returns the events of Deployments and CronJobs in the period, each at the last time it was seen. Pure."""
    suspects: list[Suspect] = []
    for item in items:
        of = _parse_mapping(item.get("involvedObject"))
        at = _parse_time(
            item.get("lastTimestamp") or item.get("eventTime") or _read_metadata(item).get("creationTimestamp")
        )
        if of.get("kind") in KINDS and at and period.has(at):
            what = f"{of.get('kind')} {of.get('name')}: {item.get('message', '')}"
            suspects.append(Suspect(at, str(item.get("reason", "event")), what, EVENTS))
    return tuple(suspects)


def _find_owner(item: Item) -> str:
    owners = cast("Sequence[Item]", _read_metadata(item).get("ownerReferences") or ())
    named = (f"{owner.get('kind', '')} {owner.get('name', '')}" for owner in owners)
    return next(named, "nobody")


def _read_revision(item: Item) -> str:
    return str(_parse_mapping(_read_metadata(item).get("annotations")).get(REVISION, "unknown"))


def _list_images(item: Item) -> str:
    spec = _parse_mapping(_parse_mapping(_parse_mapping(item.get("spec")).get("template")).get("spec"))
    containers = cast("Sequence[Item]", spec.get("containers") or ())
    return ", ".join(str(container.get("image", "")) for container in containers)


def _read_metadata(item: Item) -> Item:
    return _parse_mapping(item.get("metadata"))


def _parse_mapping(value: object) -> Item:
    return cast("Item", value) if isinstance(value, Mapping) else {}


def _parse_time(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo else None
