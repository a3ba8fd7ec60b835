"""What `status` says of the database that was left: who is still there, and what was written since the freeze."""

from __future__ import annotations

from collections.abc import Iterable

from restore import postgres
from restore.aws import Aws, Secrets
from restore.cutover import connection_url
from restore.errors import RestoreError
from restore.evidence import Store
from restore.gates.activity import describe_sessions
from restore.gates.written import describe_written, find_first_frozen_counters
from restore.model.context import RestoreContext
from restore.model.rds import Instance
from restore.postgres.write_counters import compare_counters
from validation.connect import urls


def describe_left(context: RestoreContext, store: Store, left: Instance) -> list[str]:
    """Returns the lines about it; that it can't be asked is one of them."""
    try:
        return [f"left behind: {left.identifier} {left.status}", *(f"  {line}" for line in ask(context, store, left))]
    except RestoreError as error:
        found = error.problem.found if error.problem else str(error)
        return [f"left behind: {left.identifier} {left.status}: it can't be asked ({found})"]


def ask(context: RestoreContext, store: Store, left: Instance) -> Iterable[str]:
    """Asks the database with the operator's login. Raises RestoreError."""
    settings, url = context.settings, connection_url.read_live_url(context)
    if left.endpoint is None or url is None:
        return ["it has no endpoint" if url else "the applications' URL can't be read"]
    login = urls.read_parameters(str(url))
    database = settings.login.database or login.get("dbname") or "postgres"
    operator = Secrets(Aws.of(settings)).read_login(settings.login, left.endpoint)
    with postgres.connect(left.endpoint, operator, settings.tls, database) as connection:
        sessions = postgres.list_sessions(connection)
        counters = postgres.read_counters(connection)
        fence = postgres.read_fence(connection, login.get("user", ""))
    before = find_first_frozen_counters(store, settings.stack, context.request.id, left)
    written = describe_written(left, before.at, compare_counters(before, counters)) if before else ""
    return [
        f"client sessions: {len(sessions)}" + (f" ({describe_sessions(sessions)})" if sessions else ""),
        written or "what was written since the freeze isn't known: quiesced has no counters of this instance",
        describe_fence(login.get("user", ""), fence),
    ]


def describe_fence(role: str, fence: postgres.Fence) -> str:
    if fence.up:
        return f"{role} can't log in (fenced by restore {fence.restore_id})"
    return f"{role} can log in: no fence (config key fence)" if fence.can_login else f"{role} can't log in"
