"""The candidate's creation as RDS shows it, while the AWS plugin waits for its end.

The plugin's create returns when the instance is `available`, so long after AWS has accepted the restore, and only after
the first backup, which can take hours (hashicorp/terraform-provider-aws issue 44104). Two things can't wait for that:
the freeze, which needs no more than the acceptance, and the operator, who can go on while RDS backs up.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pulumi

from restore.errors import GateClosed, RestoreError
from restore.gates.hook import Running
from restore.model.planned import Plan
from restore.model.rds import Instance
from restore.model.rds_status import BACKING_UP
from restore.polling import wait_for

FindInstance = Callable[[], Instance | None]
"""Reads the candidate by name and tags; None while there is none. Raises RestoreError when RDS can't be asked."""

ACCEPTANCE_SECONDS = 900.0
"""RDS answers a restore within seconds; the plugin tries again for minutes where a new role isn't known yet."""
LOOK_EVERY_SECONDS = 5.0


def declare_acceptance(plan: Plan, find: FindInstance, running: Running, parent: pulumi.Resource) -> list[pulumi.Stash]:
    """What is created once AWS has accepted the restore, and not before: applications stop after it.

    Empty where the candidate can only be made after the freeze (from `latest`).
    """
    if waits_for_freeze(plan):
        return []

    def wait() -> str | None:
        with running:
            return await_acceptance(plan.candidate, find, running.stop)

    async def run(_args: pulumi.ResourceHookArgs) -> None:
        if plan.candidate_found is None and not plan.switched_before and (error := await asyncio.to_thread(wait)):
            raise GateClosed(error)

    hook = pulumi.ResourceHook("restore-accepted", run)
    hooks = pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook])
    stash = pulumi.Stash(
        f"accepted-{plan.id}",
        input={"candidate": plan.candidate, "point": plan.point.tag},
        opts=pulumi.ResourceOptions(parent=parent, hooks=hooks),
    )
    return [stash]


def waits_for_freeze(plan: Plan) -> bool:
    """Whether the candidate is still to be made, and of a moment that only the freeze will fix."""
    return plan.point.latest and plan.candidate_found is None


def await_acceptance(
    candidate: str, find: FindInstance, stop: threading.Event, seconds: float = ACCEPTANCE_SECONDS
) -> str | None:
    """Waits until RDS lists the candidate; why it never did, or None."""
    try:
        wait_for(
            find,
            lambda instance: instance is not None,
            stop=stop,
            deadline=time.monotonic() + seconds,
            subject=f"AWS to accept the restore to {candidate}",
            found=lambda _: "no such instance yet; no application was stopped",
            fix="pulumi up (without --parallel 1)",
            longest=2.0,
        )
    except RestoreError as error:
        return str(error) or type(error).__name__
    return None


class CreationWatch:
    """Says in `pulumi up` what RDS is doing with the candidate while the plugin waits for it."""

    def __init__(self, find: FindInstance, say: Callable[[str], None], stop: threading.Event) -> None:
        self._find, self._say, self._stop = find, say, stop
        self._ended = threading.Event()

    def begin(self) -> None:
        threading.Thread(target=self.run, name="creation", daemon=True).start()

    def end(self) -> None:
        self._ended.set()

    def run(self, every: float = LOOK_EVERY_SECONDS) -> None:
        """Looks until the creation has ended or the run stops; a look that fails is no reason to disturb anybody."""
        said = ""
        while not self._ended.wait(every) and not self._stop.is_set():
            try:
                instance = self._find()
            except RestoreError:
                continue
            if instance and instance.status != said:
                said = instance.status
                self._say(describe_creation(instance))


def describe_creation(instance: Instance) -> str:
    """One line: what RDS does with the instance, and how to go on where that takes long and needn't be waited for."""
    if instance.status != BACKING_UP:
        return f"{instance.identifier} is {instance.status}"
    return (
        f"{instance.identifier} is backing-up: it answers, but the AWS plugin waits for the end of its first backup, "
        "which can take hours (terraform-provider-aws issue 44104). To go on now: press Ctrl-C once, then: pulumi up "
        f"(it adopts {instance.identifier}; the backup goes on, and nothing is lost)"
    )


def make_watch_hooks(
    candidate: str, find: FindInstance, running: Running
) -> tuple[pulumi.ResourceHook, pulumi.ResourceHook]:
    """The hooks before and after the candidate's creation that begin and end the watch."""
    watch = CreationWatch(find, pulumi.log.info, running.stop)

    async def begin(_args: pulumi.ResourceHookArgs) -> None:
        watch.begin()

    async def end(_args: pulumi.ResourceHookArgs) -> None:
        watch.end()

    options = pulumi.ResourceHookOptions(ignore_errors=True)
    begins = pulumi.ResourceHook(f"watch-{candidate}-begins", begin, options)
    return begins, pulumi.ResourceHook(f"watch-{candidate}-ends", end, options)
