"""Whether the source keeps its backups long enough and can't be deleted by accident; what a team should know. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from restore.errors import Problem
from restore.model.identifiers import read_region
from restore.model.prevention import PreventionSettings
from restore.model.rds import Instance, InstanceSettings
from restore.model.request import Settings
from restore.prevention.ages import BackupKind, list_watched


def find_protection(source: Instance, prevention: PreventionSettings) -> InstanceSettings:
    """Returns the settings to bring the source to: only those that it lacks. A longer retention is never shortened."""
    days = source.settings.backup_retention_period or 0
    return InstanceSettings(
        backup_retention_period=prevention.retention_days if days < prevention.retention_days else None,
        deletion_protection=None if source.settings.deletion_protection else True,
    )


def is_off(source: Instance) -> bool:
    """Tells whether the source has no automated backups at all. To turn them on restarts it (RDS User Guide, "Enabling
    automated backups": an outage occurs), which is for a person to do."""
    return not source.settings.backup_retention_period


def is_replicated(instance: Instance, region: str) -> bool:
    """Tells whether the automated backups of this very instance are replicated to the region."""
    return any(read_region(arn) == region for arn in instance.replications)


def find_unreplicated(serving: Instance | None, prevention: PreventionSettings) -> Iterator[Problem]:
    """Yields that the second region gets no backups of the instance that serves. The replication of another instance
    goes on without it, whatever either of them is called."""
    region = prevention.replicate_to
    if serving and region and not is_replicated(serving, region):
        found = f"no automated backups of it ({serving.resource_id}) in {region}"
        fix = 'pulumi up; docs/prevention.md, "Backups in a second region"'
        yield Problem(f"prevention {serving.identifier}", found, "their replication (prevention.replicateTo)", fix)


def find_gaps(source: Instance | None, prevention: PreventionSettings) -> Iterator[Problem]:
    """Yields what the source lacks, each with the command that sets it. Nothing of it stops a restore."""
    if source is None:
        return
    subject = f"prevention {source.identifier}"
    lacks = find_protection(source, prevention)
    set_it = "pulumi config set --path prevention.enforce true && pulumi up"
    modify = f"aws rds modify-db-instance --db-instance-identifier {source.identifier} --apply-immediately"
    if is_off(source):
        needed = f"{prevention.retention_days} days (it restarts the instance)"
        fix = f"{modify} --backup-retention-period {prevention.retention_days}"
        yield Problem(subject, "no automated backups", needed, fix)
    elif lacks.backup_retention_period:
        found = f"automated backups are kept for {source.settings.backup_retention_period} days"
        yield Problem(subject, found, f"{lacks.backup_retention_period} days", set_it)
    if lacks.deletion_protection:
        yield Problem(subject, "no deletion protection", "deletion protection", set_it)
    if prevention.replicate_to and source.storage_encrypted and not prevention.replica_kms_key_id:
        found = f"encrypted, and no key in {prevention.replicate_to} to replicate its backups with"
        fix = "pulumi config set --path prevention.replicaKmsKeyId <ARN of a key of that region>"
        yield Problem(subject, found, "a KMS key of that region", fix)


def list_unwatched(settings: Settings, prevention: PreventionSettings) -> Iterator[str]:
    """Yields what has no alarm, and why."""
    watched = list_watched(settings, prevention)
    if BackupKind.DUMP not in watched:
        yield "no alarm on dumps: backups.bucket isn't set"
    if BackupKind.DRILL not in watched:
        yield f"no alarm on drills: the check can't read the evidence on this machine ({settings.evidence})"
    if not prevention.replicate_to:
        yield "no backup in a second region: pulumi config set --path prevention.replicateTo <region>"
