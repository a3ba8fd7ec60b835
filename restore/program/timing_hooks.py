"""When the long work of AWS began and ended, for the evidence: gates tell their own times, resources don't.

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


class Phase:
    """The creation of one resource, by the name under which the report shows it."""

    def __init__(self, name: str, subject: str, record: Record):
        self._name, self._subject, self._record = name, subject, record
        self._began: datetime | None = None

    def hooks(self, *before_delete: pulumi.ResourceHook) -> pulumi.ResourceHookBinding:
        """Besides the given ones. Their own failure is a warning: a missing time never stops a restore."""
        options = pulumi.ResourceHookOptions(ignore_errors=True)
        return pulumi.ResourceHookBinding(
            before_create=[pulumi.ResourceHook(f"{self._name}-begins", self._begins, options)],
            after_create=[pulumi.ResourceHook(f"{self._name}-ends", self._ends, options)],
            before_delete=list(before_delete),
        )

    async def _begins(self, _args: pulumi.ResourceHookArgs) -> None:
        self._began = datetime.now(UTC)
        await self._write(None)

    async def _ends(self, _args: pulumi.ResourceHookArgs) -> None:
        await self._write(datetime.now(UTC))

    async def _write(self, ended: datetime | None) -> None:
        document = {
            "subject": self._subject,
            "began": self._began.isoformat() if self._began else None,
            "ended": ended.isoformat() if ended else None,
        }
        await asyncio.to_thread(self._record, self._name, document)


def unrecorded(_step: str, _document: Mapping[str, Any]) -> None:
    """For a graph that is declared without evidence."""
