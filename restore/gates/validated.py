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

from restore import postgres
from restore.errors import PermanentError, Problem, RestoreError
from restore.gates import loss_report
from restore.gates.baselines import find_baseline
from restore.gates.context import GateContext, require_endpoint
from restore.gates.erasure import count_returned_rows, mark_tables
from restore.gates.error_problems import build_unproved
from restore.gates.hook import RESOURCE_ID, Proof, Watch
from restore.gates.in_cluster import find_in_cluster_problems
from restore.gates.kept_answers import GateAnswers
from restore.gates.operator_login import ensure_login
from restore.gates.proofs import find_earlier_proof, find_proof
from restore.gates.sequences import tell_behind
from restore.gates.targets import (
    build_application_target,
    build_operator_target,
    find_source_target,
    open_reading_target,
)
from restore.model.planned import Plan, RecoveryPoint
from restore.model.rds import Instance
from restore.model.request import Method, Settings
from restore.model.waivers import find_reason
from validation import expectations
from validation.expectations.model import Expectations
from validation.runner.limits import allow_for_size
from validation.runner.render import as_json
from validation.runner.result import CheckResult, ValidationReport
from validation.runner.run import RunOptions, run
from validation.runner.sample_words import tell_verdict
from validation.verdict import Depth, Verdict
from validation.verdict import Verdict as CheckVerdict

SECONDS = 6 * 3600.0
SPARE_SECONDS = 3600.0
"""For what the gate does besides its checks and the loss report."""
SNAPSHOT_AHEAD_SECONDS = 300.0
"""A snapshot's recorded time is that of its creation, not an exact instant of the data: rows may be a little newer."""
STORED_SECONDS = 1.0
"""S3 tells in whole seconds, rounded down, when an object was stored: a dump may be done within the second it began."""
NAMED = 3
"""Checks that keep the gate shut, named in its summary; all are listed below it."""


def take_fingerprint(settings: Settings) -> dict[str, str]:
    """Changes when the expectations do, also in the files that they name, the place of baselines, the tables of erasure
    or the depth: the gate then runs again. Raises PermanentError for expectations that can't be used."""
    content = f"{read_expectations(settings)!r} {settings.validation.baseline}"
    content += f" {dict(settings.erasure)!r}" if settings.erasure else ""
    content += f" {settings.validation.depth}" if settings.validation.depth is not Depth.FULL else ""
    return {"expectations": hashlib.sha256(content.encode()).hexdigest()[:16]}


def allow_seconds(settings: Settings, plan: Plan) -> float:
    """Returns the gate's deadline in seconds from its beginning: what was declared for the checks, or what a database
    of the candidate's size needs.

    The size is the storage that is allocated, which RDS tells before anything is read.
    """
    declared, loss = settings.validation.budget_seconds, settings.validation.loss_seconds
    if declared is not None:
        return max(SECONDS, declared + loss + SPARE_SECONDS)
    return max(SECONDS, allow_for_size(find_allocated_bytes(plan), settings.validation.depth) + loss + SPARE_SECONDS)


def find_allocated_bytes(plan: Plan) -> int:
    """Returns the bytes of the candidate's storage: as it is, as it is going to be, or as its source's is."""
    known = (plan.candidate_found.settings if plan.candidate_found else None, plan.settings)
    known += (plan.source.settings,) if plan.source else ()
    return next((of.allocated_storage for of in known if of and of.allocated_storage), 0) << 30


def read_expectations(settings: Settings) -> Expectations:
    """Reads the expectations' file; a section in the configuration takes the place of the file's.

    Raises PermanentError with all mistakes.
    """
    inline = dict(settings.validation.inline)
    try:
        if settings.validation.checks_file:
            return expectations.load(Path(settings.validation.checks_file), inline)
        return expectations.from_mapping(inline, "the config key validation")
    except expectations.ExpectationsError as error:
        raise PermanentError(str(error)) from error


def prove(context: GateContext, watch: Watch) -> Proof:
    """Runs the checks, with the source where it answers, makes the loss report, and runs the Job.

    A candidate that serves or has served isn't checked again: what the applications write since then differs rightly.
    """
    candidate = context.read_candidate()
    if context.plan.switched_before and (held := find_earlier_proof(context, watch, candidate)):
        return held
    try:
        return check(context, watch, candidate)
    except Exception as error:
        if watch.stop.is_set():
            raise
        problems = (build_unproved(watch.gate, error), *find_unread_problems(context, candidate))
        return Proof(Verdict.INCONCLUSIVE, "the checks could not run", {RESOURCE_ID: candidate.resource_id}, problems)


def check(context: GateContext, watch: Watch, candidate: Instance) -> Proof:
    """Proves a candidate that never served. Raises whatever keeps the checks from running."""
    endpoint = require_endpoint(candidate)
    ensure_login(context, watch, candidate)  # RDS may have rotated the password since gate `conformed`
    expected = add_ahead_seconds(context, context.expectations or read_expectations(context.settings))
    point = restore_point(context, candidate)
    source, unasked = find_source_target(context)
    if unasked:
        watch.say(f"nothing is compared with the source, which can't be asked: {unasked}")
    facts: dict[str, Any] = {RESOURCE_ID: candidate.resource_id, **({"source_unasked": unasked} if unasked else {})}
    watch.say(f"checking {candidate.identifier}")
    operator = build_operator_target(context, endpoint)
    with open_reading_target(context, watch, operator) as restored:
        report = run(
            restored,
            expected,
            RunOptions(
                source=None if unasked else source,
                application=build_application_target(context, endpoint),
                administrator=None if restored is operator else operator,
                restore_point=point,
                baseline=find_baseline(context, point),
                waivers=check_waivers(context.settings.waive),
                workers=context.settings.validation.workers,
                budget_seconds=context.settings.validation.budget_seconds,
                stop=watch.stop,
                deadline=watch.deadline,
                depth=context.settings.validation.depth,
                seed=candidate.resource_id,
                kept=GateAnswers(context, watch, candidate.resource_id),
                say=watch.say,
            ),
        )
        lost = loss_report.make_report(
            watch,
            source,
            lambda: find_baseline(
                context, candidate.created
            ),  # what came after the restore point is what a switch loses
            restored,
            expected,
            context.settings.validation.loss_seconds,
        )
    problems = [
        *check_problems(report),
        *([] if report.proved else find_unread_problems(context, candidate)),
        *find_in_cluster_problems(context, watch, candidate, expected),
    ]
    reachable_source = None if unasked else context.find_source()
    returned = count_returned_rows(context, candidate, reachable_source, lost)
    notes = [*tell_behind(context, watch, candidate, reachable_source), *(item.text for item in returned if item.text)]
    facts |= {"report": as_json(report), "loss": loss_report.add_notes(watch, mark_tables(lost, returned), notes)}
    verdict = Verdict.FAIL if report.verdict is CheckVerdict.FAIL or problems else Verdict(str(report.verdict))
    return Proof(verdict, summarize(report, problems, context.settings.waive), facts, tuple(problems))


def summarize(report: ValidationReport, problems: Sequence[Problem], waive: Mapping[str, str]) -> str:
    """Returns how many checks pass, and the names of what keeps the gate shut."""
    passed = sum(result.verdict is CheckVerdict.PASS for result in report.results)
    shut = [
        p.subject.removeprefix("validated.") for p in problems if find_reason(p.subject, "validated", waive) is None
    ]
    more = f" and {len(shut) - NAMED} more" if len(shut) > NAMED else ""
    but = f", but not {', '.join(shut[:NAMED])}{more}" if shut else ""
    as_in = Counter(result.as_in for result in report.results if result.as_in)
    excused = "".join(f", {count} as in {where}" for where, count in as_in.items())
    sample = f", {tell_verdict(report.sample)}" if report.sample else ""
    return f"{passed} of {len(report.results)} checks pass{excused}{sample}{but}"


def add_ahead_seconds(context: GateContext, expected: Expectations) -> Expectations:
    """Returns the expectations, with rows as much newer than the restore point as the recovery point's kind can make
    them."""
    ahead = choose_ahead_seconds(context.plan.point)
    freshness = (replace(item, ahead_seconds=max(item.ahead_seconds, ahead)) for item in expected.freshness)
    return replace(expected, freshness=tuple(freshness))


def choose_ahead_seconds(point: RecoveryPoint) -> float:
    """Returns how many seconds newer than the point's moment its rows may be: a dump's snapshot is taken before it is
    stored."""
    match point.method:
        case Method.SNAPSHOT:
            return SNAPSHOT_AHEAD_SECONDS
        case Method.DUMP if point.at and point.until:
            return (point.until - point.at).total_seconds() + STORED_SECONDS
        case _:
            return 0.0


def restore_point(context: GateContext, candidate: Instance) -> datetime | None:
    """Returns the moment of the data; of `latest` when writing stopped, or when the candidate was made of a running
    source."""
    if context.plan.point.at:
        return context.plan.point.at
    quiesced = find_proof(context, "quiesced", context.plan.source)
    facts: Mapping[str, Any] = quiesced.get("facts", {}) if quiesced else {}
    if "quiet_since" in facts:
        return datetime.fromisoformat(str(facts["quiet_since"]))
    return candidate.created


def check_waivers(waive: Mapping[str, str]) -> dict[str, str]:
    """Returns the waivers of this gate's checks, by the names that validation knows."""
    prefix = "validated."
    return {name.removeprefix(prefix): reason for name, reason in waive.items() if name.startswith(prefix)}


def check_problems(report: ValidationReport) -> list[Problem]:
    """Returns what is no pass and decides, waived ones too (the hook filters and records these)."""
    deciding = [
        result for result in report.results if result.verdict is not CheckVerdict.PASS and result.severity == "blocking"
    ]
    return [check_problem(result) for result in deciding]


def find_unread_problems(context: GateContext, candidate: Instance) -> list[Problem]:
    """Returns where the checks have read no row, whether the application's own login can: no waiver covers that none
    could."""
    needed = "one row of any table, read by a check or with the application's login"
    try:
        postgres.read_row(context.read_application_url(), require_endpoint(candidate), context.settings.tls)
    except Exception as error:  # noqa: BLE001 - whatever it is, no row was read
        problem = error.problem if isinstance(error, RestoreError) else None
        found = f"no row of any table was read: {problem.found if problem else error}"
        return [Problem("validated.proved", found, needed, f"{problem.fix}; pulumi up" if problem else "pulumi up")]
    return []


def check_problem(result: CheckResult) -> Problem:
    """Returns the problem `validated.<check>`, with three of the rows that are wrong."""
    examples = "; ".join(", ".join(f"{k}={v}" for k, v in example.items()) for example in result.examples[:3])
    found = f"{result.verdict}: {result.found}" + (f" (for example {examples})" if examples else "")
    return Problem(f"validated.{result.name}", found, result.needed, result.fix or "python -m restore report")
