"""`python -m restore retire`: shows what would be deleted, asks, deletes (restore/retire), records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from restore.aws import Aws, Rds
from restore.aws.metrics import read_hourly_connections
from restore.cli.stack_settings import read_settings
from restore.evidence import Store, provenance
from restore.inventory import gather
from restore.pulumi_stack.automation import OperatorStack
from restore.retire.run import Retiring


def retire(
    stack: OperatorStack, resource_id: str, confirm: Callable[[str], bool], *, days: int, not_asked: str
) -> bool:
    """Deletes the instance; False when not confirmed. Raises Refused for what stands against it, RestoreError else."""
    settings = read_settings(stack, datetime.now(UTC))
    aws = Aws.of(settings)
    return Retiring(
        settings=settings,
        resource_id=resource_id,
        days=days,
        not_asked=not_asked,
        rds=Rds(aws),
        store=Store.open(settings.evidence, aws),
        read=lambda: gather.gather(settings, datetime.now(UTC), room=False),
        measure=lambda instance, since: read_hourly_connections(aws, instance.identifier, since, datetime.now(UTC)),
        operator=provenance.read_operator(aws),
        clock=lambda: datetime.now(UTC),
    ).run(confirm)
