"""What the operator should know before saying yes: what stops, is made, is lost, how long, what next. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from restore.cutover import deployments, traffic
from restore.cutover.traffic import Pointing
from restore.model.context import Case
from restore.model.rds import InstanceSettings
from restore.model.rds_status import BROKEN, SNAPSHOT_READY
from restore.model.request import Method, Traffic
from restore.model.restore_source import Origin
from restore.recovery_points.point_in_time import UPLOAD_INTERVAL
from restore.units import TIME_FORMAT, sized, spoken

ESTIMATES = {Method.SNAPSHOT: "20-40 minutes", Method.PITR: "30-60 minutes", Method.DUMP: "1-4 hours"}
"""The runbook's; AWS gives no figure."""


def notes(case: Case, origin: Origin, wanted: InstanceSettings) -> tuple[str, ...]:
    """One line each, in the order in which they matter."""
    topics = (
        _applications(case),
        _instance(case, origin, wanted),
        _lost(case, origin),
        _duration(case, origin),
        _fresh(case, origin),
        _warnings(case, origin),
        _writers(case),
        _waivers(case),
        _next(case),
    )
    return tuple(line for topic in topics for line in topic)


def _named(case: Case) -> str:
    return ", ".join(f"{app.name} ({found.replicas})" for app, found in case.apps if found.replicas)


def _returning(case: Case) -> str:
    plans = deployments.app_plans(case)
    return ", ".join(f"{plan.name} ({plan.replicas})" for plan in plans) or "none"


def _applications(case: Case) -> Iterable[str]:
    running = _named(case)
    secret = f"{case.settings.secret.name}, key {case.settings.secret.key}"
    match case.request.traffic:
        case Traffic.FROZEN if running:
            yield f"stops: {running} in {case.settings.namespace}; nobody is served until traffic moves on"
        case Traffic.FROZEN:
            yield "stops: nothing, the applications are stopped already"
        case Traffic.RESTORED:
            if traffic.pointing(case) is not Pointing.CANDIDATE:
                yield f"switches: secret {secret} to {traffic.wanted_endpoint(case)}, all else in the URL stays"
            yield f"runs: {_returning(case)} on {case.candidate_name}"
        case Traffic.SOURCE if case.any_held:
            yield f"goes back: {_returning(case)} run on {traffic.wanted_endpoint(case)}"
            if traffic.pointing(case) is Pointing.CANDIDATE:
                yield f"leaves behind: what was written to {case.candidate_name}; it stays, nothing is copied back"
        case _:
            yield "stops: nothing, the applications go on using the source"


def _instance(case: Case, origin: Origin, wanted: InstanceSettings) -> Iterable[str]:
    if case.candidate:
        yield f"keeps: instance {case.candidate_name} ({case.candidate.status}), made from {origin.point.tag}"
    else:
        parts = (
            wanted.instance_class,
            f"{wanted.storage_type or 'storage'} {wanted.allocated_storage or origin.storage} GiB",
            "Multi-AZ" if wanted.multi_az else "one zone",
            f"PostgreSQL {origin.engine_version}" if origin.engine_version else None,
        )
        yield f"creates: instance {case.candidate_name} ({', '.join(part for part in parts if part)})"
        yield f"from: {_point_text(case, origin)}"
    if case.request.traffic is not Traffic.SOURCE and case.source and not case.safety:
        yield f"creates: snapshot {case.safety_name} of the source, once nothing writes to it"


def _point_text(case: Case, origin: Origin) -> str:
    point = origin.point
    at = f", data of {point.at:{TIME_FORMAT}}" if point.at else ""
    if point.method is Method.SNAPSHOT:
        foreign = " (of another instance, as asked for)" if case.request.foreign_snapshot else ""
        return f"snapshot {point.snapshot}{foreign}{at}"
    if point.dump:
        found = case.inventory.dump.dump if case.inventory.dump else None
        size = f", {sized(found.size)}" if found else ""
        return f"dump s3://{point.dump.bucket}/{point.dump.key} (version {point.dump.version}{size}){at}"
    of = f"{case.settings.source} ({point.source_resource_id})"
    gone = "" if case.source else ", from its retained automated backups"
    return f"point in time {f'{point.time:{TIME_FORMAT}}' if point.time else 'latest'} of {of}{gone}"


def _lost(case: Case, origin: Origin) -> Iterable[str]:
    if case.request.traffic is Traffic.SOURCE and case.any_held:
        return
    if origin.point.at:
        since = spoken(case.inventory.now - origin.point.at)
        yield f"a switch loses: what was written after {origin.point.at:{TIME_FORMAT}} (RPO {since} as of now)"
    elif case.candidate:
        yield "a switch loses: what was written after the point that `latest` meant when the instance was made"
    elif not case.source:
        lag = f"up to {spoken(UPLOAD_INTERVAL)}"
        yield f"a switch loses: what the source's backups never got, {lag} of its last writes"
    elif case.request.traffic is Traffic.FROZEN:
        yield "a switch loses: nothing committed; the restore waits for the log of the last write (RPO 0)"
    else:
        lag = f"up to {spoken(UPLOAD_INTERVAL)}"
        yield f"a switch loses: what is written after the restore's beginning, and {lag} before it"


def _duration(case: Case, origin: Origin) -> Iterable[str]:
    if not case.candidate:
        yield f"takes: AWS gives no figure; the runbook's estimate is {ESTIMATES[origin.point.method]}, then the checks"


def _fresh(case: Case, origin: Origin) -> Iterable[str]:
    """What a dump doesn't carry, and an empty instance can't have from it."""
    if origin.point.method is not Method.DUMP or case.candidate:
        return
    yield (
        "note: a dump carries no roles, passwords, settings of roles or of the database: roles it names are created "
        "without login, the application's with the password of its secret"
    )
    if not case.source:
        yield "note: the source is gone: settings that nothing tells any more are RDS's defaults"


def _warnings(case: Case, origin: Origin) -> Iterable[str]:
    source = case.source
    if source and source.pending:
        names = ", ".join(sorted(source.pending))
        yield f"note: the source has modifications waiting ({names}); the restored instance is made without them"
    if source and source.status in BROKEN:
        yield f"note: the source's status is {source.status}"
    elif source and source.status not in SNAPSHOT_READY and case.request.traffic is not Traffic.SOURCE:
        yield f"note: the source is {source.status}; RDS takes its safety snapshot when it is available again"
    if case.candidate and case.candidate.status in BROKEN:
        yield f"note: {case.candidate_name} is {case.candidate.status}"
    version = origin.engine_version
    orderable = case.inventory.orderable_versions
    if not case.candidate and version and orderable and version not in orderable:
        yield f"note: RDS no longer creates PostgreSQL {version}; it may refuse this restore or upgrade it"
    encrypted = source and origin.encrypted and source.kms_key_id and origin.kms_key_id
    if source and encrypted and source.kms_key_id != origin.kms_key_id:
        yield f"note: the restored instance has the recovery point's KMS key {origin.kms_key_id}, not the source's"


def _writers(case: Case) -> Iterable[str]:
    for writer in case.inventory.cluster.writers:
        yield f"note: {writer.kind} {writer.name}: {writer.detail}"


def _waivers(case: Case) -> Iterable[str]:
    for name, reason in case.settings.waive.items():
        yield f"waived: {name}: {reason}"


def _next(case: Case) -> Iterable[str]:
    switched = traffic.pointing(case) is Pointing.CANDIDATE
    match case.request.traffic:
        case Traffic.SOURCE if case.any_held:
            yield "next: python -m restore close (the databases stay)"
        case Traffic.SOURCE:
            yield "next: pulumi config set traffic frozen; pulumi up"
        case Traffic.FROZEN if switched:
            yield "next: pulumi config set traffic source; pulumi up (or restored, to stay)"
        case Traffic.FROZEN:
            yield "next: pulumi config set traffic restored; pulumi up (or source, to go back)"
        case Traffic.RESTORED:
            yield "next: python -m restore close once all is well; the way back: python -m restore rollback"
