"""How a drill is run, and what it is held against: the keys `drill` and `targets`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from restore.model.field_types import (
    JSON,
    OBJECT,
    DeploymentName,
    Flag,
    HealthUrl,
    Object,
    Quantity,
    SecretKeyName,
    SecretName,
    Section,
    Texts,
    refuse_unlike,
)
from validation.keyed.fields import NUMBER

SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
Duration = Annotated[str, refuse_unlike(r"[1-9][0-9]{0,5}[smhd]", "a number with s, m, h or d: 90s, 30m, 4h, 1d")]
NAMESPACE = refuse_unlike(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", "at most 63 lower-case letters, digits and hyphens")
QUARTERLY = "0 3 1 1,4,7,10 *"


def parse_duration(text: str) -> float:
    """Returns the seconds of a duration such as `30m`."""
    return float(int(text[:-1]) * SECONDS[text[-1]])


@dataclass(frozen=True)
class Targets(Section):
    """What a restore must achieve: a drill that misses either fails."""

    rto: Duration | None = None
    """Recovery time: from the beginning of the restore until applications answer from it, such as 2h."""
    rpo: Duration | None = None
    """Recovery point: how old the newest data that can be restored may be, such as 10m."""


@dataclass(frozen=True)
class SecretHeader(Section):
    """A header's value in a Secret of the scratch namespace."""

    secret: SecretName
    """Name of the Secret."""
    key: SecretKeyName
    """Its key."""
    prefix: str = ""
    """What stands before it, such as "Bearer " (with the space)."""


@dataclass(frozen=True)
class HttpCheck(Section):
    """One request to an application that runs on the restored database, and the answer that it must give."""

    url: HealthUrl
    """http://{pod}:<port>/<path>, asked of a pod of `app`; or any other URL."""
    app: DeploymentName | None = None
    """The application of `apps` whose pod is asked. Needed with {pod}."""
    method: Annotated[str, refuse_unlike("GET|HEAD|POST", "GET, HEAD or POST")] = "GET"
    """GET, HEAD or POST."""
    headers: Annotated[Mapping[str, str], JSON] = field(default_factory=dict[str, str])
    """Headers without secrets."""
    headers_from: Annotated[Mapping[str, Annotated[SecretHeader, OBJECT]], JSON] = field(
        default_factory=dict[str, SecretHeader]
    )
    """Headers whose value is in a Secret of the scratch namespace, by the header's name."""
    status: Annotated[int, Field(ge=100, le=599), NUMBER] = 200
    """The status it must answer; redirects are not followed."""
    json: Object = field(default_factory=dict[str, object])
    """Values that the answer must hold, by path: {"user.id": "42"}."""


@dataclass(frozen=True)
class Schedule(Section):
    """The CronJob that `python -m restore drill schedule` declares."""

    cron: Annotated[str, refuse_unlike(r"\S+(?: \S+){4}", "five fields of cron, such as 0 3 1 1,4,7,10 *")] = QUARTERLY
    """When, in UTC; else at 03:00 on the first day of each quarter."""
    image: str | None = None
    """Image of the drill, made by the Containerfile with --target drill. Needed."""
    service_account: SecretName = "restore-drill"
    """ServiceAccount of the CronJob's pods, made with it."""
    annotations: Annotated[Mapping[str, str], JSON] = field(default_factory=dict[str, str])
    """Annotations of the ServiceAccount, such as eks.amazonaws.com/role-arn."""
    secret: SecretName | None = None
    """Secret with the login to Pulumi's backend, key by key the environment: PULUMI_BACKEND_URL and
    PULUMI_CONFIG_PASSPHRASE, or PULUMI_ACCESS_TOKEN. Needed."""
    image_pull_secrets: Annotated[tuple[SecretName, ...], JSON] = ()
    """Secrets with the login to a private registry."""
    cpu: Quantity = "1"
    """CPU that the pod asks for."""
    memory: Quantity = "2Gi"
    """Memory that the pod asks for, and may use."""


@dataclass(frozen=True)
class DrillSettings(Section):
    """How `python -m restore drill` rehearses a restore without touching traffic."""

    namespace: Annotated[str, NAMESPACE] | None = None
    """Scratch namespace, in which copies of the applications run. Needed for a drill, and never the applications'
    own."""
    method: Annotated[str, refuse_unlike("pitr|snapshot|dump", "pitr, snapshot or dump")] = "pitr"
    """What is restored from: the newest point of this method."""
    writes: Flag = False
    """Whether the copies may write to the restored database. Otherwise the application's role only reads there."""
    network: Annotated[str, refuse_unlike("closed|open", "closed or open")] = "closed"
    """closed: a NetworkPolicy lets the copies reach nothing but the restored database, which is proved before they
    start. open: they reach whatever the namespace lets them."""
    ready_seconds: Annotated[int, Field(ge=1, le=86_400), NUMBER] = 900
    """Seconds that the copies may take to be ready."""
    checks: Annotated[tuple[Annotated[HttpCheck, OBJECT], ...], JSON] = ()
    """Requests to the copies, and what they must answer."""
    apps: Texts = ()
    """The applications of `apps` that are copied; else all."""
    schedule: Annotated[Schedule, OBJECT] = Schedule()
    """The CronJob that `python -m restore drill schedule` declares."""
