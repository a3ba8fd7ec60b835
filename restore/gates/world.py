"""What the gates reach: the plan, and one adapter for each outside system."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from restore.aws import Aws, Credential, Rds, Secrets
from restore.dumps.model import Scan
from restore.errors import PermanentError, Problem
from restore.evidence import Store
from restore.kubernetes import Api, Namespace
from restore.model import TAG_ID, TAG_STACK, Endpoint, Instance, Plan, Settings
from validation.connect import urls

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class World:
    """The adapters of one run; nothing is asked before a gate asks."""

    settings: Settings
    plan: Plan
    aws: Aws
    rds: Rds
    secrets: Secrets
    api: Api
    namespace: Namespace
    store: Store
    scans: dict[str, Scan] = field(default_factory=dict[str, Scan])
    """By the dump's identity: read once in a run, and needed by two gates."""

    @property
    def s3(self) -> S3Client:
        return cast("S3Client", self.aws.client("s3"))

    @property
    def database(self) -> str:
        """The application's database: where rows are counted and sessions looked for."""
        url = self.application_url()
        return self.settings.login.database or urls.connection_parameters(url).get("dbname") or "postgres"

    def login(self, endpoint: Endpoint) -> Credential:
        return self.secrets.login(self.settings.login, endpoint)

    def application_url(self) -> str:
        """The connection URL as it stands in the cluster now. Raises PermanentError when it is gone."""
        wanted = self.settings.secret
        found = self.namespace.connection_secret(wanted.name, wanted.key)
        if found is None or not found.url:
            raise PermanentError.of(
                Problem(
                    f"secret {wanted.name}",
                    f"no key {wanted.key}",
                    "the applications' connection URL",
                    f"put it back: kubectl -n {self.settings.namespace} edit secret {wanted.name}",
                )
            )
        return found.url

    def candidate(self) -> Instance:
        """The candidate as it is now. Raises PermanentError when the identifier names an instance that isn't ours."""
        found = self.rds.instance(self.plan.candidate)
        if found is None:
            raise PermanentError.of(
                Problem(self.plan.candidate, "no such instance", "the candidate", "run `pulumi up --refresh`")
            )
        if (found.tags.get(TAG_ID), found.tags.get(TAG_STACK)) != (self.plan.id, self.plan.stack):
            raise PermanentError.of(
                Problem(
                    self.plan.candidate,
                    f"an instance without this restore's tags ({found.resource_id})",
                    f"{TAG_ID}={self.plan.id} and {TAG_STACK}={self.plan.stack}",
                    "choose another id: the identifier belongs to somebody else",
                )
            )
        return found

    def source(self) -> Instance | None:
        """The source as it is now, by its DbiResourceId: under whatever identifier. None when it is gone."""
        return self.rds.instance_by_resource_id(self.plan.source.resource_id) if self.plan.source else None

    def other(self, endpoint: Endpoint) -> Endpoint | None:
        """Of source and candidate, the one that is not at this endpoint; None when it doesn't exist."""
        instances = (self.source(), self.rds.instance(self.plan.candidate))
        others = [one.endpoint for one in instances if one and one.endpoint and one.endpoint != endpoint]
        return others[0] if others else None
