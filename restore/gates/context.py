"""What the gates reach: the plan, and one adapter for each outside system."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from restore import postgres
from restore.aws import Aws, Credential, Rds, Secrets
from restore.aws.restores import build_restore
from restore.dumps.model import Scan
from restore.errors import PermanentError, Problem, TemporaryError
from restore.evidence import Store
from restore.kubernetes import Api, Namespace
from restore.model.labels import TAG_ID, TAG_POINT, TAG_STACK
from restore.model.planned import Plan
from restore.model.rds import Endpoint, Instance
from restore.model.rds_status import describe_way_out
from restore.model.request import Cutover, Settings
from validation.connect import urls
from validation.expectations.model import Expectations

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class GateContext:
    """The adapters of one run; nothing is asked before a gate asks."""

    settings: Settings
    plan: Plan
    aws: Aws
    rds: Rds
    secrets: Secrets
    api: Api
    namespace: Namespace
    store: Store
    source_rds: Rds | None = None
    """RDS of the source's region, where that isn't the stack's; it raises within seconds where it doesn't answer."""
    expectations: Expectations | None = None
    """What the restored data is held against, where it was read elsewhere; None: as the settings say."""
    scans: dict[str, Scan] = field(default_factory=dict[str, Scan])
    """What was read of each dump, by its identity: read once in a run, and needed by two gates."""

    @classmethod
    def of(cls, settings: Settings, plan: Plan, expectations: Expectations | None = None) -> GateContext:
        """Returns the adapters of this run; making them asks nothing."""
        aws = Aws.of(settings)
        api = Api(settings.kubeconfig, settings.context)
        return cls(
            settings=settings,
            plan=plan,
            aws=aws,
            rds=Rds(aws, settings.tunnel),
            secrets=Secrets(aws),
            api=api,
            namespace=Namespace(api, settings.namespace),
            store=Store.open(settings.evidence, aws),
            source_rds=Rds(Aws.of_source(settings), settings.tunnel) if settings.source_region else None,
            expectations=expectations,
        )

    @property
    def s3(self) -> S3Client:
        return cast("S3Client", self.aws.open_client("s3"))

    @property
    def database(self) -> str:
        """The application's database, of which rows and sessions are counted. Raises as `read_application_url`."""
        url = self.read_application_url()
        return self.settings.login.database or urls.read_parameters(url).get("dbname") or "postgres"

    def read_login(self, endpoint: Endpoint) -> Credential:
        """Returns the operator's login at this endpoint. Raises as Secrets.read_login."""
        return self.secrets.read_login(self.settings.login, endpoint)

    def read_application_url(self) -> str:
        """Returns the connection URL as it stands in the cluster now. Raises PermanentError when it is gone."""
        name, key = self.settings.secret.name, self.settings.secret.switched_keys[0]
        secret = self.namespace.read_connection_secret(self.settings.secret)
        if secret is None or not secret.url:
            fix = f"kubectl -n {self.settings.namespace} edit secret {name} (key {key}); pulumi up"
            raise PermanentError.of(Problem(f"secret {name}", f"no key {key}", "the applications' connection URL", fix))
        return secret.url

    def read_candidate(self) -> Instance:
        """Returns the candidate as it is now. Raises PermanentError when the identifier names an instance that isn't
        ours."""
        instance = self._find_present_candidate()
        if instance is None:
            raise PermanentError.of(build_no_candidate(self.plan))
        if (instance.tags.get(TAG_ID), instance.tags.get(TAG_STACK)) != (self.plan.id, self.plan.stack):
            raise PermanentError.of(
                Problem(
                    self.plan.candidate,
                    f"an instance without this restore's tags ({instance.resource_id}): it is somebody else's",
                    f"{TAG_ID}={self.plan.id} and {TAG_STACK}={self.plan.stack}",
                    "pulumi config set id <another id>; pulumi up",
                )
            )
        return instance

    def find_candidate(self) -> Instance | None:
        """Returns the candidate as it is now; None while there is none that is ours."""
        instance = self._find_present_candidate()
        ours = (self.plan.id, self.plan.stack)
        return instance if instance and (instance.tags.get(TAG_ID), instance.tags.get(TAG_STACK)) == ours else None

    def ask_for_candidate(self) -> Instance | None:
        """Has RDS restore the candidate, unless it is there; None until RDS lists it. Asked again after an answer that
        was lost it makes no second one: an identifier is one instance's, and its tags come with the same call.

        Raises PermanentError for an instance of that name that isn't ours, or that another run has just had made from
        another recovery point; as Rds.restore.
        """
        instance = self.find_candidate()
        if instance is None and not self.rds.restore(build_restore(self.plan)) and self._find_present_candidate():
            instance = self.read_candidate()
        instance = instance or self.find_candidate()
        made_from = instance.tags.get(TAG_POINT) if instance else None
        if made_from not in (None, self.plan.point.tag):
            found = f"another run has just had it made from {made_from}"
            fix = "python -m restore status; pulumi preview"
            raise PermanentError.of(Problem(self.plan.candidate, found, f"made from {self.plan.point.tag}", fix))
        return instance

    def _find_present_candidate(self) -> Instance | None:
        """By its DbiResourceId where its name moves; otherwise by its name, so that one made again is known as such."""
        planned = self.plan.candidate_found
        if planned and self.settings.request and self.settings.request.cutover is Cutover.RENAME:
            return self._read(planned)
        return self.rds.find_instance(self.plan.candidate)

    def is_candidate(self, instance: Instance) -> bool:
        """Tells whether this is the candidate, under whichever name."""
        planned = self.plan.candidate_found
        return instance.resource_id == planned.resource_id if planned else instance.identifier == self.plan.candidate

    def find_source(self) -> Instance | None:
        """Returns the source as it is now, by its DbiResourceId: under whatever identifier. None when it is gone."""
        return self._read(self.plan.source)

    def find_serving(self) -> Instance | None:
        """Returns the instance that the applications' URL names after this run, as it is now; None when it is gone."""
        return self._read(self.plan.serving)

    def find_left(self) -> Instance | None:
        """Returns the other one of source and candidate, as it is now; None when it is gone."""
        return self._read(self.plan.left)

    def _read(self, planned: Instance | None) -> Instance | None:
        if planned is None:
            return None
        source = self.plan.source
        elsewhere = self.source_rds if source and source.resource_id == planned.resource_id else None
        return (elsewhere or self.rds).find_instance_by_resource_id(planned.resource_id)

    @contextmanager
    def connect(self, instance: Instance, database: str = "") -> Generator[postgres.Connection]:
        """Connects as the operator to the application's database, or that of this name, at the instance's own endpoint:
        its certificate holds for that, and for no alias. Raises as postgres.connect, and TemporaryError without an
        endpoint."""
        endpoint, name = require_endpoint(instance), database or self.database
        with postgres.connect(endpoint, self.read_login(endpoint), self.settings.tls, name) as connection:
            yield connection

    @contextmanager
    def administer(self, instance: Instance) -> Generator[postgres.Connection]:
        """Connects as `connect` does, but to change something. Never to a database that serves. Raises as `connect`."""
        endpoint = require_endpoint(instance)
        with postgres.administer(endpoint, self.read_login(endpoint), self.settings.tls, self.database) as connection:
            yield connection


def require_endpoint(instance: Instance) -> Endpoint:
    """Returns where it answers. Raises TemporaryError while RDS hasn't said."""
    if instance.endpoint is None:
        found, needed = f"status {instance.status}, no endpoint", "an instance with an address"
        fix = f"{describe_way_out(instance.status, instance.identifier)}; pulumi up"
        raise TemporaryError.of(Problem(f"instance {instance.identifier}", found, needed, fix))
    return instance.endpoint


def build_no_candidate(plan: Plan) -> Problem:
    """Returns the problem of a candidate that is gone. Only the candidate leaves the state: a refresh of all would also
    undo what an autoscaler has set since."""
    fix = f"pulumi refresh --yes --target '**candidate-{plan.id}'; pulumi up (makes a new one, and its gates prove it)"
    return Problem(plan.candidate, "no such instance", "the candidate", fix)
