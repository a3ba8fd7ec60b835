"""Rules about the source and the candidate as RDS has them, and what is restored. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from restore.config.keys import SAFETY_CHECK
from restore.cutover import traffic
from restore.cutover.traffic import Pointing
from restore.errors import Problem
from restore.model.context import ENGINE, Case
from restore.model.rds_status import BROKEN, LEAVING, SNAPSHOT_READY, way_out
from restore.model.request import Traffic
from restore.preflight.instance_settings import setting_problems
from restore.recovery_points.resolve import resolve

MOST_TAGS = 50
OWN_TAGS = 5


def source_found(case: Case) -> Iterable[Problem]:
    """A source that is gone is no fault by itself: the recovery point's rules say what is missing then."""
    if case.source and case.source.engine != ENGINE:
        found = f"engine {case.source.engine}"
        yield Problem(f"instance {case.settings.source}", found, f"engine {ENGINE}", "pulumi config set source <name>")


def source_leaving(case: Case) -> Iterable[Problem]:
    """Only where something is still to be made of it, or to go back to: a candidate that exists needs it no more."""
    if not case.source or case.source.status not in LEAVING or case.request.traffic is Traffic.RESTORED:
        return
    if case.candidate and case.request.traffic is Traffic.FROZEN:
        return
    yield Problem(
        f"instance {case.source.identifier}",
        f"status {case.source.status}",
        "an instance that stays, or is gone: its automated snapshots may go with it",
        f"aws rds wait db-instance-deleted --db-instance-identifier {case.source.identifier}; then try again",
    )


def source_can_be_saved(case: Case) -> Iterable[Problem]:
    """No freeze without the safety snapshot: found out before the applications stop."""
    source = case.source
    if not source or case.safety or case.request.traffic is Traffic.SOURCE or SAFETY_CHECK in case.settings.waive:
        return
    if source.status in BROKEN:
        waiver = f'pulumi config set --path waive.{SAFETY_CHECK} "<reason>"'
        yield Problem(
            f"instance {source.identifier}",
            f"status {source.status}: RDS takes no snapshot of it",
            f"status {' or '.join(sorted(SNAPSHOT_READY))} for the safety snapshot",
            f"{way_out(source.status, source.identifier)}; or, to do without: {waiver}",
        )


def freeze_completed(case: Case) -> Iterable[Problem]:
    """No switch before the freeze was proved: the safety snapshot is only taken of a source that gate found quiet."""
    first = case.request.traffic is Traffic.RESTORED and traffic.pointing(case) is Pointing.SOURCE
    if not first or not case.source or case.safety or SAFETY_CHECK in case.settings.waive:
        return
    yield Problem(
        "traffic restored",
        f"there is no safety snapshot {case.safety_name}: no freeze has ended well yet",
        "a freeze that was proved (gate quiesced) and the snapshot taken after it",
        "pulumi config set traffic frozen; pulumi up; then pulumi config set traffic restored; pulumi up",
    )


def source_to_return_to(case: Case) -> Iterable[Problem]:
    back = case.request.traffic is Traffic.SOURCE and traffic.pointing(case) is Pointing.CANDIDATE
    if back and case.source is None:
        yield Problem(
            f"instance {case.settings.source}",
            "doesn't exist: there is nothing to go back to",
            "the source",
            "pulumi config set traffic restored",
        )


def candidate_failed(case: Case) -> Iterable[Problem]:
    candidate = case.candidate
    if not candidate or _on_the_way_back(case):
        return
    if candidate.status in BROKEN or candidate.status in LEAVING:
        again = "pulumi config set id <another one>"
        mend = f"{way_out(candidate.status, candidate.identifier)}; or restore again: {again}"
        fix = again if candidate.status in LEAVING else mend
        yield Problem(f"instance {candidate.identifier}", f"status {candidate.status}", "a usable instance", fix)


def _on_the_way_back(case: Case) -> bool:
    """Away from the candidate: then its troubles are no reason to stay."""
    if case.request.traffic is Traffic.RESTORED:
        return False
    return traffic.pointing(case) is Pointing.CANDIDATE or (case.request.traffic is Traffic.SOURCE and case.any_held)


def recovery_point_usable(case: Case) -> Iterable[Problem]:
    yield from resolve(case).problems


def settings_usable(case: Case) -> Iterable[Problem]:
    origin = resolve(case).origin
    if origin and not case.candidate:
        yield from setting_problems(case, origin)


def tags_fit(case: Case) -> Iterable[Problem]:
    own = [name for name in case.source.tags if not name.startswith(("aws:", "restore:"))] if case.source else []
    if len(own) + OWN_TAGS > MOST_TAGS and not case.candidate:
        found, needed = (
            f"{len(own)} tags",
            f"at most {MOST_TAGS - OWN_TAGS}: the candidate gets them and {OWN_TAGS} of its own",
        )
        yield Problem(f"instance {case.settings.source}", found, needed, "aws rds remove-tags-from-resource ...")
