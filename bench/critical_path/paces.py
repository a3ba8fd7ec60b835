"""How long RDS takes for each operation: three paces, each figure with its public source. Minutes.

An acceptance test's seconds hold a whole life of an instance; what an operation takes is then the difference of two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """Minutes of one operation, and where that is public."""

    minutes: float
    source: str


@dataclass(frozen=True)
class Pace:
    """One pace; figures by the step of the sandbox's RDS that stands for the operation.

    `factor`: how many seconds of the real RDS one second of the sandbox stands for. Programs, pods and people's clients
    run at their own speed beside it, so the less the truer: what they do for a second then hides or holds up little
    work of RDS. What is long already hides it, and is played faster.
    """

    name: str
    factor: float
    figures: Mapping[str, Figure]

    @property
    def seconds(self) -> dict[str, float]:
        """What the sandbox is told, by step."""
        return {step: figure.minutes * 60 / self.factor for step, figure in self.figures.items()}


TESTS = "https://github.com/hashicorp/terraform-provider-aws/pull/23560"
"""Durations of the provider's acceptance tests: an instance made and deleted takes 407 s (NameDeprecated_basic)."""
RENAME = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_RenameInstance.html (about 10 minutes)"
MODIFICATIONS = "https://dev.nhabook.com/blog/technical/aws-rds-modification-downtime-notes/"
BACKING_UP = "https://github.com/hashicorp/terraform-provider-aws/issues/44104"

OPERATIONS: Mapping[str, str] = {
    "take_snapshot": "manual snapshot",
    "restore": "point-in-time restore, until it answers",
    "back_up": "first backup of the restored instance",
    "change": "modification of settings",
    "set_password": "new master password",
    "reboot": "reboot",
    "rename": "rename",
}
PROVIDER = "https://github.com/hashicorp/terraform-provider-aws"
GUIDE = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide"
LOW = Pace(
    "low",
    10.0,
    {
        "take_snapshot": Figure(2.9, f"{PROVIDER}/pull/28424 (TestAccRDSSnapshot_basic, 579 s - 407 s)"),
        "restore": Figure(9.8, f"{PROVIDER}/issues/14785 (a restore complete after 9m50s)"),
        "back_up": Figure(2.9, "a snapshot, as above"),
        "change": Figure(1.1, f"{MODIFICATIONS} (Performance Insights, 66 s)"),
        "set_password": Figure(1.1, "a modification, as above"),
        "reboot": Figure(1.0, f"{MODIFICATIONS} (shutdown 18:09:04, restarted 18:10:01)"),
        "rename": Figure(2.0, f"{GUIDE}/multi-az-db-cluster-rename.html (of a cluster: about two minutes)"),
    },
)
MIDDLE = Pace(
    "middle",
    20.0,
    {
        "take_snapshot": Figure(20.0, "https://github.com/hashicorp/terraform/issues/23612 (more than 20 minutes)"),
        "restore": Figure(17.3, f"{PROVIDER}/pull/15969 (RestoreToPointInTime 1,470 s - kmsKey 431 s)"),
        "back_up": Figure(20.0, "a snapshot, as above"),
        "change": Figure(2.8, f"{MODIFICATIONS} (storage, 16:49:52 to 16:52:37)"),
        "set_password": Figure(2.8, "a modification, as above"),
        "reboot": Figure(1.0, "as in the low pace"),
        "rename": Figure(10.0, RENAME),
    },
)
HIGH = Pace(
    "high",
    60.0,
    {
        "take_snapshot": Figure(40.0, "https://github.com/hashicorp/terraform/issues/5161 (800 GB, over 40 minutes)"),
        "restore": Figure(40.0, "https://github.com/hashicorp/terraform/issues/2886 (40 minutes and more)"),
        "back_up": Figure(120.0, f"{BACKING_UP} (2 to 3 hours)"),
        "change": Figure(6.7, f"{TESTS} (MonitoringRoleARN_enabledToDisabled, 809 s - 407 s)"),
        "set_password": Figure(6.7, "a modification, as above"),
        "reboot": Figure(1.0, "as in the low pace"),
        "rename": Figure(10.0, RENAME),
    },
)
PACES = (LOW, MIDDLE, HIGH)
