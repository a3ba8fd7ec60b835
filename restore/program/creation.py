"""The creation of method dump's fresh instance as RDS shows it, while the AWS plugin waits for its end.

The plugin's create returns when the instance is `available`, so long after AWS has accepted the restore, and only after
the first backup, which can take hours (hashicorp/terraform-provider-aws issue 44104). Two things can't wait for that:
the freeze, which needs no more than the acceptance, and the operator, who can go on while RDS backs up.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import pulumi

from restore.errors import PermanentError, RestoreError
from restore.gates.hook import Running
from restore.model.planned import Plan
from restore.model.rds import Instance
from restore.model.rds_status import BACKING_UP
from restore.polling import wait_for
from restore.program.restoration import ACCEPTED, UNTOUCHED, FindInstance, declare_step

ACCEPTANCE_SECONDS = 900.0
"""RDS answers a restore within seconds; the plugin tries again for minutes where a new role isn't known yet."""
LOOK_EVERY_SECONDS = 5.0


class Creation:
    """The candidate's creation in this run: begun and ended by the hooks of the resource, looked at meanwhile."""

    def __init__(self, plan: Plan, find: FindInstance, running: Running, say: Callable[[str], None]) -> None:
        self.plan, self._find, self._running, self._say = plan, find, running, say
        self._ended, self._refused = threading.Event(), threading.Event()

    def begin(self) -> None:
        threading.Thread(target=self.watch, name="creation", daemon=True).start()

    def end(self) -> None:
        self._ended.set()

    def refuse(self) -> None:
        """Ends the wait when the plugin's create failed: nothing is to be waited for any more."""
        self._refused.set()
        self._ended.set()

    def watch(self, every: float = LOOK_EVERY_SECONDS) -> None:
        """Says each status, looking every so many seconds, until the creation has ended or the run stops; a look that
        fails disturbs nobody."""
        said = ""
        while not self._ended.wait(every) and not self._running.stop.is_set():
            try:
                instance = self._find()
            except RestoreError:
                continue
            if instance and instance.status != said:
                said = instance.status
                self._say(describe_creation(instance))

    def await_acceptance(self, seconds: float = ACCEPTANCE_SECONDS) -> str | None:
        """Waits until RDS lists the candidate, for at most so many seconds; why it never did, or None."""
        if self.plan.candidate_found or self.plan.switched_before:
            return None
        try:
            with self._running:
                wait_for(
                    self._look,
                    lambda instance: instance is not None,
                    stop=self._running.stop,
                    deadline=time.monotonic() + seconds,
                    subject=f"AWS to accept the restore to {self.plan.candidate}",
                    describe=lambda _: f"no such instance yet; {UNTOUCHED}",
                    fix="pulumi up (without --parallel 1)",
                    say=self._say,
                    longest=2.0,
                )
        except RestoreError as error:
            return str(error) or type(error).__name__
        return None

    def _look(self) -> Instance | None:
        if self._refused.is_set():
            raise PermanentError(f"AWS did not accept the restore to {self.plan.candidate}; {UNTOUCHED}")
        return self._find()


def declare_acceptance(
    creation: Creation, parent: pulumi.Resource, depends_on: Sequence[pulumi.Resource] = ()
) -> list[pulumi.Stash]:
    """Returns what is created once AWS has accepted the restore, and not before: applications stop after it.

    `depends_on`: what the candidate is made of or with, which can take hours.
    """
    return [declare_step(ACCEPTED, creation.plan, creation.await_acceptance, parent, depends_on)]


def waits_for_freeze(plan: Plan) -> bool:
    """Tells whether the candidate is still to be made, and of a moment that only the freeze will fix."""
    return plan.point.latest and plan.candidate_found is None


def describe_creation(instance: Instance) -> str:
    """Returns one line: what RDS does with the instance, and how to go on where that takes long and needn't be waited
    for."""
    if instance.status != BACKING_UP:
        return f"{instance.identifier} is {instance.status}"
    return (
        f"{instance.identifier} is backing-up: it answers, but the AWS plugin waits for the end of its first backup, "
        "which can take hours (terraform-provider-aws issue 44104). To go on now: press Ctrl-C once, then: pulumi up "
        f"(it adopts {instance.identifier}; the backup goes on, and nothing is lost)"
    )


def watch_creation(hooks: pulumi.ResourceHookBinding, creation: Creation) -> pulumi.ResourceHookBinding:
    """Returns the candidate's hooks, and those by which its creation is known to begin, end or fail."""
    name = creation.plan.candidate

    async def begin(_args: pulumi.ResourceHookArgs) -> None:
        creation.begin()

    async def end(_args: pulumi.ResourceHookArgs) -> None:
        creation.end()

    def fail(_args: pulumi.ErrorHookArgs) -> bool:
        creation.refuse()
        return False  # not again

    options = pulumi.ResourceHookOptions(ignore_errors=True)
    return pulumi.ResourceHookBinding(
        before_create=[*(hooks.before_create or []), pulumi.ResourceHook(f"watch-{name}-begins", begin, options)],
        after_create=[*(hooks.after_create or []), pulumi.ResourceHook(f"watch-{name}-ends", end, options)],
        before_delete=hooks.before_delete,
        on_error=[pulumi.ErrorHook(f"watch-{name}-fails", fail)],
    )
