"""The source's safety snapshot: taken once, never deleted by Pulumi."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from restore.model.planned import Plan
from restore.program.protection import LONG, protected
from restore.program.timing_hooks import Phase, Record, unrecorded


def declare_safety_snapshot(
    plan: Plan,
    source: str,
    identifier: str,
    depends_on: Sequence[pulumi.Resource],
    record: Record = unrecorded,
) -> aws.rds.Snapshot:
    """The source as it was when it became quiet: the last resort, whatever the restore turns out to be."""
    return aws.rds.Snapshot(
        f"safety-{plan.id}",
        db_instance_identifier=source,
        db_snapshot_identifier=identifier,
        tags=dict(plan.tags),
        opts=pulumi.ResourceOptions(
            protect=True,
            retain_on_delete=True,
            ignore_changes=["dbInstanceIdentifier", "tags"],
            import_=plan.adopt_safety,
            depends_on=depends_on,
            custom_timeouts=LONG,
            hooks=protected(identifier, Phase("safety-snapshot", identifier, record)),
        ),
    )
