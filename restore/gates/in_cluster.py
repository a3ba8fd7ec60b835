"""V.4 of the runbook: a Job in the applications' namespace logs in to the candidate with their own login."""

from __future__ import annotations

from pathlib import Path

from psycopg import sql

from restore.errors import PermanentError, Problem, RestoreError
from restore.gates.context import GateContext
from restore.gates.error_problems import build_error_problem
from restore.gates.hook import Watch
from restore.kubernetes import Job, build_psql_job, run_job
from restore.model.rds import Instance
from restore.model.request import Tls
from restore.postgres import SYSTEM
from restore.postgres.errors import LOGIN_PAGE
from validation.connect import urls
from validation.expectations.model import Expectations

JOB_SECONDS = 600.0
SUBJECT = "validated.in-cluster"
IMAGE_FIX = "pulumi config set --path validation.image <image with psql that the nodes can pull>"
LOG_LINES = 3
"""Lines of the Job's log, redacted, in the problem: psql's last words tell a refused login from a closed network."""


def find_in_cluster_problems(
    context: GateContext, watch: Watch, candidate: Instance, expectations: Expectations
) -> list[Problem]:
    """Runs the Job: the application's login and its tables, from a pod in its namespace."""
    watch.say("connecting from inside the cluster")
    job = build_connection_job(context, candidate, expectations)
    deadline = min(watch.deadline, watch.read_clock() + JOB_SECONDS)
    needed = f"psql connects as the application from {job.namespace}"
    try:
        result = run_job(context.api, job, stop=watch.stop, deadline=deadline)
    except RestoreError as error:
        if watch.stop.is_set():
            raise
        return [build_error_problem(SUBJECT, error, needed)]
    wanted_lines = len(build_statements(expectations))
    if result.succeeded and len(result.lines) >= wanted_lines:
        return []
    reasons = result.reasons or (f"exit code {result.exit_code}, {len(result.lines)} lines of {wanted_lines}",)
    found = "; ".join([*reasons, *result.lines[-LOG_LINES:]])
    if result.without_image:
        found = f"image {job.image} can't be had on node {result.node}: {found}"
        return [Problem(SUBJECT, found, needed, f"{IMAGE_FIX}; pulumi up")]
    return [Problem(SUBJECT, found, needed, f"{LOGIN_PAGE}; pulumi up")]


def build_connection_job(context: GateContext, candidate: Instance, expectations: Expectations) -> Job:
    """Returns the Job that logs in with the application's own login. Raises PermanentError when its URL is gone, or the
    root certificate can't be read."""
    endpoint = candidate.endpoint
    assert endpoint is not None
    login = urls.read_parameters(context.read_application_url())
    environment = {
        "PGHOST": endpoint.host,
        "PGPORT": str(endpoint.port),
        "PGUSER": login.get("user", ""),
        "PGPASSWORD": login.get("password", ""),
        "PGDATABASE": login.get("dbname", ""),
        "PGSSLMODE": context.settings.tls.mode,
        "PGCONNECT_TIMEOUT": "15",
        "PGAPPNAME": f"restore-validate-{context.plan.id}",
    }
    settings = context.settings
    if settings.tls.root_certificate == SYSTEM:
        environment["PGSSLROOTCERT"] = SYSTEM
    job = Job(
        namespace=settings.namespace,
        name=f"restore-validate-{context.plan.id}",
        image=settings.validation.image or f"postgres:{candidate.engine_version.partition('.')[0]}",
        labels=settings.validation.job.labels,
        annotations=settings.validation.job.annotations,
        service_account=settings.validation.job.service_account,
        image_pull_secrets=settings.validation.job.image_pull_secrets,
    )
    return build_psql_job(job, build_statements(expectations), environment, read_certificate(settings.tls))


def build_statements(expectations: Expectations) -> tuple[str, ...]:
    """Returns statements with one line of output each, whatever the tables hold."""
    reads = [
        sql.SQL("SELECT count(*) FROM (SELECT FROM {} LIMIT 1) AS one").format(table.identifier).as_string()
        for table in sorted(expectations.tables)
    ]
    return ("SELECT current_user, current_database(), pg_is_in_recovery()", *reads)


def read_certificate(tls: Tls) -> str | None:
    """Returns the root certificate's text (PEM), None where those of the system count. Raises PermanentError for a file
    that can't be read."""
    if tls.root_certificate in (None, SYSTEM):
        return None
    try:
        return Path(tls.root_certificate).read_text()
    except (OSError, UnicodeDecodeError) as error:
        fix = "pulumi config set --path tls.rootCertificate <file>"
        raise PermanentError.of(Problem("config tls.rootCertificate", str(error), "a readable file", fix)) from error
