"""Pods as found, and why they don't run. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


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
    reasons: tuple[str, ...] = ()
    """Why it isn't ready: `app: ImagePullBackOff: ...`, `unschedulable: ...`; last end of restarted containers."""
    restarts: int = 0
    template_annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    """The pod's own annotations; those of the template it was made from are among them."""
