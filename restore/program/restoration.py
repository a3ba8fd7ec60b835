"""The candidate as this program has RDS restore it, for the AWS plugin to take over once it is there.

The plugin's own restore waits for the first backup of the new instance, which can take hours
(hashicorp/terraform-provider-aws issue 44104), and passes the parameter that avoids it on for none of its restores. So
a Stash asks RDS (`accepted-<id>`), another one waits until the database answers (`created-<id>`), and the plugin
imports it. The fresh instance of method dump is the plugin's from the beginning (restore/program/creation.py).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import pulumi

from restore.errors import GateClosed, RestoreError
from restore.gates.hook import Running
from restore.model.planned import Plan
from restore.model.rds import Instance
from restore.model.rds_status import USABLE
from restore.polling import wait_for
from restore.program.timing_hooks import Record

ACCEPTANCE_SECONDS = 900.0
"""RDS answers a restore within seconds, and lists the instance then."""
RESTORE_SECONDS = 24 * 3600.0
LONGEST_PAUSE = 5.0
UNTOUCHED = "no application was stopped"
ACCEPTED = "accepted"

FindInstance = Callable[[], Instance | None]
"""Reads the candidate by name and tags; None while there is none. Raises RestoreError when RDS can't be asked."""


class AskRestore(Protocol):
    """Has RDS restore the candidate, unless it is there; None until RDS lists it. Raises RestoreError."""

    def __call__(self) -> Instance | None: ...


@dataclass(frozen=True)
class Rds:
    """What RDS is asked."""

    ask: AskRestore
    wait_until: Callable[..., Instance]
    """As restore.aws.Rds.wait_until."""


class Restoration:
    """One restore in this run. What it does is done again by a run after a kill, and finds what is there."""

    def __init__(self, plan: Plan, rds: Rds, running: Running, say: Callable[[str], None], record: Record) -> None:
        self.plan, self._rds, self._running, self._say, self._record = plan, rds, running, say, record
        self.resource_id = plan.adopt
        """DbiResourceId of the candidate; None until RDS has accepted the restore."""
        self._began = read_beginning(plan.candidate_found)
        self._said = ""

    def ask(self, seconds: float = ACCEPTANCE_SECONDS) -> str | None:
        """Asks RDS for the candidate, for at most so many seconds until it lists it; returns why there is none, or
        None. One that has served, and is gone, is made again by nobody: what was written to it is in no recovery point,
        and the way back doesn't wait for it."""
        if self.plan.candidate_found or self.plan.switched_before:
            return None
        self._began = datetime.now(UTC).isoformat()
        self._write(None)
        try:
            with self._running:
                instance = wait_for(
                    self._rds.ask,
                    lambda instance: instance is not None,
                    stop=self._running.stop,
                    deadline=time.monotonic() + seconds,
                    subject=f"RDS to list {self.plan.candidate}",
                    describe=lambda _: "no such instance yet",
                    fix="pulumi up",
                    say=self._say,
                    longest=2.0,
                )
        except RestoreError as error:
            touched = "" if self.plan.point.latest else f"; {UNTOUCHED}"
            return f"AWS did not accept the restore to {self.plan.candidate}{touched}\n{describe(error)}"
        self.resource_id = instance.resource_id if instance else None
        return None

    def wait(self, seconds: float = RESTORE_SECONDS) -> str | None:
        """Waits until the candidate answers under an address, for at most so many seconds; returns why it doesn't, or
        None."""
        if self.resource_id is None or self.plan.switched_before:
            return None
        try:
            with self._running:
                self._rds.wait_until(
                    self.resource_id,
                    self._is_answering,
                    stop=self._running.stop,
                    deadline=time.monotonic() + seconds,
                    subject=f"RDS to restore {self.plan.candidate} (`pulumi up` again goes on waiting)",
                    say=self._say,
                    longest=LONGEST_PAUSE,
                )
        except RestoreError as error:
            return describe(error)
        if self._began:
            self._write(datetime.now(UTC).isoformat())
        return None

    def _is_answering(self, instance: Instance) -> bool:
        if instance.status != self._said:
            self._said = instance.status
            self._say(f"{instance.identifier} is {instance.status}")
        return instance.status in USABLE and instance.endpoint is not None

    def _write(self, ended: str | None) -> None:
        """Records when RDS began and ended; a time that is missing never stops a restore."""
        try:
            self._record("candidate", {"subject": self.plan.candidate, "began": self._began, "ended": ended})
        except RestoreError as error:
            self._say(f"the times of the restore are not in the evidence: {describe(error)}")


def read_beginning(instance: Instance | None) -> str | None:
    """Returns since when RDS has been making an instance that an earlier run asked for; None where it makes none."""
    if instance is None or instance.status in USABLE or instance.created is None:
        return None
    return instance.created.isoformat()


def describe(error: RestoreError) -> str:
    return str(error) or type(error).__name__


async def run_step(step: Callable[[], str | None]) -> None:
    """Runs a hook's work in a thread; raises GateClosed, with a text, for whatever it ends with but success: an error
    without a text would count as success, and SystemExit would hang the engine (docs/architecture.md, "What the engine
    does")."""
    try:
        error = await asyncio.to_thread(step)
    except RestoreError as failure:
        raise GateClosed(describe(failure)) from failure
    except BaseException as failure:
        raise GateClosed(f"{type(failure).__name__}: {failure}".rstrip(": ")) from failure
    if error is not None:
        raise GateClosed(error or "it failed without a word")


def declare_restoration(
    restoration: Restoration, parent: pulumi.Resource, depends_on: Sequence[pulumi.Resource]
) -> tuple[pulumi.Stash, pulumi.Stash]:
    """Returns what is there once AWS has accepted the restore, and what is there once the candidate answers.

    Of a candidate that was made before and that somebody deleted, both are in the state: then RDS isn't asked, for the
    state may have the instance, too. The plugin makes it again once a refresh has taken it out of the state.
    """
    accepted = declare_step(ACCEPTED, restoration.plan, restoration.ask, parent, depends_on)
    return accepted, declare_step("created", restoration.plan, restoration.wait, parent, [accepted])


def declare_step(
    name: str,
    plan: Plan,
    step: Callable[[], str | None],
    parent: pulumi.Resource,
    depends_on: Sequence[pulumi.Resource],
) -> pulumi.Stash:
    """Returns what is there once a step of making the candidate is done; the step returns why it isn't, or None."""

    async def run(_args: pulumi.ResourceHookArgs) -> None:
        await run_step(step)

    hook = pulumi.ResourceHook(f"restore-{name}", run)
    hooks = pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook])
    return pulumi.Stash(
        f"{name}-{plan.id}",
        input={"candidate": plan.candidate, "point": plan.point.tag},
        opts=pulumi.ResourceOptions(parent=parent, depends_on=depends_on, hooks=hooks),
    )
