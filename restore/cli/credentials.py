"""`python -m restore credentials rotate`: shows what changes, asks, rotates (restore/credentials), records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from restore.cli.stack_settings import read_settings, require_alone
from restore.credentials import plan, rotation
from restore.errors import Problem, Refused
from restore.evidence import provenance, publish
from restore.inventory import gather
from restore.model.context import RestoreContext
from restore.pulumi_stack.automation import OperatorStack

STEP = "credentials"


def rotate(stack: OperatorStack, confirm: Callable[[str], bool], *, leave_source: bool) -> bool:
    """Rotates both logins; False when not confirmed. Raises Refused for what stands against it, RestoreError else."""
    began = datetime.now(UTC)
    settings = read_settings(stack, began)
    if settings.request is None:
        fix = "pulumi config set id <id>"
        raise Refused([Problem("config id", "not set: no restore is configured", "the id of the restore", fix)])
    require_alone(settings)
    context = RestoreContext(settings, settings.request, gather.gather(settings, began, room=False))
    begun = rotation.connect(context, leave_source=leave_source)
    if not confirm(plan.render(begun.prepare())):
        return False
    facts = begun.run()
    content = {"began": began.isoformat(), "operator": provenance.read_operator(begun.aws), "facts": facts}
    publish.record(begun.store, settings.stack, settings.request.id, STEP, content, warn=print)
    begun.end()
    return True
