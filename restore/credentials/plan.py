"""What a rotation changes, and why it would be refused. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from restore.cutover import traffic
from restore.errors import Problem
from restore.model.context import RestoreContext
from restore.model.rds import Instance
from restore.model.request import Traffic
from restore.model.waivers import is_waived

COMMAND = "python -m restore credentials rotate"
LEAVE_SOURCE = f"{COMMAND} --leave-source"


@dataclass(frozen=True)
class RotationPlan:
    """One rotation, as it is shown before it begins."""

    restore_id: str
    databases: tuple[Instance, ...]
    """The candidate first; the source after it, unless it is left."""
    operator: str
    """The operator's role; empty where it logs in by IAM and has no password."""
    application: str
    """The applications' role; empty where their URL has no password."""
    kept_in: tuple[str, ...]
    """Where the new passwords are kept."""
    resumed: bool = False
    """A rotation was begun before, and is finished."""
    left_alone: tuple[str, ...] = ()
    """What keeps its former password, and is for a person to decide."""

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(role for role in (self.operator, self.application) if role))


def find_problems(
    context: RestoreContext, *, proved: bool, pods: Sequence[str], leave_source: bool
) -> Iterable[Problem]:
    """Yields every reason against a rotation now. `proved`: gate `validated` has opened for this very candidate;
    `pods`: those of the applications that haven't ended."""
    restore, serves = f"restore {context.request.id}", traffic.find_traffic(context)
    if serves is not Traffic.FROZEN:
        found = f"traffic is {serves or 'half-way between two states'}"
        fix = f"pulumi config set traffic frozen; pulumi up; {COMMAND}"
        yield Problem(restore, found, "applications that are stopped: new passwords would lock running ones out", fix)
    if pods:
        fix = f"kubectl -n {context.settings.namespace} get pods; {COMMAND}"
        yield Problem(restore, f"pods that haven't ended: {', '.join(pods)}", "no pod of the applications", fix)
    if context.candidate is None:
        found = "no such instance of this restore"
        yield Problem(f"instance {context.candidate_name}", found, "a candidate that is validated", "pulumi up")
    elif not proved:
        found = f"gate validated hasn't opened for {context.candidate.resource_id}"
        yield Problem(f"instance {context.candidate_name}", found, "a candidate that is validated", "pulumi up")
    if context.local_source is None and not leave_source:
        found = f"it is in {context.source_region.name}" if context.source_region else "it is gone"
        needed = "the source, whose passwords were stolen too"
        yield Problem(f"instance {context.settings.source}", found, needed, LEAVE_SOURCE)
    yield from _find_secret_problems(context)


def _find_secret_problems(context: RestoreContext) -> Iterable[Problem]:
    secret, settings = context.inventory.cluster.secret, context.settings
    subject = f"secret {settings.secret.name}"
    edit = f"kubectl -n {settings.namespace} edit secret {settings.secret.name}; {COMMAND}"
    if secret is None or not secret.url:
        yield Problem(subject, "no connection URL in it", "the applications' connection URL", edit)
    elif secret.immutable:
        yield Problem(subject, "it is immutable", "a Secret whose values can change", edit)
    for writer in context.inventory.cluster.writers:
        if writer.kind in SECRET_KEEPERS and writer.blocking and not is_waived(writer.check, settings.waive):
            yield Problem(writer.check, writer.detail, "nobody who puts the former password back", writer.stop)


SECRET_KEEPERS = frozenset(
    {
        "ExternalSecret",
        "HCPVaultSecretsApp",
        "SealedSecret",
        "SecretProviderClass",
        "VaultDynamicSecret",
        "VaultPKISecret",
        "VaultStaticSecret",
    }
)
"""Kinds of objects whose controllers keep a Secret as it should be."""


def render(plan: RotationPlan) -> str:
    """Returns what is about to happen, for an 80-column terminal."""
    verb = "Finishing the rotation that was begun" if plan.resumed else "New passwords"
    lines = [f"{verb}, for restore {plan.restore_id}, while no application runs:"]
    lines += [f"  {role} on {' and '.join(item.identifier for item in plan.databases)}" for role in plan.roles]
    lines.append("Every session of these roles is ended; the old passwords are dead afterwards.")
    lines.append(f"The new ones are kept in: {', '.join(plan.kept_in)}")
    if len(plan.databases) == 1:
        lines += [
            "",
            "WARNING: the source keeps its passwords. Until this command has run without",
            "--leave-source, the way back to the source is closed: the applications and the",
            "operator would be refused there.",
            "",
        ]
    lines += [f"Left alone: {item}" for item in plan.left_alone]
    return "\n".join(lines)
