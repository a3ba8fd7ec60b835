"""What runs of a sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.machine.layout import Layout
from sandbox.runtime.lifecycle import PARTS, aws_ready, cluster_ready, endpoint
from sandbox.runtime.supervisor import Record


def running(layout: Layout) -> bool:
    record = Record.read(layout)
    alive = record is not None and all(record.alive(name) for name in ("supervisor", *PARTS))
    return alive and aws_ready(layout) and cluster_ready(layout)


def describe(layout: Layout) -> str:
    """A line per part, and the application's database and pods where they can be asked."""
    record = Record.read(layout)
    if record is None:
        return f"no sandbox in {layout.root}: python -m sandbox up"
    lines = [f"{'directory':12} {layout.root}"]
    for name in ("supervisor", *PARTS):
        process = record.alive(name)
        where = f"  {endpoint(layout, name)}" if name in PARTS else ""
        lines.append(f"{name:12} {f'pid {process.pid}' if process else 'not running'}{where}")
    return "\n".join(lines + (application(layout) if running(layout) else []))


def application(layout: Layout) -> list[str]:
    from sandbox.application import database
    from sandbox.application.deploy import Application, silent

    deployed = Application(layout, silent)
    lines = [instance(dict(described)) for described in deployed.aws.rds.describe_db_instances()["DBInstances"]]
    if database.find(deployed.aws):
        lines.append(f"{'application':12} {deployed.pods() or 'not deployed'}")
    return lines


def instance(described: Mapping[str, Any]) -> str:
    address = described.get("Endpoint", {}).get("Address", "")
    return f"{'database':12} {described['DBInstanceIdentifier']} {described['DBInstanceStatus']} {address}"
