"""How validation logs in: to the candidate as the operator, as a reader and as the application, and to the source."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from restore.dumps.load import read_role
from restore.errors import RestoreError
from restore.gates.context import GateContext, require_endpoint
from restore.gates.error_problems import build_unreachable
from restore.gates.hook import Watch
from restore.model.dump_kinds import PRIVILEGED_OWNER
from restore.model.rds import Endpoint, Instance
from restore.model.request import Method
from validation.connect import urls
from validation.connect.target import Target


def build_operator_target(context: GateContext, endpoint: Endpoint) -> Target:
    """Returns the operator's login there, to the application's database. Raises as GateContext.read_login."""
    credential = context.read_login(endpoint)
    tls = context.settings.tls
    return Target(
        host=endpoint.host,
        port=endpoint.port,
        dbname=context.database,
        user=credential.user,
        password=lambda: context.read_login(endpoint).password,
        sslmode=tls.mode,
        sslrootcert=tls.root_certificate,
        via=endpoint.via,
    )


@contextmanager
def open_reading_target(context: GateContext, watch: Watch, operator: Target) -> Generator[Target]:
    """Yields the login that reads the candidate's rows: the operator's, or of a loaded dump one with few rights.

    A dump whose objects may be given to privileged roles is one that the team trusts (config key backups.allow).
    """
    if context.plan.point.method is not Method.DUMP or PRIVILEGED_OWNER in context.settings.backups.allow:
        yield operator
        return
    with read_role.open_reader(operator, watch.say, watch.stop) as login:
        yield login


def find_source_target(context: GateContext) -> tuple[Target | None, str]:
    """Returns the source where it still exists, and why it can't be asked. It is being left, and holds up nothing."""
    source: Instance | None = None
    try:
        source = context.find_source()
        if source is None:
            return None, ""
        login = build_operator_target(context, require_endpoint(source))
        with context.connect(source):
            return login, ""
    except RestoreError as error:
        why = build_unreachable("validated", source, error).found if source else str(error)
        return build_operator_target(context, source.endpoint) if source and source.endpoint else None, why


def build_application_target(context: GateContext, endpoint: Endpoint) -> Target | None:
    """Returns the candidate with the application's own login, as its secret has it; None for a URL without a user.
    Raises as GateContext.read_application_url, UrlError for a text that is no URL."""
    login = urls.read_parameters(context.read_application_url())
    if "user" not in login:
        return None
    tls = context.settings.tls
    return Target(
        host=endpoint.host,
        port=endpoint.port,
        dbname=login.get("dbname", context.database),
        user=login["user"],
        password=login.get("password"),
        sslmode=tls.mode,
        sslrootcert=tls.root_certificate,
        via=endpoint.via,
    )
