"""What the rights of a restore are for, by their real names: ARNs in AWS, objects in the cluster. Pure.

Which resources and condition keys an action is decided by: Service Authorization Reference, pages of RDS, S3, KMS,
Secrets Manager and IAM.

A public function is named for the targets that it yields: the table in rights.py reads `on.candidate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from restore.candidate.settings import choose_target_settings
from restore.config.keys import SAFETY_CHECK
from restore.model.context import RestoreContext
from restore.model.dependents import Dependent, DependentKind, Follow
from restore.model.labels import TAG_DRILL, TAG_FINAL, TAG_ID, TAG_STACK
from restore.model.managed_login import is_kept_by_rds
from restore.model.rds import InstanceSettings
from restore.model.request import Method, Runner
from restore.model.restore_source import RestoreSource
from restore.preflight.images import list_ecr_images
from restore.recovery_points.resolve import resolve

UNKNOWN_ACCOUNT = "000000000000"
SECRET_SUFFIX = "-000000"
"""Secrets Manager ends each secret's ARN in six random characters."""
NEW_RESOURCE_ID = "db-MADEBYTHISRESTORE"
"""Stands for the DbiResourceId that the candidate will get: a policy that names the source's doesn't let it in."""
S3_URL = "s3://"
Keys = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class AwsTarget:
    """What an action is asked on, with the condition keys of the request."""

    arn: str = "*"
    keys: Keys = ()


@dataclass(frozen=True)
class ClusterTarget:
    """What a verb is asked on; an empty name stands for all objects, an empty namespace for the whole cluster."""

    namespace: str
    name: str = ""


@dataclass(frozen=True)
class RightsScope:
    """One restore, and what it will touch."""

    context: RestoreContext

    @cached_property
    def origin(self) -> RestoreSource | None:
        return resolve(self.context).origin

    @cached_property
    def settings(self) -> InstanceSettings:
        if self.origin:
            return choose_target_settings(self.context, self.origin)
        return self.context.source.settings if self.context.source else InstanceSettings()

    @property
    def method(self) -> Method:
        return self.context.request.method

    @cached_property
    def partition(self) -> str:
        caller = self.context.inventory.caller
        return caller.arn.split(":")[1] if caller else "aws"

    @cached_property
    def account(self) -> str:
        caller = self.context.inventory.caller
        return caller.account if caller else UNKNOWN_ACCOUNT

    def build_arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.context.settings.region}:{self.account}:{resource}"

    def build_global_arn(self, service: str, resource: str) -> str:
        """Returns the ARN of what has no region: a bucket, an object."""
        return f"arn:{self.partition}:{service}:::{resource}"

    def build_rds_arn(self, kind: str, name: str) -> str:
        return name if name.startswith("arn:") else self.build_arn("rds", f"{kind}:{name.lower()}")

    @cached_property
    def tags(self) -> dict[str, str]:
        return {TAG_ID: self.context.request.id, TAG_STACK: self.context.settings.stack}

    def build_tag_keys(self, kind: str) -> Keys:
        """Returns the condition keys `aws:RequestTag/...` or `aws:ResourceTag/...` of this restore's own tags."""
        return tuple((f"aws:{kind}Tag/{name}", value) for name, value in sorted(self.tags.items()))

    @property
    def is_made(self) -> bool:
        return self.context.candidate is not None


def anything(_: RightsScope) -> Iterator[AwsTarget]:
    yield AwsTarget()


def repositories(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields the repositories of ECR that the images of Jobs come from."""
    for image in list_ecr_images(scope.context).values():
        arn = f"arn:{scope.partition}:ecr:{image.region}:{image.account}:repository/{image.repository}"
        yield AwsTarget(arn)


def anything_elsewhere(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields one target for a source in another region only."""
    if scope.context.source_region:
        yield AwsTarget()


def snapshot_copy(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields the copy that is to be made of a snapshot, as a request names it."""
    if scope.origin and scope.origin.point.copy_of and not scope.context.copy:
        yield AwsTarget(scope.build_rds_arn("snapshot", scope.context.copy_name), scope.build_tag_keys("Request"))


def copied_snapshot(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields the copy, and what it is made of."""
    for target in snapshot_copy(scope):
        yield target
        if scope.origin and scope.origin.point.copy_of:
            yield AwsTarget(scope.origin.point.copy_of)


def parameter_group(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields the parameter group that the key `create` lets be made."""
    yield from (AwsTarget(target.arn) for target in new_parameter_group(scope))


def new_parameter_group(scope: RightsScope) -> Iterator[AwsTarget]:
    name, places = scope.settings.parameter_group_name, scope.context.inventory.places
    missing = name and places is not None and name not in places.parameter_groups
    if name and missing and scope.context.settings.create.parameter_group:
        yield AwsTarget(scope.build_rds_arn("pg", name), scope.build_tag_keys("Request"))


def source_instance(scope: RightsScope) -> Iterator[AwsTarget]:
    yield AwsTarget(scope.build_rds_arn("db", scope.context.settings.source))


def candidate(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields the instance that is to be made, as a request names it."""
    yield AwsTarget(scope.build_rds_arn("db", scope.context.candidate_name), scope.build_tag_keys("Request"))


def candidate_as_made(scope: RightsScope) -> Iterator[AwsTarget]:
    yield AwsTarget(scope.build_rds_arn("db", scope.context.candidate_name), scope.build_tag_keys("Resource"))


def topic_of_messages(scope: RightsScope) -> Iterator[AwsTarget]:
    if topic := scope.context.settings.notify.sns_topic:
        yield AwsTarget(topic)


def renamed_instances(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields both instances of cutover rename, under every name that they have or get; a name that is still free has no
    tags."""
    context = scope.context
    if not context.renames:
        return
    for name in (context.settings.source, context.aside_name, context.candidate_name):
        yield AwsTarget(scope.build_rds_arn("db", name))


def tagged_as_retired(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields an old source that gets the name of its final snapshot as a tag."""
    yield AwsTarget(
        scope.build_rds_arn("db", scope.context.settings.source), ((f"aws:RequestTag/{TAG_FINAL}", "final"),)
    )


def retired(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields an old source that has this tag: no other instance may be deleted."""
    yield AwsTarget(
        scope.build_rds_arn("db", scope.context.settings.source), ((f"aws:ResourceTag/{TAG_FINAL}", "final"),)
    )


def groups(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields the subnet, parameter and option group that an instance is made or changed with."""
    settings = scope.settings
    named = (
        ("subgrp", settings.db_subnet_group_name),
        ("pg", settings.parameter_group_name),
        ("og", settings.option_group_name),
    )
    yield from (AwsTarget(scope.build_rds_arn(kind, name)) for kind, name in named if name)


def from_snapshot(scope: RightsScope) -> Iterator[AwsTarget]:
    if scope.method is not Method.SNAPSHOT or scope.is_made:
        return
    yield from candidate(scope)
    yield from groups(scope)
    if scope.origin and scope.origin.point.snapshot:
        yield AwsTarget(scope.build_rds_arn("snapshot", scope.origin.point.snapshot))


def to_point_in_time(scope: RightsScope) -> Iterator[AwsTarget]:
    if scope.method is not Method.PITR or scope.is_made:
        return
    yield from candidate(scope)
    yield from groups(scope)
    backup = scope.origin.point.automated_backup_arn if scope.origin else None
    if backup:
        yield AwsTarget(backup)
    elif scope.context.local_source:
        yield AwsTarget(scope.build_rds_arn("db", scope.context.local_source.identifier))


def new_instance(scope: RightsScope) -> Iterator[AwsTarget]:
    if scope.method is Method.DUMP and not scope.is_made:
        yield from candidate(scope)
        yield from groups(scope)


def changed_instance(scope: RightsScope) -> Iterator[AwsTarget]:
    yield from candidate_as_made(scope)
    yield from groups(scope)


def made_with_tags(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields what is given tags when it is made: the candidate and the safety snapshot."""
    if not scope.is_made:
        yield from candidate(scope)


def _needs_safety_snapshot(scope: RightsScope) -> bool:
    waived = SAFETY_CHECK in scope.context.settings.waive
    return scope.context.local_source is not None and scope.context.safety is None and not waived


def safety_snapshot(scope: RightsScope) -> Iterator[AwsTarget]:
    if _needs_safety_snapshot(scope):
        yield AwsTarget(scope.build_rds_arn("snapshot", scope.context.safety_name), scope.build_tag_keys("Request"))


def snapshot_of_source(scope: RightsScope) -> Iterator[AwsTarget]:
    if _needs_safety_snapshot(scope) and scope.context.local_source:
        yield AwsTarget(scope.build_rds_arn("db", scope.context.local_source.identifier))
        yield from safety_snapshot(scope)


def _build_via_rds_keys(scope: RightsScope) -> Keys:
    return (("kms:ViaService", f"rds.{scope.context.settings.region}.amazonaws.com"),)


def database_key(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields the KMS key of the data. A key of AWS's own asks for no right."""
    key = scope.origin.kms_key_id if scope.origin and scope.origin.encrypted else None
    if key and not scope.is_made:
        yield AwsTarget(_build_key_arn(scope, key), _build_via_rds_keys(scope))


def _build_key_arn(scope: RightsScope, key: str) -> str:
    """Returns the ARN of a key that is named by its ARN, its id, or an alias, which KMS has told the key of."""
    capacity = scope.context.inventory.capacity
    described = (capacity.keys or {}).get(key) if capacity else None
    if described and described.arn.startswith("arn:"):
        return described.arn
    return key if key.startswith("arn:") else scope.build_arn("kms", f"key/{key}")


def database_key_alone(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields the same key, asked about by this program itself and not by RDS."""
    yield from (AwsTarget(target.arn) for target in database_key(scope))


def database_key_grant(scope: RightsScope) -> Iterator[AwsTarget]:
    for target in database_key(scope):
        yield AwsTarget(target.arn, (*target.keys, ("kms:GrantIsForAWSResource", "true")))


def monitoring_role(scope: RightsScope) -> Iterator[AwsTarget]:
    role = scope.settings.monitoring_role_arn
    if role and not scope.is_made:
        yield AwsTarget(role, (("iam:PassedToService", "monitoring.rds.amazonaws.com"),))


TO_RDS: Keys = (("iam:PassedToService", "rds.amazonaws.com"),)


def instance_with_roles(scope: RightsScope) -> Iterator[AwsTarget]:
    if scope.settings.associated_roles:
        yield from candidate_as_made(scope)


def instance_with_parameters(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields an instance with parameter groups of its own: RDS's own have nothing that waits for a reboot."""
    group = scope.settings.parameter_group_name
    if group and not group.startswith("default."):
        yield from candidate_as_made(scope)


def associated_roles(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields the roles of features, each given as FEATURE=ARN."""
    yield from (AwsTarget(role.partition("=")[2], TO_RDS) for role in scope.settings.associated_roles)


def _list_followed(scope: RightsScope, kind: DependentKind) -> tuple[Dependent, ...]:
    """What is re-pointed of a kind; none where dependents are only listed."""
    if scope.context.settings.dependents is not Follow.FOLLOW:
        return ()
    return scope.context.inventory.dependents.select_kind(kind)


def followed_alarms(scope: RightsScope) -> Iterator[AwsTarget]:
    for item in _list_followed(scope, DependentKind.ALARM):
        yield AwsTarget(scope.build_arn("cloudwatch", f"alarm:{item.name}"))


def followed_proxies(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields the target groups of proxies, whose ARNs are random, and both instances."""
    if _list_followed(scope, DependentKind.PROXY):
        yield AwsTarget(scope.build_arn("rds", "target-group:prx-tg-0"))
        yield AwsTarget(scope.build_rds_arn("db", scope.context.settings.source))
        yield AwsTarget(scope.build_rds_arn("db", scope.context.candidate_name))


def followed_event_subscriptions(scope: RightsScope) -> Iterator[AwsTarget]:
    for item in _list_followed(scope, DependentKind.EVENT_SUBSCRIPTION):
        yield AwsTarget(scope.build_rds_arn("es", item.name))


def followed_backup_plans(scope: RightsScope) -> Iterator[AwsTarget]:
    for item in _list_followed(scope, DependentKind.BACKUP_SELECTION):
        yield AwsTarget(scope.build_arn("backup", f"backup-plan:{item.place.partition(' ')[0]}"))


def roles_of_backups(scope: RightsScope) -> Iterator[AwsTarget]:
    for item in _list_followed(scope, DependentKind.BACKUP_SELECTION):
        yield AwsTarget(item.place.partition(" ")[2], (("iam:PassedToService", "backup.amazonaws.com"),))


def domain_role(scope: RightsScope) -> Iterator[AwsTarget]:
    name = scope.settings.domain_iam_role_name
    if name and not scope.is_made:
        yield AwsTarget(f"arn:{scope.partition}:iam::{scope.account}:role/{name}", TO_RDS)


def operator_secret(scope: RightsScope) -> Iterator[AwsTarget]:
    login = scope.context.settings.login
    if login.secret_id and not login.iam:
        named = login.secret_id.startswith("arn:")
        yield AwsTarget(
            login.secret_id if named else scope.build_arn("secretsmanager", f"secret:{login.secret_id}{SECRET_SUFFIX}")
        )


def managed_operator_secret(scope: RightsScope) -> Iterator[AwsTarget]:
    """Returns the operator's secret where RDS keeps the source's master password in it."""
    source = scope.context.source
    if source and is_kept_by_rds(scope.context.settings.login, source):
        yield from operator_secret(scope)


def own_operator_secret(scope: RightsScope) -> Iterator[AwsTarget]:
    """Returns the operator's secret where it is the team's own."""
    source = scope.context.source
    if not (source and is_kept_by_rds(scope.context.settings.login, source)):
        yield from operator_secret(scope)


def application_secret(scope: RightsScope) -> Iterator[AwsTarget]:
    """Returns the secret of Secrets Manager from which a controller makes the connection secret."""
    if name := scope.context.settings.secret.secret_id:
        named = name.startswith("arn:")
        yield AwsTarget(name if named else scope.build_arn("secretsmanager", f"secret:{name}{SECRET_SUFFIX}"))


def rotated_secrets(scope: RightsScope) -> Iterator[AwsTarget]:
    yield from own_operator_secret(scope)
    yield from application_secret(scope)


def master_secret(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields the secret in which RDS keeps the master password of a new instance; its name is RDS's own."""
    if scope.method is Method.DUMP:
        yield AwsTarget(
            scope.build_arn("secretsmanager", f"secret:rds!db-{scope.context.candidate_name}{SECRET_SUFFIX}")
        )


def new_master_secret(scope: RightsScope) -> Iterator[AwsTarget]:
    if not scope.is_made:
        yield from master_secret(scope)


def dumps(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields any object below the prefix of the dumps; which one is meant may still be open."""
    store = scope.context.settings.backups
    if scope.method is Method.DUMP and store.bucket:
        point = scope.origin.point.dump if scope.origin else None
        key = point.key if point else f"{store.prefix}{scope.context.request.dump}"
        yield AwsTarget(scope.build_global_arn("s3", f"{store.bucket}/{key}"))


def dump_bucket(scope: RightsScope) -> Iterator[AwsTarget]:
    if scope.method is Method.DUMP and scope.context.settings.backups.bucket:
        yield AwsTarget(scope.build_global_arn("s3", scope.context.settings.backups.bucket))


def _split_s3_place(place: str | None) -> tuple[str, str] | None:
    """Returns bucket and prefix of a place in S3, the prefix with its slash; None for a directory."""
    if not place or not place.startswith(S3_URL):
        return None
    bucket, _, prefix = place.removeprefix(S3_URL).rstrip("/").partition("/")
    return bucket, f"{prefix}/" if prefix else ""


def _objects(scope: RightsScope, place: str | None, name: str) -> Iterator[AwsTarget]:
    if bucket_and_prefix := _split_s3_place(place):
        yield AwsTarget(scope.build_global_arn("s3", f"{bucket_and_prefix[0]}/{bucket_and_prefix[1]}{name}"))


def _bucket(scope: RightsScope, place: str | None) -> Iterator[AwsTarget]:
    if bucket_and_prefix := _split_s3_place(place):
        yield AwsTarget(scope.build_global_arn("s3", bucket_and_prefix[0]))


def records(scope: RightsScope) -> Iterator[AwsTarget]:
    settings, restore_id = scope.context.settings, scope.context.request.id
    yield from _objects(scope, settings.evidence, f"{settings.stack}/{restore_id}/report.html")


def records_bucket(scope: RightsScope) -> Iterator[AwsTarget]:
    yield from _bucket(scope, scope.context.settings.evidence)


def baselines(scope: RightsScope) -> Iterator[AwsTarget]:
    yield from _objects(scope, scope.context.settings.validation.baseline, "baseline.json")


def baselines_bucket(scope: RightsScope) -> Iterator[AwsTarget]:
    yield from _bucket(scope, scope.context.settings.validation.baseline)


def logins_by_iam(scope: RightsScope) -> Iterator[AwsTarget]:
    login = scope.context.settings.login
    if not login.iam:
        return
    resource_ids = [instance.resource_id for instance in (scope.context.source, scope.context.candidate) if instance]
    for resource_id in resource_ids if scope.is_made else [*resource_ids, NEW_RESOURCE_ID]:
        yield AwsTarget(scope.build_arn("rds-db", f"dbuser:{resource_id}/{login.user}"))


def own_principal(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields nothing: that this right is there shows when it is used to ask for the others."""
    del scope
    yield from ()


def namespace(scope: RightsScope) -> Iterator[ClusterTarget]:
    yield ClusterTarget(scope.context.settings.namespace)


def whole_cluster(scope: RightsScope) -> Iterator[ClusterTarget]:
    del scope
    yield ClusterTarget("")


def applications(scope: RightsScope) -> Iterator[ClusterTarget]:
    settings = scope.context.settings
    yield from (ClusterTarget(settings.namespace, app.name) for app in settings.apps)


def connection_secret(scope: RightsScope) -> Iterator[ClusterTarget]:
    settings = scope.context.settings
    yield ClusterTarget(settings.namespace, settings.secret.name)


def pods_asked(scope: RightsScope) -> Iterator[ClusterTarget]:
    """Yields the pods whose health URL is asked through the API server."""
    settings = scope.context.settings
    if any("{pod}" in (app.health or "") for app in settings.apps):
        yield ClusterTarget(settings.namespace)


def secret_controllers(kind: str) -> Callable[[RightsScope], Iterator[ClusterTarget]]:
    """Returns what keeps the connection secret, of one kind, where its marks are found; classes are only listed."""

    def list_targets(scope: RightsScope) -> Iterator[ClusterTarget]:
        for writer in scope.context.inventory.cluster.writers:
            if writer.kind == kind:
                name = "" if kind == "SecretProviderClass" else writer.name
                yield ClusterTarget(scope.context.settings.namespace, name)

    return list_targets


def job(scope: RightsScope) -> Iterator[ClusterTarget]:
    """Yields the Job that connects from inside, and its Secret, which has the same name."""
    yield ClusterTarget(scope.context.settings.namespace, f"restore-validate-{scope.context.request.id}")


def gate_jobs(scope: RightsScope) -> Iterator[ClusterTarget]:
    """Yields the Jobs in which gates run, and their Secrets: names that end with a fingerprint."""
    if scope.context.settings.runner is Runner.KUBERNETES:
        yield ClusterTarget(scope.context.settings.namespace)


def drill_namespace(scope: RightsScope) -> Iterator[ClusterTarget]:
    """Yields the scratch namespace of drills, where one is configured."""
    if name := scope.context.settings.drill.namespace:
        yield ClusterTarget(name)


def drill_namespace_itself(scope: RightsScope) -> Iterator[ClusterTarget]:
    if name := scope.context.settings.drill.namespace:
        yield ClusterTarget(name, name)


def drilled_instance(scope: RightsScope) -> Iterator[AwsTarget]:
    """Yields an instance that a drill has made, where drills are configured: it alone may be deleted."""
    settings = scope.context.settings
    if settings.drill.namespace:
        yield AwsTarget(
            scope.build_rds_arn("db", f"{settings.source}-drill"), ((f"aws:ResourceTag/{TAG_DRILL}", settings.stack),)
        )


def argo_applications(scope: RightsScope) -> Iterator[ClusterTarget]:
    yield from (ClusterTarget(namespace, name) for namespace, name in _list_owners(scope, "ArgoCD"))


def flux_objects(word: str) -> Callable[[RightsScope], Iterator[ClusterTarget]]:
    """Returns what yields Flux's own objects of one kind; `word` is that of the flux command, with which a writer's
    name begins."""

    def list_targets(scope: RightsScope) -> Iterator[ClusterTarget]:
        for namespace, name in _list_owners(scope, "Flux"):
            if name.startswith(f"{word} "):
                yield ClusterTarget(namespace, name.removeprefix(f"{word} "))

    return list_targets


def _list_owners(scope: RightsScope, kind: str) -> Iterator[tuple[str, str]]:
    writers = scope.context.inventory.cluster.writers
    yield from ((writer.namespace, writer.name) for writer in writers if writer.kind == kind and writer.namespace)
