"""When the long work of AWS began and ended, for the evidence: gates record their own times, resources don't.

Both moments are recorded as they come, so that a run that is killed in between still shows when the work began.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pulumi

Record = Callable[[str, Mapping[str, Any]], object]
"""Writes a record of a step; raises RestoreError when it can't."""


def make_timing_hooks(step: str, subject: str, record: Record) -> tuple[pulumi.ResourceHook, pulumi.ResourceHook]:
    """Returns the hooks before and after the creation of one resource.

    `step` is the name under which the report shows it, `subject` its identifier in AWS. Their own failure is a
    warning: a missing time never stops a restore.
    """
    began: str | None = None

    async def write(ended: str | None) -> None:
        await asyncio.to_thread(record, step, {"subject": subject, "began": began, "ended": ended})

    async def begin(_args: pulumi.ResourceHookArgs) -> None:
        nonlocal began
        began = datetime.now(UTC).isoformat()
        await write(None)

    async def end(_args: pulumi.ResourceHookArgs) -> None:
        await write(datetime.now(UTC).isoformat())

    options = pulumi.ResourceHookOptions(ignore_errors=True)
    return pulumi.ResourceHook(f"{step}-begins", begin, options), pulumi.ResourceHook(f"{step}-ends", end, options)
