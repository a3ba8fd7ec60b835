"""The durable record of the gates: JSON documents in a directory or below an S3 prefix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from restore.aws import Aws

SCHEMA = 1


class Store:
    """Evidence of restores: `<stack>/<id>/<UTC time>-<gate>.json`; nothing is overwritten."""

    @classmethod
    def open(cls, location: str, aws: Aws | None = None) -> Store:
        """A directory, or s3://bucket/prefix (needs `aws`). No I/O."""
        raise NotImplementedError

    def write(self, stack: str, restore_id: str, gate: str, document: Mapping[str, Any]) -> str:
        """Write one record; returns where. Adds schema, stack, id, gate, written (UTC).

        Raises PermanentError when the document holds a known secret (names its path, not its value), or the store
        can't be written to.
        """
        raise NotImplementedError

    def read_all(self, stack: str, restore_id: str) -> tuple[Mapping[str, Any], ...]:
        """All records of a restore, oldest first; empty for none."""
        raise NotImplementedError

    def latest(self, stack: str, restore_id: str, gate: str) -> Mapping[str, Any] | None:
        """The newest record of a gate."""
        raise NotImplementedError
