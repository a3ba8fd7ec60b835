"""The candidate: restored or created once, never changed, replaced or deleted by Pulumi."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, cast

import pulumi
import pulumi_aws as aws

from restore.candidate.settings import freeze_settings
from restore.config.keys import to_camel_case
from restore.model.context import ENGINE
from restore.model.planned import Plan
from restore.model.rds import InstanceSettings
from restore.model.request import Method
from restore.program.creation import Creation, watch_creation
from restore.program.protection import LONG, bind_hooks, bind_refusal
from restore.program.restoration import Restoration
from restore.program.timing_hooks import Record
from restore.units import TIME_FORMAT

IGNORED_ON_PITR = frozenset({"allocated_storage"})
NOT_AT_CREATION = frozenset({"associated_roles", "domain", "domain_iam_role_name"})
"""What gate `conformed` brings along: no restore takes roles, and a directory that refuses would cost the restore."""
SETTING_NAMES = tuple(field.name for field in fields(InstanceSettings) if field.name not in NOT_AT_CREATION)
CREATE_ONLY = [
    *(to_camel_case(name) for name in SETTING_NAMES),
    *("identifier", "password", "snapshotIdentifier", "restoreToPointInTime", "engineVersion", "storageEncrypted"),
    *("kmsKeyId", "dbName", "username", "engine", "availabilityZone", "characterSetName", "licenseModel"),
    *("manageMasterUserPassword", "masterUserSecretKmsKeyId"),
    "tags",  # the plugin would address it by the ARN in the state, whose name may be another instance's by now
    "applyImmediately",  # as a lone difference after an import it would apply what somebody queued for the window
]


def build_source_inputs(plan: Plan) -> dict[str, Any]:
    """Returns the inputs that say what the instance is made from."""
    point = plan.point
    if plan.fresh:
        return {
            "engine": ENGINE,
            "engine_version": plan.engine_version,
            "username": plan.fresh.master_user,
            # RDS makes a password that no state or log ever sees; gate `imported` replaces it by the operator's own
            "manage_master_user_password": True,
            "storage_encrypted": True,
            "kms_key_id": plan.fresh.kms_key_id,
        }
    if point.method is Method.SNAPSHOT:
        return {"snapshot_identifier": point.snapshot}
    backup: dict[str, Any] = (
        {"source_db_instance_automated_backups_arn": point.automated_backup_arn}
        if point.automated_backup_arn
        else {"source_dbi_resource_id": point.source_resource_id}
    )
    moment: dict[str, Any] = (
        {"use_latest_restorable_time": True}
        if point.latest or point.time is None
        else {"restore_time": f"{point.time:{TIME_FORMAT}}"}
    )
    return {"restore_to_point_in_time": aws.rds.InstanceRestoreToPointInTimeArgs(**backup, **moment)}


def convert_setting(value: Any) -> Any:
    """Returns a setting as Pulumi takes it: a list where the plan has a tuple."""
    return [str(item) for item in cast("tuple[object, ...]", value)] if isinstance(value, tuple) else value


def build_setting_inputs(plan: Plan) -> dict[str, Any]:
    """Returns the wanted settings as inputs, without unset ones and those that the call ignores."""
    ignored = IGNORED_ON_PITR if plan.point.method is Method.PITR else frozenset[str]()
    settings: dict[str, Any] = {name: getattr(plan.settings, name) for name in SETTING_NAMES if name not in ignored}
    return {name: convert_setting(value) for name, value in settings.items() if value is not None and value != ()}


def keep_settings(plan: Plan, parent: pulumi.Resource) -> pulumi.Stash:
    """Returns the settings wanted when the candidate is made: a Stash's output keeps its first value for ever, whatever
    becomes of the source they were read from."""
    return pulumi.Stash(
        f"settings-{plan.id}",
        input=freeze_settings(plan.settings),
        opts=pulumi.ResourceOptions(parent=parent, ignore_changes=["input"]),
    )


@dataclass(frozen=True)
class Candidate:
    """The candidate's resource; of one that this run restores it is declared only once RDS has made it."""

    resource: pulumi.Input[aws.rds.Instance]
    resource_id: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    status: pulumi.Output[str]
    urn: pulumi.Output[str]

    @classmethod
    def of(cls, instance: aws.rds.Instance) -> Candidate:
        """Returns the candidate of a resource that is declared at once."""
        return cls(instance, instance.resource_id, instance.endpoint, instance.status, instance.urn)

    @classmethod
    def later(cls, instance: pulumi.Output[aws.rds.Instance]) -> Candidate:
        """Returns the candidate of a resource that is declared while the program runs."""
        return cls(
            instance,
            instance.apply(lambda made: made.resource_id),
            instance.apply(lambda made: made.endpoint),
            instance.apply(lambda made: made.status),
            instance.apply(lambda made: made.urn),
        )


def declare_restored(
    plan: Plan,
    restoration: Restoration,
    creation: Creation,
    created: pulumi.Stash,
    parent: pulumi.Resource,
    record: Record,
) -> Candidate:
    """Returns the candidate that this program has RDS restore. `created` is there once it answers.

    It is imported, by a DbiResourceId that is only known when RDS has accepted the restore: so the resource of one that
    this run asks for is declared after that. A preview declares it at once, as one to be created."""

    def declare(adopt: str | None) -> aws.rds.Instance:
        hooks = bind_refusal(plan.candidate) if adopt else bind_making(plan, creation, record)
        return declare_instance(plan, adopt, parent, [created], hooks)

    if plan.adopt or pulumi.runtime.is_dry_run():
        return Candidate.of(declare(plan.adopt))
    return Candidate.later(created.urn.apply(lambda _: declare(restoration.resource_id)))


def declare_fresh(
    plan: Plan, creation: Creation, parent: pulumi.Resource, depends_on: Sequence[pulumi.Resource], record: Record
) -> Candidate:
    """Returns the fresh instance of method dump, which the AWS plugin makes."""
    hooks = bind_making(plan, creation, record)
    return Candidate.of(declare_instance(plan, plan.adopt, parent, depends_on, hooks))


def bind_making(plan: Plan, creation: Creation, record: Record) -> pulumi.ResourceHookBinding:
    """Returns the hooks of an instance that the plugin makes."""
    return watch_creation(bind_hooks("candidate", plan.candidate, record), creation)


def declare_instance(
    plan: Plan,
    adopt: str | None,
    parent: pulumi.Resource,
    depends_on: Sequence[pulumi.Resource],
    hooks: pulumi.ResourceHookBinding,
) -> aws.rds.Instance:
    """Returns the resource. An existing instance is adopted by its DbiResourceId, which is also the id in state:
    importing what is already there is no change (tests/standins/parity, scenario 03b)."""
    return aws.rds.Instance(
        f"candidate-{plan.id}",
        identifier=plan.candidate,
        **build_source_inputs(plan),
        **build_setting_inputs(plan),
        tags=dict(plan.tags),
        apply_immediately=True,
        skip_final_snapshot=False,
        final_snapshot_identifier=plan.final_snapshot,
        delete_automated_backups=False,
        opts=pulumi.ResourceOptions(
            parent=parent,
            protect=True,
            retain_on_delete=True,
            ignore_changes=CREATE_ONLY,
            import_=adopt,
            depends_on=depends_on,
            custom_timeouts=LONG,
            hooks=hooks,
        ),
    )
