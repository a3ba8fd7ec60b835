"""The source's safety snapshot: taken once, never deleted by Pulumi."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from restore.model.planned import Plan
from restore.program.protection import LONG, bind_hooks
from restore.program.timing_hooks import Record


def declare_safety_snapshot(
    plan: Plan, source: str, parent: pulumi.Resource, depends_on: Sequence[pulumi.Resource], record: Record
) -> list[aws.rds.Snapshot]:
    """Returns the source as it was when it became quiet: the last resort, whatever the restore turns out to be. Empty
    where the plan has none. `source` is the instance's identifier."""
    if plan.safety_snapshot is None:
        return []
    snapshot = aws.rds.Snapshot(
        f"safety-{plan.id}",
        db_instance_identifier=source,
        db_snapshot_identifier=plan.safety_snapshot,
        tags=dict(plan.tags),
        opts=pulumi.ResourceOptions(
            parent=parent,
            protect=True,
            retain_on_delete=True,
            ignore_changes=["dbInstanceIdentifier", "tags"],
            import_=plan.adopt_safety,
            depends_on=depends_on,
            custom_timeouts=LONG,
            hooks=bind_hooks("safety-snapshot", plan.safety_snapshot, record),
        ),
    )
    return [snapshot]
