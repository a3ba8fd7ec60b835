"""Prevention: what watches over the backups, declared beside whatever restore is going on.

Its resources come last in a run with a restore: the engine begins nothing new after a failure, and no alarm is worth a
switch that stops halfway. What keeps backups (their replication) is never deleted by a change of the configuration.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from restore.aws import Aws, Rds
from restore.errors import PermanentError, Problem
from restore.gates.in_cluster import read_certificate
from restore.kubernetes.job_manifests import CERTIFICATE
from restore.model.aws_account import Caller
from restore.model.planned import Plan
from restore.model.prevention import METRICS_NAMESPACE, SUBSCRIPTION, PreventionSettings, name_object
from restore.model.rds import Instance, InstanceSettings
from restore.model.request import Settings
from restore.prevention import costs, protection, workloads
from restore.prevention.alarms import DIMENSION, PERIODS, BackupAlarm, list_alarms
from restore.prevention.document import FILE, build_schedule_settings, write_settings
from restore.program.restoration import run_step

EVENTS = ("backup", "deletion", "failure", "recovery")
"""Categories of an instance's events that are about its backups (RDS User Guide, "Amazon RDS event categories")."""
ENFORCE_SECONDS = 1800.0


@dataclass(frozen=True)
class Watched:
    """What the prevention of this run is about."""

    settings: Settings
    prevention: PreventionSettings
    source: Instance | None
    """As it is now; None where it is gone or can't be read."""
    caller: Caller
    database: str
    """The applications' database, for the nightly dump."""
    serving: str
    """Identifier of the instance that serves the applications after this run."""
    served_by: Instance | None = None
    """That instance, as it is now; None where it isn't there yet, or is gone."""
    unheard: tuple[Problem, ...] = ()
    """Why nobody would hear an alarm."""

    @property
    def source_arn(self) -> str:
        """The source's ARN, also when it is gone: without it a run would end the replication of its backups."""
        partition = self.caller.arn.split(":")[1]
        return f"arn:{partition}:rds:{self.settings.region}:{self.caller.account}:db:{self.settings.source}"


def find_serving(settings: Settings, plan: Plan | None) -> str:
    """Returns the identifier of the instance that serves once this run is over; with cutover rename that is always
    production's name."""
    renames = plan is not None and plan.rename is not None
    return plan.serving.identifier if plan and plan.serving and not renames else settings.source


def describe(watched: Watched) -> list[str]:
    """Returns what a preview says of the prevention: gaps, what isn't watched, costs."""
    settings, prevention = watched.settings, watched.prevention
    problems = (
        *protection.find_gaps(watched.source, prevention),
        *protection.find_unreplicated(watched.served_by, prevention),
        *watched.unheard,
    )
    gaps = [str(problem) for problem in problems]
    notes = [f"note: {line}" for line in protection.list_unwatched(settings, prevention)]
    return [*gaps, *notes, *(f"costs: {line}" for line in costs.describe_costs(settings, prevention, watched.source))]


def declare(watched: Watched, *, enforces: bool, depends_on: Sequence[pulumi.Resource] = ()) -> None:
    """Declares the prevention, says what there is to know of it, and exports the topic. Arguments as Prevention's."""
    pulumi.log.info("\n".join(["prevention:", *(f"  {line}" for line in describe(watched))]))
    pulumi.export("backupAlarms", Prevention(watched, enforces=enforces, depends_on=depends_on).topic)


class Prevention(pulumi.ComponentResource):
    """Parent of the alarms, the event subscription, the replication and the schedule in the cluster."""

    topic: pulumi.Input[str]

    def __init__(self, watched: Watched, *, enforces: bool, depends_on: Sequence[pulumi.Resource] = ()) -> None:
        """Args:
        enforces: whether this run may modify the source (no restore is configured).
        depends_on: what must be done before any of it.
        """
        super().__init__("restore:index:Prevention", "prevention", {"source": watched.settings.source})
        self._watched, self._after = watched, depends_on
        self.topic = watched.prevention.topic or self._declare_topic()
        self._declare_events()
        for alarm in list_alarms(watched.settings, watched.prevention):
            self._declare_alarm(alarm)
        if watched.prevention.replicate_to:
            self._declare_replication(watched.prevention.replicate_to)
        self._declare_schedule()
        if enforces and watched.prevention.enforce and watched.source:
            self._declare_protection(watched.source)
        self.register_outputs({"topic": self.topic})

    def _build_options(self, **more: Any) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=self._after, **more)

    def _name_object(self, purpose: str) -> str:
        return name_object(self._watched.settings.stack, purpose)

    def _declare_topic(self) -> pulumi.Output[str]:
        """The policy that SNS gives a new topic lets RDS and CloudWatch of this account publish to it."""
        return aws.sns.Topic("backup-alarms", name=self._name_object(SUBSCRIPTION), opts=self._build_options()).arn

    def _declare_events(self) -> None:
        aws.rds.EventSubscription(
            "backup-events",
            name=self._name_object(SUBSCRIPTION),
            sns_topic=self.topic,
            source_type="db-instance",
            source_ids=[self._watched.serving],
            event_categories=list(EVENTS),
            opts=self._build_options(),
        )

    def _declare_alarm(self, alarm: BackupAlarm) -> None:
        aws.cloudwatch.MetricAlarm(
            f"alarm-{alarm.metric}",
            name=alarm.name,
            alarm_description=alarm.description,
            namespace=METRICS_NAMESPACE,
            metric_name=alarm.metric,
            dimensions={DIMENSION: self._watched.settings.stack},
            statistic="Maximum",
            period=alarm.period,
            evaluation_periods=PERIODS,
            datapoints_to_alarm=PERIODS,
            threshold=alarm.limit.total_seconds(),
            comparison_operator="GreaterThanThreshold",
            treat_missing_data="breaching",
            alarm_actions=[self.topic],
            ok_actions=[self.topic],
            opts=self._build_options(),
        )

    def _declare_replication(self, region: str) -> None:
        """What was replicated stays when this leaves the configuration, or the source is gone."""
        aws.rds.InstanceAutomatedBackupsReplication(
            "backups-elsewhere",
            source_db_instance_arn=self._watched.source_arn,
            kms_key_id=self._watched.prevention.replica_kms_key_id,
            retention_period=self._watched.prevention.replica_days,
            region=region,
            opts=self._build_options(retain_on_delete=True),
        )

    def _declare_schedule(self) -> None:
        settings, prevention = self._watched.settings, self._watched.prevention
        told = write_settings(build_schedule_settings(settings, self._watched.serving, self._watched.database))
        pem = read_certificate(settings.tls)
        labels = dict(workloads.list_labels(settings.stack))
        mounted = kubernetes.core.v1.ConfigMap(
            "schedule-settings",
            metadata={"name": self._name_object("settings"), "namespace": settings.namespace, "labels": labels},
            data={FILE: told, **({CERTIFICATE: pem} if pem else {})},
            opts=self._build_options(),
        )
        for scheduled in workloads.list_cron_jobs(settings, prevention, certificate=pem is not None):
            kubernetes.batch.v1.CronJob(
                scheduled.name,
                metadata={"name": scheduled.name, "namespace": settings.namespace, "labels": labels},
                spec=dict(scheduled.spec),  # pyright: ignore[reportArgumentType] - a plain manifest
                opts=pulumi.ResourceOptions(parent=self, depends_on=[*self._after, mounted]),
            )

    def _declare_protection(self, source: Instance) -> None:
        """Sets retention and deletion protection in a before-hook, which the next `up` repeats should it fail. What is
        found stands in the input, so that a source that somebody has changed since is set again."""
        settings, prevention = self._watched.settings, self._watched.prevention
        wanted = {"retentionDays": prevention.retention_days, "deletionProtection": True}
        found = {
            "retentionDays": source.settings.backup_retention_period,
            "deletionProtection": source.settings.deletion_protection,
        }

        async def enforce(_args: pulumi.ResourceHookArgs) -> None:
            await run_step(partial(enforce_protection, settings, prevention, source))

        hook = pulumi.ResourceHook("enforce-protection", enforce)
        pulumi.Stash(
            "protection",
            input={"resource_id": source.resource_id, **wanted, "found": found},
            opts=self._build_options(hooks=pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook])),
        )


def enforce_protection(settings: Settings, prevention: PreventionSettings, source: Instance) -> None:
    """Modifies the source and waits until it is as wanted. Raises PermanentError for one without any automated backups:
    to turn them on restarts it."""
    if protection.is_off(source):
        raise PermanentError.of(next(protection.find_gaps(source, prevention)))
    rds = Rds(Aws.of(settings))
    if rds.modify(source.resource_id, protection.find_protection(source, prevention)):
        rds.wait_until(
            source.resource_id,
            lambda instance: protection.find_protection(instance, prevention) == InstanceSettings(),
            stop=threading.Event(),
            deadline=time.monotonic() + ENFORCE_SECONDS,
            subject=f"{source.identifier} to keep its backups",
        )
