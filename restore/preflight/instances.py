"""Rules about the source and the candidate as RDS has them, and what is restored. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from restore.config.keys import SAFETY_CHECK
from restore.cutover import traffic
from restore.cutover.traffic import ConnectionTarget
from restore.errors import Problem
from restore.model import waivers
from restore.model.context import ENGINE, RestoreContext
from restore.model.gates import QUIESCED
from restore.model.rds_status import BROKEN, LEAVING, SNAPSHOT_READY, describe_way_out
from restore.model.request import Traffic
from restore.preflight.instance_settings import find_setting_problems
from restore.recovery_points.resolve import resolve

MOST_TAGS = 50
"""Of one resource (RDS User Guide, "Tagging Amazon RDS resources")."""
OWN_TAGS = 5


def check_source_found(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a source of another engine. One that is gone is no fault by itself: the recovery point's rules say what
    is missing then."""
    if context.source and context.source.engine != ENGINE:
        found = f"engine {context.source.engine}"
        yield Problem(
            f"instance {context.settings.source}", found, f"engine {ENGINE}", "pulumi config set source <name>"
        )


def check_source_alone(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a member of a Multi-AZ DB cluster, which has no backups of its own, and can't be modified by itself."""
    if context.source and context.source.db_cluster:
        cluster = context.source.db_cluster
        yield Problem(
            f"instance {context.source.identifier}",
            f"a member of Multi-AZ DB cluster {cluster}",
            "an instance of its own: a cluster's backups are restored as a cluster, which this program doesn't do",
            f"aws rds restore-db-cluster-to-point-in-time --source-db-cluster-identifier {cluster} "
            "--db-cluster-identifier <name> --use-latest-restorable-time",
        )


def check_source_stays(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a source that is being deleted, only where something is still to be made of it, or to go back to: a
    candidate that exists needs it no more."""
    if (
        not context.local_source
        or context.local_source.status not in LEAVING
        or context.request.traffic is Traffic.RESTORED
    ):
        return
    if context.candidate and context.request.traffic is Traffic.FROZEN:
        return
    yield Problem(
        f"instance {context.local_source.identifier}",
        f"status {context.local_source.status}",
        "an instance that stays, or is gone: its automated snapshots may go with it",
        f"aws rds wait db-instance-deleted --db-instance-identifier {context.local_source.identifier}; then try again",
    )


def check_source_can_be_saved(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a freeze without the safety snapshot: that is found out before the applications stop."""
    source = context.local_source
    if (
        not source
        or context.safety
        or context.request.traffic is Traffic.SOURCE
        or SAFETY_CHECK in context.settings.waive
    ):
        return
    if source.status in BROKEN:
        waiver = f'pulumi config set --plaintext --path waive.{SAFETY_CHECK} "<reason>"'
        yield Problem(
            f"instance {source.identifier}",
            f"status {source.status}: RDS takes no snapshot of it",
            f"status {' or '.join(sorted(SNAPSHOT_READY))} for the safety snapshot",
            f"{describe_way_out(source.status, source.identifier)}; or, to do without: {waiver}",
        )


def check_source_answers(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a freeze that gate `quiesced` couldn't prove: the applications would be down until somebody mends what
    keeps the operator out. The gate's own waiver lets it pass."""
    source, silence, check = context.local_source, context.inventory.source_silence, f"{QUIESCED.name}.unreachable"
    if source and silence and waivers.find_reason(check, QUIESCED.name, context.settings.waive) is None:
        problem = Problem(
            f"instance {source.identifier}",
            f"can't be asked who uses it: {silence.subject}: {silence.found}",
            "an answer to the operator from here, as the gates need it once nobody is served",
            f"{silence.fix}; pulumi preview",
        )
        yield waivers.add_command(problem, check)


def check_freeze_completed(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a switch before the freeze was proved: the safety snapshot is only taken of a source that gate found
    quiet."""
    first = context.request.traffic is Traffic.RESTORED and traffic.find_pointing(context) is ConnectionTarget.SOURCE
    if not first or not context.local_source or context.safety or SAFETY_CHECK in context.settings.waive:
        return
    yield Problem(
        "traffic restored",
        f"there is no safety snapshot {context.safety_name}: no freeze has ended well yet",
        "a freeze that was proved (gate quiesced) and the snapshot taken after it",
        "pulumi config set traffic frozen; pulumi up; then pulumi config set traffic restored; pulumi up",
    )


def check_source_to_return_to(context: RestoreContext) -> Iterable[Problem]:
    """Refuses the way back to a source that is gone."""
    back = context.request.traffic is Traffic.SOURCE and traffic.find_pointing(context) is ConnectionTarget.CANDIDATE
    if back and context.source is None and context.source_region is None:
        yield Problem(
            f"instance {context.settings.source}",
            "doesn't exist: there is nothing to go back to",
            "the source",
            "pulumi config set traffic restored",
        )


def check_candidate_status(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a candidate in a status that ends in none that can be used, unless it is being left."""
    candidate = context.candidate
    if not candidate or traffic.leaves_candidate(context):
        return
    if candidate.status in BROKEN or candidate.status in LEAVING:
        again = "pulumi config set id <another one>"
        repair = f"{describe_way_out(candidate.status, candidate.identifier)}; or restore again: {again}"
        fix = again if candidate.status in LEAVING else repair
        yield Problem(f"instance {candidate.identifier}", f"status {candidate.status}", "a usable instance", fix)


def check_recovery_point_usable(context: RestoreContext) -> Iterable[Problem]:
    yield from resolve(context).problems


def check_settings_usable(context: RestoreContext) -> Iterable[Problem]:
    """Refuses settings of a candidate that is still to be made, as `find_setting_problems` does."""
    origin = resolve(context).origin
    if origin and not context.candidate:
        yield from find_setting_problems(context, origin)


def check_tags_fit(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a source with so many tags that the candidate can't have them and its own."""
    source = context.source
    if source is None or context.candidate:
        return
    own = [name for name in source.tags if not name.startswith(("aws:", "restore:"))]
    if len(own) + OWN_TAGS > MOST_TAGS:
        needed = f"at most {MOST_TAGS - OWN_TAGS}: the candidate gets them and {OWN_TAGS} of its own"
        fix = f"aws rds remove-tags-from-resource --resource-name {source.arn} --tag-keys <name>"
        yield Problem(f"instance {source.identifier}", f"{len(own)} tags", needed, fix)
