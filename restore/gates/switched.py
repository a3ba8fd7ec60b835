"""Gate `switched`: it is safe that the applications use this database, whether it is the candidate or the source again.

Reads the cluster again at its turn: what another tool did since the freeze is in no state (Pulumi
documentation, "pulumi refresh").
One row of the database that is to serve is read with the application's own login; no waiver covers that. The database
that is left may be dead: it never holds up leaving it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psycopg import sql

from restore import postgres
from restore.errors import PermanentError, Problem, RestoreError
from restore.gates.activity import (
    build_pods_problem,
    build_psql_command,
    find_activity_problems,
    list_running,
    list_use_facts,
    observe_until_idle,
)
from restore.gates.context import GateContext, require_endpoint
from restore.gates.erasure import find_erasure_problems
from restore.gates.error_problems import build_error_problem, build_unreachable
from restore.gates.fence import FENCE, lift_fence, raise_fence
from restore.gates.hook import Proof, Watch
from restore.gates.sequences import move_sequences
from restore.gates.source_region import find_unfenced_problems
from restore.gates.written import find_written_problems
from restore.model.planned import SecretPlan
from restore.model.rds import Instance
from restore.model.request import Traffic
from restore.model.waivers import find_reason, is_waived
from restore.postgres.errors import LOGIN_PAGE
from validation.connect import urls
from validation.verdict import Verdict

SECONDS = 1800.0
ROW = "switched.row"
NEXT_TRANSACTION = "next_transaction"
"""The fact by which rows that the applications wrote since the switch are told from those of the recovery point."""


def prove(context: GateContext, watch: Watch) -> Proof:
    """Proves that no pod runs, the secret is as planned, the application can log in and read, and nobody writes
    elsewhere."""
    facts: dict[str, Any] = {}
    database, problems = read_row(context, watch, facts)
    if database is None or problems:
        return Proof(Verdict.FAIL, "no row was read of the database that is to serve", facts, tuple(problems))
    secret, renames = context.plan.secret, context.plan.rename is not None
    if secret or renames:
        problems += find_pod_problems(context)
    if secret:
        facts |= {"to": str(secret.endpoint), "back_to": str(secret.previous)}
        problems += find_secret_problems(context, secret)
        problems += find_controller_problems(context)
    problems += [*find_proof_problems(context, watch, database), *find_login_problems(context, database, facts)]
    if (secret or renames) and not is_shut(context, watch, problems):
        problems += find_unfenced_problems(context, watch, context.plan.left)
        problems += find_elsewhere_problems(context, watch, facts)
        if not is_switched(context) and not is_shut(context, watch, problems):
            left = None if "left_unreachable" in facts else context.find_left()
            problems += move_sequences(context, watch, database, left, facts)
            if context.plan.traffic is Traffic.RESTORED:
                problems += find_erasure_problems(context, database, left, facts)
        if not is_switched(context) and context.plan.traffic is Traffic.RESTORED:
            note_next_transaction(context, watch, database, facts)
        if not is_shut(context, watch, problems):
            problems += settle_fence(context, watch, facts)
    if problems:
        return Proof(Verdict.FAIL, "the switch would not be safe", facts, tuple(problems))
    unasked = "; the database that is left can't be asked" if "left_unreachable" in facts else ""
    return Proof(Verdict.PASS, f"the application reads {facts['row_of']} of {database.identifier}{unasked}", facts)


def is_shut(context: GateContext, watch: Watch, problems: Iterable[Problem]) -> bool:
    """Tells whether a problem is left that nobody waived."""
    return any(find_reason(problem.subject, watch.gate, context.settings.waive) is None for problem in problems)


def note_next_transaction(context: GateContext, watch: Watch, database: Instance, facts: dict[str, Any]) -> None:
    """Adds where the candidate stands before anybody writes to it; that it can't be asked stops nobody."""
    try:
        with context.connect(database) as connection:
            facts[NEXT_TRANSACTION] = postgres.read_next_transaction(connection)
    except RestoreError as error:
        watch.say(f"what is written from now on can't be told from what was there before: {error}")


def settle_fence(context: GateContext, watch: Watch, facts: dict[str, Any]) -> Iterable[Problem]:
    """Fences the database that is left, or lifts a fence that the configuration no longer wants.

    A database that can't be asked holds nothing up; that it has no fence is said and recorded."""
    fenced = context.settings.fence
    if not fenced and FENCE not in watch.earlier:
        return []
    left = None if "left_unreachable" in facts else context.find_left()
    if left is None:
        facts["fence"] = "unchanged: the database that is left is gone, or can't be asked"
        watch.say(f"fence {facts['fence']}")
        return []
    if fenced:
        return raise_fence(context, watch, left, read_wanted_url(context), facts)
    try:
        lift_fence(context, watch, left, read_wanted_url(context), facts)
    except RestoreError as error:
        return [build_error_problem(f"{watch.gate}.fence", error, "no fence (config key fence)")]
    return []


def read_row(context: GateContext, watch: Watch, facts: dict[str, Any]) -> tuple[Instance | None, list[Problem]]:
    """Returns the database that is to serve, and why no row of it could be read with the application's login."""
    needed = "one row, read with the application's own login"
    try:
        database = read_wanted_database(context)
        facts["serves"] = database.identifier
        facts["row_of"] = read_unfenced_row(context, watch, database, facts)
    except Exception as error:  # noqa: BLE001 - whatever it is, no row was read
        return None, [build_error_problem(ROW, error, needed)]
    return database, []


def read_unfenced_row(context: GateContext, watch: Watch, database: Instance, facts: dict[str, Any]) -> str:
    """Returns the table of which a row was read; where the login is refused, after a fence of the way there was lifted.

    Raises whatever kept it from being read."""
    url, endpoint = read_wanted_url(context), require_endpoint(database)
    try:
        return postgres.read_row(url, endpoint, context.settings.tls)
    except RestoreError:
        if not is_fence_lifted(context, watch, database, facts):
            raise
    return postgres.read_row(url, endpoint, context.settings.tls)


def is_fence_lifted(context: GateContext, watch: Watch, database: Instance, facts: dict[str, Any]) -> bool:
    """Lifts the fence, where there is one. That it can't be asked is said: the refused login is the problem."""
    try:
        return lift_fence(context, watch, database, read_wanted_url(context), facts)
    except RestoreError as error:
        watch.say(f"whether {database.identifier} is fenced can't be asked: {error}")
        return False


def read_wanted_database(context: GateContext) -> Instance:
    """Returns the database that is to serve. Raises PermanentError when it is gone."""
    database, planned = context.find_serving(), context.plan.serving
    if database:
        return database
    other = Traffic.SOURCE if context.plan.traffic is Traffic.RESTORED else Traffic.RESTORED
    subject = f"instance {planned.identifier} ({planned.resource_id})" if planned else "the database that is to serve"
    fix = f"pulumi config set traffic {other}; pulumi up"
    raise PermanentError.of(Problem(subject, "it is gone", "an instance that exists", fix))


def read_wanted_url(context: GateContext) -> str:
    """Returns the URL that the applications are to have; what they have where nothing is switched. Raises as
    GateContext.read_application_url."""
    return context.plan.secret.url if context.plan.secret else context.read_application_url()


def find_proof_problems(context: GateContext, watch: Watch, database: Instance) -> Iterable[Problem]:
    """Yields the problems of proofs that aren't of this very instance, not of an earlier one of its name."""
    proved = watch.receipt.get("proved")
    if context.plan.traffic is Traffic.RESTORED and proved != database.resource_id:
        yield Problem(
            "switched.proved",
            f"{database.identifier} is {database.resource_id}; the gates before have proved {proved or 'none'}",
            "proofs of the instance that is to serve",
            f"pulumi refresh --yes --target '**candidate-{context.plan.id}'; "
            "pulumi config set traffic frozen; pulumi up",
        )


def find_pod_problems(context: GateContext) -> list[Problem]:
    """Returns the problems of pods that run with another URL than the wanted one. Raises RestoreError when the cluster
    can't be asked."""
    running = list_running(context)
    return [build_pods_problem(context, "switched", running)] if running and not is_switched(context) else []


def is_switched(context: GateContext) -> bool:
    """Tells whether the secret already holds the wanted URL, or the database production's name: pods that run were
    started so. Raises RestoreError when that can't be asked."""
    if context.plan.rename:
        database = context.find_serving()
        return database is not None and database.identifier == context.plan.rename.production
    return context.plan.secret is not None and context.read_application_url() == context.plan.secret.url


def find_secret_problems(context: GateContext, secret: SecretPlan) -> list[Problem]:
    """Returns the problems of a secret that isn't still the one from which the plan was made, whatever its host is by
    now."""
    try:
        expected = str(urls.parse(context.read_application_url()).with_host(secret.endpoint.host, secret.endpoint.port))
    except urls.UrlError as error:
        return [build_changed_secret_problem(secret, str(error))]
    switched_url = str(urls.parse(secret.url).with_host(secret.endpoint.host, secret.endpoint.port))
    return (
        []
        if expected == switched_url
        else [build_changed_secret_problem(secret, "another user, password, database or parameter than planned")]
    )


def build_changed_secret_problem(secret: SecretPlan, found: str) -> Problem:
    """Returns the problem `switched.secret:<name>`."""
    return Problem(f"switched.secret:{secret.name}", found, "the value this plan was made from", "pulumi up")


def find_controller_problems(context: GateContext) -> Iterable[Problem]:
    """Yields the problems of whoever would put the secret back, at this moment: preflight's waiver of it counts here
    too. The way back is to what its controller knows, so none holds it up."""
    if context.plan.traffic is not Traffic.RESTORED:
        return
    for writer in context.namespace.find_secret_writers(context.settings.secret):
        if writer.blocking and not is_waived(writer.check, context.settings.waive):
            needed = "nobody who puts the secret back once it is switched"
            yield Problem(f"switched.writer:{writer.kind}/{writer.name}", writer.detail, needed, writer.stop)


def find_login_problems(context: GateContext, database: Instance, facts: dict[str, Any]) -> list[Problem]:
    """Returns what the application's login may do at the database that is to serve."""
    endpoint = require_endpoint(database)
    try:
        attempt = postgres.try_login(read_wanted_url(context), endpoint, context.settings.tls)
    except RestoreError as error:
        needed = f"the application's login works on {endpoint}"
        found = error.problem.found if error.problem else str(error)
        fix = f"{LOGIN_PAGE}; pulumi up"
        return [Problem("switched.login", found, needed, fix)]
    facts["login"] = {"user": attempt.user, "database": attempt.database, "version": attempt.server_version}
    problems: list[Problem] = []
    if attempt.recovering:
        fix = f"aws rds wait db-instance-available --db-instance-identifier {database.identifier}; pulumi up"
        needed = "one that can be written to"
        problems.append(Problem("switched.recovery", "the server is still in recovery", needed, fix))
    if attempt.missing_privileges:
        missing = ", ".join(attempt.missing_privileges[:10])
        fix = f"{build_psql_command(context, database, build_grant_statement(attempt))}; pulumi up"
        needed = "its rights on its tables"
        problems.append(Problem("switched.privileges", f"{attempt.user} lacks: {missing}", needed, fix))
    return problems


def build_grant_statement(attempt: postgres.Attempt) -> str:
    """Returns the statement that gives an application what it lacks, for its owner or a superuser to run."""
    schema, user = sql.Identifier(attempt.schema), sql.Identifier(attempt.user)
    statement = (
        "GRANT USAGE ON SCHEMA {s} TO {u}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {s} TO {u}"
    )
    return sql.SQL(statement).format(s=schema, u=user).as_string()


def find_elsewhere_problems(context: GateContext, watch: Watch, facts: dict[str, Any]) -> Iterable[Problem]:
    """Waits until nobody uses the database that is left. That it can't be asked is said and recorded, and no reason to
    stay."""
    left = None
    try:
        left = context.find_left()
        if left is None:
            return ()
        use = observe_until_idle(context, watch, left)
    except RestoreError as error:
        if watch.stop.is_set():
            raise
        facts["left_unreachable"] = build_unreachable("switched", left, error).found if left else str(error)
        watch.say(
            f"the database that is left can't be asked, and doesn't hold up the switch: {facts['left_unreachable']}"
        )
        return ()
    facts |= {
        "left": left.identifier,
        "sessions_left": len(use.interval.sessions),
        "rows_written_left": use.interval.rows_written,
        **list_use_facts(use),
    }
    return [
        *find_activity_problems(context, left, use, "switched"),
        *find_written_problems(context, watch, left, use, facts),
    ]
