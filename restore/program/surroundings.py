"""What the candidate is made of or with, made before it in its region: the copy of a snapshot, a parameter group."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pulumi
import pulumi_aws as aws

from restore.errors import RestoreError
from restore.gates.hook import Running
from restore.model.planned import Plan
from restore.model.rds import Snapshot
from restore.program.protection import LONG, bind_hooks
from restore.program.timing_hooks import Record

FindSnapshot = Callable[[str], Snapshot | None]
"""Reads a snapshot by its identifier. Raises RestoreError when RDS can't be asked."""
LOOK_EVERY_SECONDS = 5.0


class CopyProgress:
    """Says how far a copy has come, while the AWS plugin waits for its end without a word."""

    def __init__(self, name: str, find: FindSnapshot, running: Running, say: Callable[[str], None]) -> None:
        self.name, self._find, self._running, self._say = name, find, running, say
        self._ended = threading.Event()

    def begin(self) -> None:
        threading.Thread(target=self.watch, name="copy", daemon=True).start()

    def end(self) -> None:
        self._ended.set()

    def watch(self, every: float = LOOK_EVERY_SECONDS) -> None:
        """Says each step, looking every so many seconds, until the copy has ended or the run stops; a look that fails
        disturbs nobody."""
        said = ""
        while not self._ended.wait(every) and not self._running.stop.is_set():
            try:
                snapshot = self._find(self.name)
            except RestoreError:
                continue
            text = describe_copy(snapshot) if snapshot else said
            if text != said:
                said = text
                self._say(text)


def describe_copy(snapshot: Snapshot) -> str:
    done = f", {snapshot.percent} % done" if snapshot.percent is not None else ""
    return f"copy {snapshot.identifier} is {snapshot.status}{done}"


def declare_copy(
    plan: Plan,
    progress: CopyProgress,
    parent: pulumi.Resource,
    depends_on: Sequence[pulumi.Resource],
    record: Record,
) -> list[aws.rds.SnapshotCopy]:
    """Declares the copy in the stack's region, with its key; never deleted by Pulumi. Empty where none is needed."""
    copy = plan.copy
    if copy is None:
        return []
    hooks = bind_hooks("snapshot-copy", copy.name, record)

    async def begin(_args: pulumi.ResourceHookArgs) -> None:
        progress.begin()

    async def end(_args: pulumi.ResourceHookArgs) -> None:
        progress.end()

    def fail(_args: pulumi.ErrorHookArgs) -> bool:
        progress.end()
        return False  # not again

    options = pulumi.ResourceHookOptions(ignore_errors=True)
    made = aws.rds.SnapshotCopy(
        f"copy-{plan.id}",
        source_db_snapshot_identifier=copy.original,
        target_db_snapshot_identifier=copy.name,
        kms_key_id=copy.kms_key_id,
        tags=dict(copy.tags),
        opts=pulumi.ResourceOptions(
            parent=parent,
            protect=True,
            retain_on_delete=True,
            ignore_changes=["sourceDbSnapshotIdentifier", "kmsKeyId", "copyTags", "tags", "optionGroupName"],
            import_=copy.adopt,
            depends_on=depends_on,
            custom_timeouts=LONG,
            hooks=pulumi.ResourceHookBinding(
                before_create=[*(hooks.before_create or []), pulumi.ResourceHook("watch-copy-begins", begin, options)],
                after_create=[*(hooks.after_create or []), pulumi.ResourceHook("watch-copy-ends", end, options)],
                before_delete=hooks.before_delete,
                on_error=[pulumi.ErrorHook("watch-copy-fails", fail)],
            ),
        ),
    )
    return [made]


def declare_parameter_group(plan: Plan, parent: pulumi.Resource) -> list[aws.rds.ParameterGroup]:
    """Declares the parameter group, as the source's was when this restore began. One that is there already is
    imported and left as it is; it outlives this restore. Empty where none is to be made."""
    group = plan.parameter_group
    if group is None:
        return []
    parameters = [
        aws.rds.ParameterGroupParameterArgs(name=name, value=value, apply_method="pending-reboot")
        for name, value in sorted(group.parameters.items())
    ]
    made = aws.rds.ParameterGroup(
        f"parameters-{plan.id}",
        name=group.name,
        family=group.family,
        description="as in the region of the source",
        parameters=parameters,
        tags=dict(group.tags),
        opts=pulumi.ResourceOptions(
            parent=parent,
            retain_on_delete=True,
            ignore_changes=["parameters", "family", "description", "tags", "skipDestroy"],
            import_=group.adopt,
        ),
    )
    return [made]
