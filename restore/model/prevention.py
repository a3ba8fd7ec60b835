"""What watches over the backups on quiet days: the key `prevention`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from restore.model.field_types import Flag, SecretName, Section, refuse_unlike
from validation.keyed.fields import NUMBER

LONGEST_RETENTION = 35
"""Days for which RDS keeps automated backups at most (API reference of ModifyDBInstance, BackupRetentionPeriod)."""
METRICS_NAMESPACE = "Restore"
"""Of the metrics in CloudWatch."""
LONGEST_NAME = 52
"""Of a CronJob: its Jobs add 11 characters to it, and may have 63 (Kubernetes, "CronJob", "Job creation")."""
SUBSCRIPTION = "backups"
"""What the topic and the event subscription are named after, beside the stack."""
SECONDS = {"m": 60, "h": 3600, "d": 86_400}
Age = Annotated[str, refuse_unlike(r"[1-9][0-9]{0,4}[mhd]", "a number of minutes, hours or days: 30m, 26h or 100d")]
Schedule = Annotated[
    str, refuse_unlike(r"@(?:daily|weekly|monthly|hourly)|\S+(?: +\S+){4}", "a schedule of cron, such as 30 3 * * *")
]


def parse_age(text: str) -> timedelta:
    """Returns the duration that a text such as 26h says. Raises ValueError for another text."""
    if text[-1:] not in SECONDS:
        raise ValueError(f"{text!r} is no age")
    return timedelta(seconds=int(text[:-1]) * SECONDS[text[-1]])


def name_object(stack: str, purpose: str) -> str:
    """Returns the name of what a stack declares for a purpose, with what Kubernetes allows of the stack's name."""
    plain = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in stack.lower()).strip("-")
    room = LONGEST_NAME - len(f"restore-{purpose}-")
    return f"restore-{purpose}-{plain[:room].rstrip('-')}"


@dataclass(frozen=True)
class Subscribers:
    """How many are subscribed to a topic. Who is pending gets nothing until the subscription is confirmed."""

    confirmed: int
    pending: int


@dataclass(frozen=True)
class PreventionSettings(Section):
    """What the stack declares and checks so that there is something to restore from."""

    topic: Annotated[
        str, refuse_unlike(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}", "the ARN of a standard topic")
    ] = ""
    """ARN of the SNS topic that gets the alarms and RDS's backup events; else the stack makes one."""
    image: str | None = None
    """Image of this program, made by its Containerfile, for the scheduled check and dump; else runnerJob.image."""
    service_account: SecretName | None = None
    """ServiceAccount of their pods; else runnerJob.serviceAccount."""
    every_minutes: Annotated[int, Field(ge=1, le=60), NUMBER] = 15
    """Minutes between two checks of the backups; an alarm needs two periods of twice that."""
    oldest_restorable: Age = "30m"
    """How far LatestRestorableTime may lag behind."""
    oldest_snapshot: Age = "26h"
    """How old the newest snapshot may be."""
    oldest_dump: Age = "26h"
    """How old the newest dump in the bucket of `backups` may be."""
    oldest_drill: Age = "100d"
    """How long ago the last drill that passed may be. It is read from the evidence, which must be in S3 for that."""
    oldest_replica: Age = "3h"
    """How far the backups in the region `replicateTo` may lag behind."""
    retention_days: Annotated[int, Field(ge=1, le=LONGEST_RETENTION), NUMBER] = LONGEST_RETENTION
    """Days of automated backups that the source should have."""
    enforce: Flag = False
    """Whether `pulumi up` sets retention and deletion protection on the source where they are less, while no restore is
    configured. Otherwise the preview says what is missing, and nothing modifies the source."""
    replicate_to: (
        Annotated[str, refuse_unlike(r"[a-z]{2}(?:-[a-z]+)+-[0-9]", "the name of an AWS Region, such as us-west-2")]
        | None
    ) = None
    """Second region, to which the automated backups are replicated."""
    replica_kms_key_id: str | None = None
    """ARN of the KMS key of that region; needed for an encrypted source."""
    replica_days: Annotated[int, Field(ge=1, le=LONGEST_RETENTION), NUMBER] = 7
    """Days for which they are kept there."""
    dump_schedule: Schedule | None = None
    """When the nightly dump is taken, as cron says it (UTC); without one the stack takes none."""
    keep_days: Annotated[int, Field(ge=1, le=3650), NUMBER] = 90
    """Days for which snapshots that this program made are kept: `expire` lists older ones, and deletes them on a
    yes."""
