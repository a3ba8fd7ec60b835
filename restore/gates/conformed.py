"""Gate `conformed`: the candidate is up, is ours, and has the source's settings.

A restore gives defaults for what isn't passed, and takes fewer settings than a modification (restore/aws/restores.py):
the gate brings such settings in line, waits for the wanted setting (not for `available`, which can be the past), and
compares. Automated backups, which the restore left off, come with them, in the same call: switching them on interrupts
the database for seconds to minutes (API reference of ModifyDBInstance, BackupRetentionPeriod), which nobody uses yet.
The first backup then goes on beside all that follows. What a waiver covers is left as it is, and what RDS refuses is a
problem of that setting alone. Once the candidate has served it is production: then it is never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

from restore.aws.keys import Keys
from restore.aws.parse import find_differences, group_settings, list_partners, select_settings
from restore.candidate.settings import PYTHON_NAMES, thaw_settings
from restore.config.keys import to_camel_case
from restore.errors import Problem, RestoreError, TemporaryError
from restore.gates.context import GateContext
from restore.gates.hook import KEPT_SETTINGS, RESOURCE_ID, Proof, Watch
from restore.gates.operator_login import ensure_login
from restore.gates.proofs import find_earlier_proof
from restore.model import waivers
from restore.model.rds import Instance, InstanceSettings
from restore.model.rds_status import BACKING_UP, USABLE
from restore.model.request import Runner
from validation.verdict import Verdict

SECONDS = 24 * 3600.0
CHANGE_SECONDS = 4 * 3600.0
"""For all changes together: a conversion to Multi-AZ and a new volume type take hours on a large database."""
LONGEST_PAUSE = 3.0
"""Between looks at a change, which nobody serves meanwhile: short against the minute that it takes."""
RETENTION = "backup_retention_period"
PENDING_REBOOT = "pendingReboot"
"""The name, among the settings, of a parameter group whose static parameters don't count yet."""

Refusals = dict[str, RestoreError]
"""Why a setting was not changed, by field."""


@dataclass(frozen=True)
class Differing:
    """What isn't as wanted: found and wanted values by the setting's name in config, and why RDS didn't change them."""

    values: Mapping[str, tuple[Any, Any]]
    refused: Mapping[str, str] = field(default_factory=dict[str, str])
    others: tuple[Problem, ...] = ()
    """Problems that are no setting's."""


def prove(context: GateContext, watch: Watch) -> Proof:
    """Waits for the candidate, changes what differs from the wanted settings, and proves that nothing does.

    A candidate that serves or has served is compared and never changed."""
    if context.plan.switched_before:
        return compare_production(context, watch)
    candidate, desired = wait_until_usable(context, watch), read_target_settings(context, watch)
    # First: once backups are on again RDS takes no modification before the first one has ended
    candidate, _ = settle(context, watch, candidate)
    before = find_differing_settings(desired, candidate)
    names = [PYTHON_NAMES[name] for name in before if is_switched_off(name, candidate) or not is_waived(context, name)]
    refusals: Refusals = {}
    if names:
        fields_to_send = [*names, *(name for name in list_partners(names) if to_camel_case(name) not in before)]
        candidate = bring_in_line(context, watch, candidate, select_settings(desired, fields_to_send), refusals)
    candidate, others = settle(context, watch, candidate)
    after = find_differing_settings(desired, candidate)
    changed = {name: {"from": old, "to": new} for name, (old, new) in before.items() if name not in after}
    refused = {to_camel_case(name): describe(error) for name, error in refusals.items()}
    return judge(context, candidate, desired, Differing(after, refused, others), changed)


def is_switched_off(name: str, candidate: Instance) -> bool:
    """Tells whether the setting is that of automated backups, which this program itself keeps off during a restore: no
    waiver leaves a database without."""
    return PYTHON_NAMES[name] == RETENTION and candidate.settings.backup_retention_period == 0


def is_waived(context: GateContext, name: str) -> bool:
    return waivers.find_reason(f"conformed.{name}", "conformed", context.settings.waive) is not None


def settle(context: GateContext, watch: Watch, candidate: Instance) -> tuple[Instance, tuple[Problem, ...]]:
    """Brings in line what is no setting: static parameters that need a reboot, and the operator's login, which gates
    beside the database bring in line themselves. Returns the candidate as it is then, and the problems."""
    if candidate.parameters_pending_reboot and not is_waived(context, PENDING_REBOOT):
        candidate = reboot(context, watch, candidate)
    elsewhere = context.settings.runner is Runner.KUBERNETES
    login = None if elsewhere or is_waived(context, "login") else ensure_login(context, watch, candidate)
    return candidate, (*find_reboot_problems(candidate), *((login,) if login else ()))


def compare_production(context: GateContext, watch: Watch) -> Proof:
    """Returns the earlier proof of this very instance, where there is one; otherwise its settings as they are."""
    candidate, desired = context.read_candidate(), read_target_settings(context, watch)
    if proof := find_earlier_proof(context, watch, candidate):
        if names := ", ".join(find_differing_settings(desired, candidate)):
            watch.say(f"{candidate.identifier} serves or has served and stays as it is; differing: {names}")
        return proof
    differing = Differing(find_differing_settings(desired, candidate), others=tuple(find_reboot_problems(candidate)))
    return judge(context, candidate, desired, differing, {})


def read_target_settings(context: GateContext, watch: Watch) -> InstanceSettings:
    """Returns the settings kept in the state at the candidate's creation: the source may have been changed since
    then."""
    kept = watch.receipt.get(KEPT_SETTINGS)
    if not isinstance(kept, str) or not kept:
        return resolve_key_arn(context, context.plan.settings)
    return resolve_key_arn(context, thaw_settings(kept, context.settings.instance))


def resolve_key_arn(context: GateContext, settings: InstanceSettings) -> InstanceSettings:
    """Returns the settings with the ARN of the key: RDS answers with it, whatever alias it was given. An alias that
    can't be asked about stays one."""
    alias = settings.performance_insights_kms_key_id or ""
    if "alias/" not in alias:
        return settings
    try:
        return replace(settings, performance_insights_kms_key_id=Keys(context.aws).read(alias).arn)
    except RestoreError:
        return settings


def judge(
    context: GateContext,
    candidate: Instance,
    desired: InstanceSettings,
    differing: Differing,
    changed: Mapping[str, Any],
) -> Proof:
    """Returns PASS when no setting differs. `changed`: what this run has changed."""
    facts: dict[str, Any] = {
        "candidate": candidate.identifier,
        RESOURCE_ID: candidate.resource_id,
        "endpoint": str(candidate.endpoint),
        "engine_version": candidate.engine_version,
        "status": candidate.status,
        "changed": dict(changed),
        "settings": list_settings(context, candidate, desired),
    }
    settings = (
        build_setting_problem(candidate, name, needed, found, differing.refused.get(name, ""))
        for name, (found, needed) in differing.values.items()
    )
    problems = (*settings, *differing.others)
    if problems:
        return Proof(Verdict.FAIL, "settings differ from the wanted ones", facts, problems)
    return Proof(Verdict.PASS, f"{candidate.identifier} is {candidate.status}; its settings are the wanted ones", facts)


def list_settings(context: GateContext, candidate: Instance, desired: InstanceSettings) -> dict[str, Any]:
    """Returns every setting that anybody has a value for: the source's, the wanted one, and the candidate's."""
    sides = {"wanted": desired, "found": candidate.settings}
    if context.plan.source:
        sides = {"source": context.plan.source.settings, **sides}
    rows = {
        to_camel_case(field.name): {side: getattr(settings, field.name) for side, settings in sides.items()}
        for field in fields(InstanceSettings)
    }
    return {name: row for name, row in rows.items() if any(value not in (None, ()) for value in row.values())}


def wait_until_usable(context: GateContext, watch: Watch) -> Instance:
    """Waits until the candidate answers under an address; raises PermanentError in a status that can't end well."""
    resource_id = context.read_candidate().resource_id

    def check_usable(instance: Instance) -> bool:
        is_ready = instance.status in USABLE and instance.endpoint is not None
        if not is_ready:
            watch.say(f"{instance.identifier} is {instance.status}")
        return is_ready

    return context.rds.wait_until(
        resource_id,
        check_usable,
        stop=watch.stop,
        say=watch.say,
        deadline=watch.deadline,
        subject=f"{context.plan.candidate} to be usable",
    )


def bring_in_line(
    context: GateContext, watch: Watch, candidate: Instance, desired: InstanceSettings, refusals: Refusals
) -> Instance:
    """Changes what differs from `desired` and waits until it holds; returns the candidate as it is, also when that
    never happens. Adds to `refusals`. Raises TemporaryError when the operator stops the run.
    """
    names = list(find_differences(candidate.settings, desired))
    watch.say(f"bringing in line: {', '.join(to_camel_case(name) for name in names)}")
    end = min(watch.deadline, watch.read_clock() + CHANGE_SECONDS)
    for change in plan_changes(context, candidate, desired):
        send(context, watch, candidate, change, refusals, end)
    left = select_settings(desired, (name for name in names if name not in refusals))

    def holds(instance: Instance) -> bool:
        missing = find_differing_settings(left, instance)
        if missing:
            watch.say(f"{instance.identifier} is {instance.status}; waiting for {', '.join(missing)}")
        return instance.status in USABLE and not missing

    subject = f"the settings of {candidate.identifier}"
    try:
        return context.rds.wait_until(
            candidate.resource_id,
            holds,
            stop=watch.stop,
            say=watch.say,
            deadline=end,
            subject=subject,
            longest=LONGEST_PAUSE,
        )
    except TemporaryError:
        if watch.stop.is_set():
            raise
        return context.read_candidate()


@dataclass(frozen=True)
class Change:
    """One call to RDS: the fields that it is about, and the calls to make instead where it is refused."""

    names: tuple[str, ...]
    call: Callable[[], object]
    parts: tuple[Change, ...] = ()


def plan_changes(context: GateContext, candidate: Instance, desired: InstanceSettings) -> Iterable[Change]:
    """Yields all that ModifyDBInstance takes in one call, because each takes minutes; refused, one for each group of
    settings. Roles have a call each."""
    names = [name for name in find_differences(candidate.settings, desired) if name != "associated_roles"]

    def modify(names: tuple[str, ...]) -> Callable[[], object]:
        part = select_settings(desired, {*names, *list_partners(names)})
        return partial(context.rds.modify, candidate.resource_id, part, ours=desired)

    for role in sorted(set(desired.associated_roles) - set(candidate.settings.associated_roles)):
        yield Change(("associated_roles",), partial(context.rds.add_role, candidate.resource_id, role))
    # Backups last: RDS takes nothing more during the first one
    groups = tuple(
        Change(group, modify(group)) for group in sorted(group_settings(names), key=lambda group: RETENTION in group)
    )
    if names:
        yield Change(tuple(names), modify(tuple(names)), groups if len(groups) > 1 else ())


def send(
    context: GateContext, watch: Watch, candidate: Instance, change: Change, refusals: Refusals, end: float
) -> None:
    """Makes one call as soon as RDS takes it. A refusal is that of its fields: what can be had is had. `end` is of
    time.monotonic().

    Raises TemporaryError when the operator stops the run.
    """

    refusal = [""]

    def call() -> bool:
        try:
            change.call()
        except TemporaryError as error:
            refusal[0] = str(error)
            watch.say(describe_wait(context.read_candidate(), change.names, error))
            return False
        return True

    subject = f"{candidate.identifier} to take a modification"
    try:
        seconds = max(end - watch.read_clock(), 0)
        watch.wait_for(call, bool, subject=subject, seconds=seconds, describe=lambda _: refusal[0])
    except RestoreError as error:
        if watch.stop.is_set():
            raise
        if change.parts and not isinstance(error, TemporaryError):
            for part in change.parts:
                send(context, watch, candidate, part, refusals, end)
        else:
            refusals.update(dict.fromkeys(change.names, error))


def describe_wait(candidate: Instance, names: Iterable[str], error: RestoreError) -> str:
    """Returns what a modification waits for, and how to go on without where that takes hours."""
    settings = ", ".join(to_camel_case(name) for name in names)
    if candidate.status != BACKING_UP:
        return f"{candidate.identifier} is {candidate.status}; waiting to change {settings}: {error}"
    return (
        f"{candidate.identifier} is backing-up, and RDS changes nothing before its first backup has ended, which can "
        f"take hours; waiting to change {settings}. To go on without: press Ctrl-C, then: "
        f"{waivers.build_command('conformed')}; pulumi up"
    )


def describe(error: RestoreError) -> str:
    """Returns why RDS didn't change a setting, in one line."""
    return error.problem.found if error.problem else " ".join(str(error).split())


def reboot(context: GateContext, watch: Watch, candidate: Instance) -> Instance:
    """Restarts the candidate, which nobody uses yet; returns it as it is, also when RDS refuses."""
    watch.say(f"rebooting {candidate.identifier}: static parameters of its group wait for that")
    try:
        watch.wait_for(
            lambda: context.rds.reboot(candidate.resource_id),
            lambda _sent: True,
            seconds=CHANGE_SECONDS,
            subject=f"{candidate.identifier} to take a reboot",
        )
        return context.rds.wait_until(
            candidate.resource_id,
            lambda instance: instance.status in USABLE and not instance.parameters_pending_reboot,
            stop=watch.stop,
            say=watch.say,
            deadline=min(watch.deadline, watch.read_clock() + CHANGE_SECONDS),
            subject=f"the reboot of {candidate.identifier}",
        )
    except RestoreError:
        if watch.stop.is_set():
            raise
        return context.read_candidate()


def find_reboot_problems(candidate: Instance) -> Iterable[Problem]:
    """Yields the problem `conformed.pendingReboot`."""
    if candidate.parameters_pending_reboot:
        name = candidate.identifier
        yield Problem(
            f"conformed.{PENDING_REBOOT}",
            f"parameter group {candidate.settings.parameter_group_name} of {name} is pending-reboot",
            "in-sync: its static parameters count only after a reboot",
            f"aws rds reboot-db-instance --db-instance-identifier {name}; pulumi up",
        )


def find_differing_settings(desired: InstanceSettings, candidate: Instance) -> dict[str, tuple[Any, Any]]:
    """Returns the found and the desired values of the settings that differ, by the name used in config."""
    return {to_camel_case(name): pair for name, pair in find_differences(candidate.settings, desired).items()}


def build_setting_problem(candidate: Instance, name: str, desired: Any, found: Any, refused: str = "") -> Problem:
    """Returns the problem `conformed.<setting>`, by the setting's name in config."""
    return Problem(
        f"conformed.{name}",
        f"{found!r}; RDS didn't change it: {refused}" if refused else repr(found),
        f"{desired!r} for {candidate.identifier}, as the source had it (or the key instance says)",
        f"pulumi config set --path instance.{name} <value> (where another value is right); pulumi up",
    )
