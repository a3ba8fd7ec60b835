"""What the rights of `prevention` are for, by their real names; nothing where it isn't configured. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from restore.model.labels import TAG_STACK
from restore.model.prevention import METRICS_NAMESPACE, SUBSCRIPTION, PreventionSettings, name_object
from restore.preflight.rights_scope import AwsTarget, ClusterTarget, RightsScope

NAMESPACE_KEY = "cloudwatch:namespace"


def _prevention(scope: RightsScope) -> PreventionSettings | None:
    return scope.context.settings.prevention


def alarms(scope: RightsScope) -> Iterator[AwsTarget]:
    if _prevention(scope):
        yield AwsTarget(scope.arn("cloudwatch", "alarm:*"))


def metrics(scope: RightsScope) -> Iterator[AwsTarget]:
    if _prevention(scope):
        yield AwsTarget(keys=((NAMESPACE_KEY, METRICS_NAMESPACE),))


def topic(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields the topic that the stack makes; one of the team's is only named."""
    prevention = _prevention(scope)
    if prevention and not prevention.topic:
        yield AwsTarget(scope.arn("sns", name_object(scope.context.settings.stack, SUBSCRIPTION)))


def event_subscription(scope: RightsScope) -> Iterator[AwsTarget]:
    if _prevention(scope):
        yield AwsTarget(scope.rds("es", name_object(scope.context.settings.stack, SUBSCRIPTION)))


def replicated_backups(scope: RightsScope) -> Iterator[AwsTarget]:
    prevention = _prevention(scope)
    if prevention and prevention.replicate_to:
        yield AwsTarget(scope.rds("db", scope.context.settings.source))


def protected_source(scope: RightsScope) -> Iterator[AwsTarget]:
    prevention = _prevention(scope)
    if prevention and prevention.enforce:
        yield AwsTarget(scope.rds("db", scope.context.settings.source))


def nightly_dumps(scope: RightsScope) -> Iterator[AwsTarget]:
    prevention, store = _prevention(scope), scope.context.settings.backups
    if prevention and prevention.dump_schedule and store.bucket:
        yield AwsTarget(scope.global_arn("s3", f"{store.bucket}/{store.prefix}{scope.context.settings.source}.sql.gz"))


def watched_dumps(scope: RightsScope) -> Iterator[AwsTarget]:
    store = scope.context.settings.backups
    if _prevention(scope) and store.bucket:
        yield AwsTarget(scope.global_arn("s3", f"{store.bucket}/{store.prefix}{scope.context.settings.source}.sql.gz"))


def expired_snapshots(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields one that this program has taken: it has the stack's tag."""
    if _prevention(scope):
        keys = ((f"aws:ResourceTag/{TAG_STACK}", scope.context.settings.stack),)
        yield AwsTarget(scope.rds("snapshot", f"{scope.context.settings.source}-migration"), keys)


def schedule(scope: RightsScope) -> Iterator[ClusterTarget]:
    if _prevention(scope):
        yield ClusterTarget(scope.context.settings.namespace)
