"""What the rights of `prevention` are for, by their real names; nothing where it isn't configured. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from restore.model.labels import TAG_STACK
from restore.model.prevention import METRICS_NAMESPACE, SUBSCRIPTION, PreventionSettings, name_object
from restore.preflight.rights_scope import AwsTarget, ClusterTarget, RightsScope

NAMESPACE_KEY = "cloudwatch:namespace"


def _read_prevention(scope: RightsScope) -> PreventionSettings | None:
    return scope.context.settings.prevention


def alarms(scope: RightsScope) -> Iterator[AwsTarget]:
    if _read_prevention(scope):
        yield AwsTarget(scope.build_arn("cloudwatch", "alarm:*"))


def metrics(scope: RightsScope) -> Iterator[AwsTarget]:
    if _read_prevention(scope):
        yield AwsTarget(keys=((NAMESPACE_KEY, METRICS_NAMESPACE),))


def topic(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields the topic that the stack makes; one of the team's is only named."""
    prevention = _read_prevention(scope)
    if prevention and not prevention.topic:
        yield AwsTarget(scope.build_arn("sns", name_object(scope.context.settings.stack, SUBSCRIPTION)))


def event_subscription(scope: RightsScope) -> Iterator[AwsTarget]:
    if _read_prevention(scope):
        yield AwsTarget(scope.build_rds_arn("es", name_object(scope.context.settings.stack, SUBSCRIPTION)))


def replicated_backups(scope: RightsScope) -> Iterator[AwsTarget]:
    prevention = _read_prevention(scope)
    if prevention and prevention.replicate_to:
        yield AwsTarget(scope.build_rds_arn("db", scope.context.settings.source))


def protected_source(scope: RightsScope) -> Iterator[AwsTarget]:
    prevention = _read_prevention(scope)
    if prevention and prevention.enforce:
        yield AwsTarget(scope.build_rds_arn("db", scope.context.settings.source))


def nightly_dumps(scope: RightsScope) -> Iterator[AwsTarget]:
    prevention, store = _read_prevention(scope), scope.context.settings.backups
    if prevention and prevention.dump_schedule and store.bucket:
        yield AwsTarget(
            scope.build_global_arn("s3", f"{store.bucket}/{store.prefix}{scope.context.settings.source}.sql.gz")
        )


def watched_dumps(scope: RightsScope) -> Iterator[AwsTarget]:
    store = scope.context.settings.backups
    if _read_prevention(scope) and store.bucket:
        yield AwsTarget(
            scope.build_global_arn("s3", f"{store.bucket}/{store.prefix}{scope.context.settings.source}.sql.gz")
        )


def expired_snapshots(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields one that this program has taken: it has the stack's tag."""
    if _read_prevention(scope):
        keys = ((f"aws:ResourceTag/{TAG_STACK}", scope.context.settings.stack),)
        yield AwsTarget(scope.build_rds_arn("snapshot", f"{scope.context.settings.source}-migration"), keys)


def schedule(scope: RightsScope) -> Iterator[ClusterTarget]:
    if _read_prevention(scope):
        yield ClusterTarget(scope.context.settings.namespace)
