"""What the operator should know before saying yes: what stops, is made, is lost, how long, what next. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from restore.cutover import deployments, traffic
from restore.cutover.connection_secret import list_source_endpoints
from restore.cutover.traffic import ConnectionTarget
from restore.dependents.advice import read_cutover
from restore.dependents.infrastructure import list_ownership_lines
from restore.dependents.listing import list_dependent_lines
from restore.history import Estimate, estimate_validated
from restore.model.context import RestoreContext
from restore.model.rds import InstanceSettings
from restore.model.rds_status import BROKEN, SNAPSHOT_READY
from restore.model.request import Method, Traffic
from restore.model.restore_source import RestoreSource
from restore.preflight.account import list_account_lines
from restore.preflight.capacity import list_unasked_lines
from restore.preflight.images import list_image_lines
from restore.preflight.names import list_rename_lines
from restore.preflight.network import list_path_lines
from restore.preflight.nodes import list_node_lines
from restore.preflight.prices import describe_instance_cost, describe_snapshot_cost
from restore.preflight.public_names import list_password_warnings
from restore.preflight.rights import list_rights_lines
from restore.preflight.source_region import list_copy_lines, list_created_lines, list_region_lines
from restore.recovery_points.point_in_time import UPLOAD_INTERVAL
from restore.units import TIME_FORMAT, format_duration, format_size
from validation.runner.limits import estimate_fetched_bytes, estimate_seconds
from validation.verdict import Depth


def list_impact_lines(context: RestoreContext, origin: RestoreSource, settings: InstanceSettings) -> tuple[str, ...]:
    """Returns one line each, in the order in which they matter."""
    topics = (
        list_account_lines(context),
        list_rights_lines(context),
        _list_application_lines(context),
        _list_both_databases_lines(context),
        list_region_lines(context),
        list_copy_lines(context, origin),
        list_created_lines(context, settings),
        list_rename_lines(context),
        _list_instance_lines(context, origin, settings),
        _list_cost_lines(context, origin, settings),
        _list_loss_lines(context, origin),
        _list_duration_lines(context, origin, settings),
        _list_check_lines(context, origin, settings),
        _list_new_instance_lines(context, origin),
        _list_warning_lines(context, origin),
        list_password_warnings(context),
        _list_master_password_lines(context, origin),
        list_unasked_lines(context),
        list_path_lines(context),
        list_node_lines(context),
        _list_writer_lines(context),
        _list_reference_lines(context),
        _list_dependent_lines(context),
        list_image_lines(context),
        _list_waiver_lines(context),
        _list_approval_lines(context),
        _list_next_lines(context),
    )
    return tuple(line for topic in topics for line in topic)


def _list_approval_lines(context: RestoreContext) -> Iterable[str]:
    if context.settings.approvals > 1 and context.request.traffic is not Traffic.SOURCE:
        yield "a switch needs a second person, once validated is open: python -m restore approve (docs/approvals.md)"


def _format_apps(context: RestoreContext) -> str:
    return ", ".join(f"{app.name} ({deployment.replicas})" for app, deployment in context.apps if deployment.replicas)


def _format_returning_apps(context: RestoreContext) -> str:
    plans = deployments.plan_apps(context)
    return ", ".join(f"{plan.name} ({plan.replicas})" for plan in plans) or "none"


def _list_application_lines(context: RestoreContext) -> Iterable[str]:
    running = _format_apps(context)
    keys = context.settings.secret.switched_keys
    secret = f"{context.settings.secret.name}, {'keys' if len(keys) > 1 else 'key'} {', '.join(keys)}"
    match context.request.traffic:
        case Traffic.FROZEN if running:
            yield f"stops: {running} in {context.settings.namespace}; nobody is served until traffic moves on"
        case Traffic.FROZEN:
            yield "stops: nothing, the applications are stopped already"
        case Traffic.RESTORED:
            if not context.renames and traffic.find_pointing(context) is not ConnectionTarget.CANDIDATE:
                yield f"switches: secret {secret} to {traffic.find_target_endpoint(context)}, the rest of the URL stays"
            yield f"runs: {_format_returning_apps(context)} on {context.candidate_name}"
        case Traffic.SOURCE if context.manages_any:
            yield f"goes back: {_format_returning_apps(context)} run on {traffic.find_target_endpoint(context)}"
            if traffic.find_pointing(context) is ConnectionTarget.CANDIDATE:
                yield f"leaves behind: what was written to {context.candidate_name}; it stays, nothing is copied back"
        case _:
            yield "stops: nothing, the applications go on using the source"


def _list_both_databases_lines(context: RestoreContext) -> Iterable[str]:
    """Yields what a switch does to the databases, where the configuration asks for it."""
    source, candidate = context.settings.source, context.candidate_name
    moves = traffic.find_pointing(context) is not ConnectionTarget.CANDIDATE
    match context.request.traffic:
        case Traffic.RESTORED if moves:
            if context.settings.fence:
                yield f"fences: the applications' role can't log in to {source} any more, and its sessions are ended"
            if context.settings.sequences:
                yield f"moves on: the sequences of {candidate}, past the last values that {source} gave out"
        case Traffic.SOURCE if not moves and context.settings.fence:
            yield f"fences: the applications' role can't log in to {candidate} any more; it can to {source}"
        case _:
            return


def _list_instance_lines(context: RestoreContext, origin: RestoreSource, settings: InstanceSettings) -> Iterable[str]:
    if context.candidate:
        candidate = context.candidate
        yield f"keeps: instance {candidate.identifier} ({candidate.status}), made from {origin.point.tag}"
    else:
        parts = (
            settings.instance_class,
            f"{settings.storage_type or 'storage'} {settings.allocated_storage or origin.storage} GiB",
            "Multi-AZ" if settings.multi_az else "one zone",
            f"PostgreSQL {origin.engine_version}" if origin.engine_version else None,
        )
        yield f"creates: instance {context.candidate_name} ({', '.join(part for part in parts if part)})"
        yield f"from: {_format_point(context, origin)}"
    if _takes_safety_snapshot(context):
        yield f"creates: snapshot {context.safety_name} of the source, once nothing writes to it"


def _list_cost_lines(context: RestoreContext, origin: RestoreSource, settings: InstanceSettings) -> Iterable[str]:
    """Yields what is paid for all that this run makes, as long as it is there."""
    region, own = context.settings.region, context.settings.prices
    if not context.candidate:
        storage = settings.allocated_storage or origin.storage
        cost = describe_instance_cost(settings, storage, region, own)
        yield f"costs: {context.candidate_name} {cost}, until it is deleted"
    if _takes_safety_snapshot(context) and context.local_source:
        size = context.local_source.settings.allocated_storage or 0
        yield f"costs: {context.safety_name} {describe_snapshot_cost(size, region, own)}, until it is deleted"


def _takes_safety_snapshot(context: RestoreContext) -> bool:
    return context.request.traffic is not Traffic.SOURCE and context.local_source is not None and not context.safety


def _format_point(context: RestoreContext, origin: RestoreSource) -> str:
    point = origin.point
    at = f", data of {point.at:{TIME_FORMAT}}" if point.at else ""
    if point.method is Method.SNAPSHOT:
        foreign = " (of another instance, as asked for)" if context.request.foreign_snapshot else ""
        return f"snapshot {point.snapshot}{foreign}{at}"
    if point.dump:
        pinned = context.inventory.dump.dump if context.inventory.dump else None
        size = f", {format_size(pinned.size)}" if pinned else ""
        return f"dump s3://{point.dump.bucket}/{point.dump.key} (version {point.dump.version}{size}){at}"
    named = context.request.backup_of or context.settings.source
    of = f"{named} ({point.source_resource_id})"
    kept = "replicated" if context.source_region else "retained"
    gone = "" if context.local_source or context.request.backup_of else f", from its {kept} automated backups"
    return f"point in time {f'{point.time:{TIME_FORMAT}}' if point.time else 'latest'} of {of}{gone}"


def _list_loss_lines(context: RestoreContext, origin: RestoreSource) -> Iterable[str]:
    if context.request.traffic is Traffic.SOURCE and context.manages_any:
        return
    if origin.point.at:
        since = format_duration(context.inventory.now - origin.point.at)
        yield f"a switch loses: what was written after {origin.point.at:{TIME_FORMAT}} (RPO {since} as of now)"
    elif context.candidate:
        yield "a switch loses: what was written after the point that `latest` meant when the instance was made"
    elif not context.local_source:
        lag = f"up to {format_duration(UPLOAD_INTERVAL)}"
        yield f"a switch loses: what the source's backups never got, {lag} of its last writes"
    elif context.request.traffic is Traffic.FROZEN:
        yield "a switch loses: nothing committed; the restore waits for the log of the last write (RPO 0)"
    else:
        lag = f"up to {format_duration(UPLOAD_INTERVAL)}"
        yield f"a switch loses: what is written after the restore's beginning, and {lag} before it"


def _list_duration_lines(context: RestoreContext, origin: RestoreSource, settings: InstanceSettings) -> Iterable[str]:
    if not context.candidate:
        estimate = estimate_restore(context, origin, settings)
        yield f"takes: {estimate.span} to a validated database, {estimate.basis}"


def estimate_restore(context: RestoreContext, origin: RestoreSource, settings: InstanceSettings) -> Estimate:
    """Returns how long this restore takes to a validated database."""
    size = settings.allocated_storage or origin.storage or None
    return estimate_validated(context.inventory.history, origin.point.method, size)


def _list_check_lines(context: RestoreContext, origin: RestoreSource, settings: InstanceSettings) -> Iterable[str]:
    """Yields how long the checks of the data may read, where a candidate is made of a snapshot's blocks."""
    back = context.request.traffic is Traffic.SOURCE and context.manages_any
    if back or origin.point.method is Method.DUMP or traffic.find_pointing(context) is ConnectionTarget.CANDIDATE:
        return
    size = (settings.allocated_storage or origin.storage) << 30
    validation = context.settings.validation
    needed = {depth: estimate_fetched_bytes(size, depth) for depth in Depth}
    times = {depth: format_duration(timedelta(seconds=estimate_seconds(size))) for depth, size in needed.items()}
    asked, other = validation.depth, Depth.SAMPLE if validation.depth is Depth.FULL else Depth.FULL
    yield (
        f"checks read: at most {format_size(needed[asked])}, which a fresh volume takes {times[asked]} to fetch "
        f"(depth {asked}); with validation.depth {other} at most {format_size(needed[other])}, {times[other]}"
    )
    allowed = validation.budget_seconds
    if allowed is not None and allowed < estimate_seconds(needed[validation.depth]):
        budget = format_duration(timedelta(seconds=allowed))
        yield (
            f"note: validation.budgetSeconds gives the checks {budget}: what isn't read by then is INCONCLUSIVE, "
            "and keeps the gate shut; without the key the size decides"
        )


def _list_new_instance_lines(context: RestoreContext, origin: RestoreSource) -> Iterable[str]:
    """Yields what a dump doesn't carry, and an empty instance can't have from it."""
    if origin.point.method is not Method.DUMP or context.candidate:
        return
    yield (
        "note: a dump carries no roles, passwords, settings of roles or of the database: roles it names are created "
        "without login, the application's with the password of its secret"
    )
    if not context.source and not context.source_region:
        yield "note: the source is gone: settings that nothing tells any more are RDS's defaults"


def _list_warning_lines(context: RestoreContext, origin: RestoreSource) -> Iterable[str]:
    source = context.local_source
    if origin.point.latest and not context.candidate and context.request.traffic is Traffic.FROZEN:
        yield (
            "note: `latest` can be asked for only after the freeze: should AWS refuse it then, nobody is served "
            "meanwhile; with a time, applications stop once AWS has accepted the restore"
        )
    if source and source.pending:
        names = ", ".join(sorted(source.pending))
        yield f"note: the source has modifications waiting ({names}); the restored instance is made without them"
    if source and source.status in BROKEN:
        yield f"note: the source's status is {source.status}"
    elif source and source.status not in SNAPSHOT_READY and context.request.traffic is not Traffic.SOURCE:
        yield f"note: the source is {source.status}; RDS takes its safety snapshot when it is available again"
    if source and source.replicas and context.request.traffic is not Traffic.SOURCE:
        serving = context.settings.source if context.renames else context.candidate_name
        yield (
            f"note: read replicas of the source stay its own ({', '.join(source.replicas)}): who reads them doesn't "
            f"see {context.candidate_name}; after the switch: aws rds create-db-instance-read-replica "
            f"--source-db-instance-identifier {serving} --db-instance-identifier <name>"
        )
    if context.candidate and context.candidate.status in BROKEN:
        yield f"note: {context.candidate.identifier} is {context.candidate.status}"
    version = origin.engine_version
    orderable = context.inventory.orderable_versions
    if not context.candidate and version and orderable and version not in orderable:
        yield f"note: RDS no longer creates PostgreSQL {version}; it may refuse this restore or upgrade it"
    encrypted = source and origin.encrypted and source.kms_key_id and origin.kms_key_id
    if source and encrypted and source.kms_key_id != origin.kms_key_id:
        yield f"note: the restored instance has the recovery point's KMS key {origin.kms_key_id}, not the source's"


def _list_master_password_lines(context: RestoreContext, origin: RestoreSource) -> Iterable[str]:
    """Yields what becomes of a master password that RDS makes, keeps and rotates."""
    login, source = context.settings.login, context.source
    if login.iam or origin.point.method is Method.DUMP or context.candidate:
        return
    if source and source.managed_secret:
        yield (
            f"note: RDS manages the master password of {source.identifier} and rotates it; {context.candidate_name} "
            "has that of its recovery point, and no secret of its own: where it refuses the password of "
            f"login.secretId, and login.user is {source.master_user}, that password is set on it"
        )
        if login.user == source.master_user and not _names_secret(login.secret_id or "", source.managed_secret):
            yield (
                f"note: RDS keeps that password in another secret than login.secretId ({login.secret_id}): "
                f"pulumi config set --plaintext --path login.secretId {source.managed_secret}"
            )
    elif source is None and "rds!db-" in (login.secret_id or ""):
        yield (
            f"note: RDS deletes {login.secret_id} with its instance, which is gone; a password in a secret of your own "
            "is set on the restored instance: pulumi config set --plaintext --path login.secretId <name>"
        )


def _names_secret(name: str, arn: str) -> bool:
    """Whether a secret's ARN or name is this ARN's, which ends in six characters more than the name."""
    return bool(name) and (name == arn or arn.rpartition(":secret:")[2].rpartition("-")[0] == name)


def _list_writer_lines(context: RestoreContext) -> Iterable[str]:
    for writer in context.inventory.cluster.writers:
        yield f"note: {writer.kind} {writer.name}: {writer.detail}"


def _list_reference_lines(context: RestoreContext) -> Iterable[str]:
    endpoints = list_source_endpoints(context)
    for reference in context.inventory.cluster.references:
        if any(reference.names(endpoint.host) for endpoint in endpoints):
            follows = ", and follows the name without being stopped" if context.renames else ""
            yield f"note: {reference.app} is told the source by {reference.place} as well{follows}"
    if unread := context.inventory.cluster.unread:
        named = ", ".join(unread)
        yield f"note: {named} can't be read (docs/permissions.md): whether the source is named there isn't known"


def _list_dependent_lines(context: RestoreContext) -> Iterable[str]:
    cutover = read_cutover(context.request)
    yield from list_dependent_lines(context.inventory.dependents, cutover, context.settings.dependents)
    if context.source and context.request.traffic is not Traffic.SOURCE:
        yield from list_ownership_lines(context.settings.infrastructure, cutover)


def _list_waiver_lines(context: RestoreContext) -> Iterable[str]:
    for name, reason in context.settings.waive.items():
        yield f"waived: {name}: {reason}"


def _list_next_lines(context: RestoreContext) -> Iterable[str]:
    switched = traffic.find_pointing(context) is ConnectionTarget.CANDIDATE
    match context.request.traffic:
        case Traffic.SOURCE if context.manages_any:
            yield "next: python -m restore close (the databases stay)"
        case Traffic.SOURCE:
            yield "next: pulumi config set traffic frozen; pulumi up"
        case Traffic.FROZEN if switched:
            yield "next: pulumi config set traffic source; pulumi up (or restored, to stay)"
        case Traffic.FROZEN:
            yield "next: pulumi config set traffic restored; pulumi up (or source, to go back)"
        case Traffic.RESTORED:
            yield "next: python -m restore close once all is well; the way back: python -m restore rollback"
