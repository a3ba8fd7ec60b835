"""`python -m restore rescue`: rows of one table, from the candidate into the source that goes on serving."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from restore.aws import Aws, Secrets
from restore.cli.stack_settings import read_settings, require_alone
from restore.cutover import connection_url, traffic
from restore.cutover.traffic import ConnectionTarget
from restore.errors import Problem, Refused, RestoreError
from restore.evidence import Store, provenance, publish
from restore.gates.proofs import find_record
from restore.inventory import gather
from restore.model.context import RestoreContext
from restore.model.gates import VALIDATED
from restore.model.rds import Instance
from restore.model.request import Settings
from restore.postgres.connection import Connection, build_operator_login, open_connection
from restore.pulumi_stack.automation import OperatorStack
from restore.rescue import render, run
from restore.rescue.model import Apart, Done, Wish
from validation.connect import urls

STATEMENT_SECONDS = 6 * 3600.0
AVAILABLE = ("available", "backing-up", "storage-optimization", "storage-full", "modifying")


def rescue(stack: OperatorStack, wish: Wish, undo: Path | None, confirm: Callable[[str], bool] | None) -> bool:
    """Shows what a rescue would do; with `confirm`, asks and does it. False when that was declined.

    Raises Refused when there is no candidate that was proved, or the applications use it.
    """
    now = datetime.now(UTC)
    settings = read_settings(stack, now)
    if settings.request is None:
        fix = "pulumi config set id <id>; pulumi config set traffic source; pulumi up"
        raise Refused([Problem("config id", "not set: no restore is configured", "a restore that stands", fix)])
    if confirm:
        require_alone(settings)
    context = RestoreContext(settings, settings.request, gather.gather(settings, now, room=False))
    store = Store.open(settings.evidence, Aws.of(settings))
    source, candidate = find_databases(context, store)
    file = undo or Path(f"rescue-{settings.request.id}-{wish.table.name}-{now:%Y%m%dT%H%M%SZ}.undo.sql")
    with connect(context, source, read_only=False) as into, connect(context, candidate, read_only=True) as out_of:
        shown = render.render_found(run.look(into, out_of, wish), wish)
        if confirm is None:
            print(shown)
            return True
        if not confirm(shown):
            return False
        title = f"Takes back what restore {settings.request.id} brought into {source.identifier} ({source.resource_id})"
        done = run.apply(into, out_of, wish, file, title, print)
    print(render.render_done(done, file))
    record(settings, store, source, candidate, render.format_command(wish), done, now)
    return True


def find_databases(context: RestoreContext, store: Store) -> tuple[Instance, Instance]:
    """Returns source and candidate. Raises Refused, with everything that is wrong."""
    restore_id = context.request.id
    problems: list[Problem] = []
    for name, instance in (("source", context.source), ("candidate", context.candidate)):
        if instance is None or instance.status not in AVAILABLE:
            found = f"{instance.identifier} is {instance.status}" if instance else "there is none"
            problems.append(Problem(f"instance {name}", found, "a database that answers", "python -m restore status"))
    if traffic.find_pointing(context) is ConnectionTarget.CANDIDATE:
        fix = "python -m restore rollback --carry"
        found = "the applications use the candidate"
        problems.append(Problem("config traffic", found, "applications that use the source", fix))
    if context.candidate and not find_record(
        store, context.settings.stack, restore_id, VALIDATED.name, context.candidate
    ):
        fix = "pulumi config set traffic source; pulumi up"
        found = f"{context.candidate.identifier} was not proved: nothing says that its rows are right"
        problems.append(Problem(f"restore {restore_id}", found, "an open gate validated, for this very instance", fix))
    if problems:
        raise Refused(problems)
    assert context.source
    assert context.candidate
    return context.source, context.candidate


@contextmanager
def connect(context: RestoreContext, instance: Instance, *, read_only: bool) -> Generator[Connection]:
    """Connects to the application's database there, as the operator. Raises RestoreError."""
    settings, url = context.settings, connection_url.read_live_url(context)
    assert instance.endpoint, instance.status
    of_url = urls.read_parameters(str(url)).get("dbname") if url else ""
    credential = Secrets(Aws.of(settings)).read_login(settings.login, instance.endpoint)
    login = build_operator_login(credential, settings.login.database or of_url or "postgres")
    with open_connection(login, instance.endpoint, settings.tls, STATEMENT_SECONDS, read_only=read_only) as connection:
        yield connection


def record(
    settings: Settings,
    store: Store,
    source: Instance,
    candidate: Instance,
    command: str,
    done: tuple[Done, ...],
    began: datetime,
    apart: tuple[Apart, ...] | None = None,
) -> str:
    """Records what was done, for the report; returns where, or nothing: it is done whatever becomes of its record, so a
    fault is told, not raised."""
    assert settings.request
    content: dict[str, Any] = {
        "began": began.isoformat(),
        "operator": provenance.read_operator(Aws.of(settings)),
        "into": source.resource_id,
        "into_name": source.identifier,
        "from": candidate.resource_id,
        "from_name": candidate.identifier,
        "command": command,
        "tables": [
            {"table": str(one.table), "brought_back": one.inserted, "overwritten": one.overwritten, "kept": one.kept}
            for one in done
        ],
    }
    if apart is not None:
        content["apart"] = [describe_apart(rows) for rows in apart]
    try:
        return publish.record(store, settings.stack, settings.request.id, "rescue", content, warn=print)
    except RestoreError as error:
        print(f"the rescue could not be recorded in the evidence: {error}")
        return ""


def describe_apart(rows: Apart) -> dict[str, Any]:
    """Returns what the evidence keeps of rows that were not carried: every key."""
    return {
        "table": str(rows.table),
        "reason": str(rows.reason),
        "rows": len(rows.keys),
        "key": list(rows.columns),
        "keys": [json.loads(key) for key in rows.keys],
    }
