"""Gate `validated`: the data is right, and the application can reach it from inside the cluster.

V.1 to V.3 of the runbook are `python -m validation`'s checks; V.4 is a Job in the application's namespace that logs
in with the application's own credentials.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import sql

from restore import postgres
from restore.aws import Aws
from restore.errors import PermanentError, Problem, RestoreError
from restore.gates import loss_report
from restore.gates.context import GateContext, endpoint_of, unreachable
from restore.gates.hook import RESOURCE_ID, Proof, Watch, caught, could_not_run
from restore.gates.proofs import earlier, proved
from restore.kubernetes import Job, run_job
from restore.model.planned import RecoveryPoint
from restore.model.rds import Endpoint, Instance
from restore.model.request import Method, Settings, Tls
from restore.model.waivers import reason
from restore.postgres import SYSTEM
from validation import expectations
from validation.baseline import latest
from validation.baseline.model import Baseline, BaselineError
from validation.connect import urls
from validation.connect.target import Target
from validation.document_store import S3
from validation.expectations.model import Expectations
from validation.runner.render import as_json
from validation.runner.result import CheckResult, ValidationReport
from validation.runner.run import run
from validation.verdict import Verdict
from validation.verdict import Verdict as CheckVerdict

SECONDS = 6 * 3600.0
JOB_SECONDS = 600.0
SNAPSHOT_AHEAD_SECONDS = 300.0
"""A snapshot's recorded time is that of its creation, not an exact instant of the data: rows may be a little newer."""
STORED_SECONDS = 1.0
"""S3 tells in whole seconds, rounded down, when an object was stored: a dump may be done within the second it began."""
IN_CLUSTER = "validated.in-cluster"
NAMED = 3
"""Of the checks that keep the gate shut, in its summary; all are listed below it."""
LOG_LINES = 3
"""Of the Job's log, redacted: psql's last words, which say whether the network or the login is at fault."""


def fingerprint(settings: Settings) -> dict[str, str]:
    """Changes when the expectations do, also in the files that they name, or the place of baselines: the gate then
    runs again. Raises PermanentError for expectations that can't be used."""
    content = f"{wanted_expectations(settings)!r} {settings.validation.baseline}"
    return {"expectations": hashlib.sha256(content.encode()).hexdigest()[:16]}


def wanted_expectations(settings: Settings) -> Expectations:
    """From the file, with the configuration's sections in the place of its own; PermanentError with all mistakes."""
    inline = dict(settings.validation.inline)
    try:
        if settings.validation.checks_file:
            return expectations.load(Path(settings.validation.checks_file), inline)
        return expectations.from_mapping(inline, "the config key validation")
    except expectations.ExpectationsError as error:
        raise PermanentError(str(error)) from error


def prove(context: GateContext, watch: Watch) -> Proof:
    """Runs the checks against the candidate, beside the source where it answers, the loss report and the Job.

    A candidate that serves or has served isn't checked again: what the applications write since then differs rightly.
    """
    candidate = context.candidate()
    if context.plan.switched_before and (held := earlier(context, watch, candidate)):
        return held
    try:
        return checked(context, watch, candidate)
    except Exception as error:
        if watch.stop.is_set():
            raise
        problems = (could_not_run(watch.gate, error), *unread(context, candidate))
        return Proof(Verdict.INCONCLUSIVE, "the checks could not run", {RESOURCE_ID: candidate.resource_id}, problems)


def checked(context: GateContext, watch: Watch, candidate: Instance) -> Proof:
    endpoint = endpoint_of(candidate)
    wanted = for_method(context, wanted_expectations(context.settings))
    restored, point = target(context, endpoint), restore_point(context, candidate)
    source, unasked = source_target(context)
    if unasked:
        watch.say(f"nothing is compared with the source, which can't be asked: {unasked}")
    facts: dict[str, Any] = {RESOURCE_ID: candidate.resource_id, **({"source_unasked": unasked} if unasked else {})}
    watch.say(f"checking {candidate.identifier}")
    report = run(
        restored,
        wanted,
        source=None if unasked else source,
        application=application_target(context, endpoint),
        restore_point=point,
        baseline=baseline(context, point),
        waivers=waivers(context.settings.waive),
        workers=context.settings.validation.workers,
        budget_seconds=context.settings.validation.budget_seconds,
        stop=watch.stop,
    )
    lost = loss_report.reported(
        watch,
        source,
        lambda: baseline(context, candidate.created),  # what came after the restore point is what a switch loses
        restored,
        wanted,
        context.settings.validation.loss_seconds,
    )
    problems = [
        *failed(report),
        *([] if report.proved else unread(context, candidate)),
        *in_cluster(context, watch, candidate, wanted),
    ]
    facts |= {"report": as_json(report), "loss": lost}
    verdict = Verdict.FAIL if report.verdict is CheckVerdict.FAIL or problems else Verdict(str(report.verdict))
    return Proof(verdict, summary(report, problems, context.settings.waive), facts, tuple(problems))


def summary(report: ValidationReport, problems: Sequence[Problem], waive: Mapping[str, str]) -> str:
    """How many checks pass, and the names of what keeps the gate shut."""
    passed = sum(one.verdict is CheckVerdict.PASS for one in report.results)
    shut = [p.subject.removeprefix("validated.") for p in problems if reason(p.subject, "validated", waive) is None]
    more = f" and {len(shut) - NAMED} more" if len(shut) > NAMED else ""
    but = f", but not {', '.join(shut[:NAMED])}{more}" if shut else ""
    known = Counter(one.as_in for one in report.results if one.as_in)
    told = "".join(f", {count} as in {where}" for where, count in known.items())
    return f"{passed} of {len(report.results)} checks pass{told}{but}"


def for_method(context: GateContext, wanted: Expectations) -> Expectations:
    ahead = ahead_seconds(context.plan.point)
    fresh = (replace(one, ahead_seconds=max(one.ahead_seconds, ahead)) for one in wanted.freshness)
    return replace(wanted, freshness=tuple(fresh))


def ahead_seconds(point: RecoveryPoint) -> float:
    """How much newer than the point's moment its rows may be: a dump's snapshot is taken before it is stored."""
    match point.method:
        case Method.SNAPSHOT:
            return SNAPSHOT_AHEAD_SECONDS
        case Method.DUMP if point.at and point.until:
            return (point.until - point.at).total_seconds() + STORED_SECONDS
        case _:
            return 0.0


def restore_point(context: GateContext, candidate: Instance) -> datetime | None:
    """The moment of the data; of `latest` when writing stopped, or when the candidate was made of a running source."""
    if context.plan.point.at:
        return context.plan.point.at
    quiesced = proved(context, "quiesced", context.plan.source)
    facts: Mapping[str, Any] = quiesced.get("facts", {}) if quiesced else {}
    if "quiet_since" in facts:
        return datetime.fromisoformat(str(facts["quiet_since"]))
    return candidate.created


def baseline(context: GateContext, until: datetime | None) -> Baseline | BaselineError | None:
    """The newest one that was taken by then: the checks can ask no more of the data than its restore point has."""
    place = context.settings.validation.baseline
    if place is None:
        return None
    try:
        s3 = Aws.of(context.settings).client("s3") if place.startswith(S3) else None
        return latest.find_latest(latest.open_baselines(place, s3), context.database, until)
    except BaselineError as error:
        return error


def target(context: GateContext, endpoint: Endpoint) -> Target:
    credential = context.login(endpoint)
    tls = context.settings.tls
    return Target(
        host=endpoint.host,
        port=endpoint.port,
        dbname=context.database,
        user=credential.user,
        password=lambda: context.login(endpoint).password,
        sslmode=tls.mode,
        sslrootcert=tls.root_certificate,
    )


def source_target(context: GateContext) -> tuple[Target | None, str]:
    """The source where it still exists, and why it can't be asked. It is being left, and holds up nothing."""
    source: Instance | None = None
    try:
        source = context.source()
        if source is None:
            return None, ""
        found = target(context, endpoint_of(source))
        with context.connected(source):
            return found, ""
    except RestoreError as error:
        why = unreachable("validated", source, error).found if source else str(error)
        return target(context, source.endpoint) if source and source.endpoint else None, why


def application_target(context: GateContext, endpoint: Endpoint) -> Target | None:
    """The candidate with the application's own login, as its secret has it."""
    given = urls.connection_parameters(context.application_url())
    if "user" not in given:
        return None
    tls = context.settings.tls
    return Target(
        host=endpoint.host,
        port=endpoint.port,
        dbname=given.get("dbname", context.database),
        user=given["user"],
        password=given.get("password"),
        sslmode=tls.mode,
        sslrootcert=tls.root_certificate,
    )


def waivers(waive: Mapping[str, str]) -> dict[str, str]:
    """Those of this gate's checks, by the names that validation knows."""
    prefix = "validated."
    return {name.removeprefix(prefix): reason for name, reason in waive.items() if name.startswith(prefix)}


def failed(report: ValidationReport) -> list[Problem]:
    """What is no pass and decides, waived ones too (the hook filters and records these)."""
    deciding = [one for one in report.results if one.verdict is not CheckVerdict.PASS and one.severity == "blocking"]
    return [problem(one) for one in deciding]


def unread(context: GateContext, candidate: Instance) -> list[Problem]:
    """Where the checks have read no row, whether the application's own login can: no waiver covers that none could."""
    needed = "one row of any table, read by a check or with the application's login"
    try:
        postgres.read_row(context.application_url(), endpoint_of(candidate), context.settings.tls)
    except Exception as error:  # noqa: BLE001 - whatever it is, no row was read
        known = error.problem if isinstance(error, RestoreError) else None
        found = f"no row of any table was read: {known.found if known else error}"
        return [Problem("validated.proved", found, needed, f"{known.fix}; pulumi up" if known else "pulumi up")]
    return []


def problem(result: CheckResult) -> Problem:
    examples = "; ".join(", ".join(f"{k}={v}" for k, v in one.items()) for one in result.examples[:3])
    found = f"{result.verdict}: {result.found}" + (f" (for example {examples})" if examples else "")
    return Problem(f"validated.{result.name}", found, result.needed, result.fix or "python -m restore report")


def in_cluster(context: GateContext, watch: Watch, candidate: Instance, wanted: Expectations) -> list[Problem]:
    """V.4: the application's login and its tables, from a pod in its namespace."""
    watch.say("connecting from inside the cluster")
    job = connection_job(context, candidate, wanted)
    deadline = min(watch.deadline, watch.now() + JOB_SECONDS)
    needed = f"psql connects as the application from {job.namespace}"
    try:
        result = run_job(context.api, job, stop=watch.stop, deadline=deadline)
    except RestoreError as error:
        if watch.stop.is_set():
            raise
        return [caught(IN_CLUSTER, error, needed)]
    wanted_lines = len(job.statements)
    if result.succeeded and len(result.lines) >= wanted_lines:
        return []
    why = result.reasons or (f"exit code {result.exit_code}, {len(result.lines)} lines of {wanted_lines}",)
    found = "; ".join([*why, *result.lines[-LOG_LINES:]])
    fix = (
        "refused login: credentials are those of the restore point, so set the application's password in the candidate "
        "as the secret has it; no answer: security groups and network policies must let the namespace reach it"
    )
    return [Problem(IN_CLUSTER, found, needed, fix)]


def connection_job(context: GateContext, candidate: Instance, wanted: Expectations) -> Job:
    endpoint = candidate.endpoint
    assert endpoint is not None
    given = urls.connection_parameters(context.application_url())
    environment = {
        "PGHOST": endpoint.host,
        "PGPORT": str(endpoint.port),
        "PGUSER": given.get("user", ""),
        "PGPASSWORD": given.get("password", ""),
        "PGDATABASE": given.get("dbname", ""),
        "PGSSLMODE": context.settings.tls.mode,
        "PGCONNECT_TIMEOUT": "15",
        "PGAPPNAME": f"restore-validate-{context.plan.id}",
    }
    settings = context.settings
    if settings.tls.root_certificate == SYSTEM:
        environment["PGSSLROOTCERT"] = SYSTEM
    return Job(
        namespace=settings.namespace,
        name=f"restore-validate-{context.plan.id}",
        image=settings.validation.image or f"postgres:{candidate.engine_version.partition('.')[0]}",
        statements=statements(wanted),
        environment=environment,
        root_certificate=certificate(settings.tls),
    )


def statements(wanted: Expectations) -> tuple[str, ...]:
    """One line of output each, whatever the tables hold."""
    reads = [
        sql.SQL("SELECT count(*) FROM (SELECT FROM {} LIMIT 1) AS one").format(table.identifier).as_string()
        for table in sorted(wanted.tables)
    ]
    return ("SELECT current_user, current_database(), pg_is_in_recovery()", *reads)


def certificate(tls: Tls) -> str | None:
    """The root certificate's text, None where those of the system count; PermanentError for an unreadable file."""
    if tls.root_certificate in (None, SYSTEM):
        return None
    try:
        return Path(tls.root_certificate).read_text()
    except (OSError, UnicodeDecodeError) as error:
        fix = "pulumi config set --path tls.rootCertificate <file>"
        raise PermanentError.of(Problem("config tls.rootCertificate", str(error), "a readable file", fix)) from error
