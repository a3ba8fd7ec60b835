"""The one JSON document of a restore: its records, and the verdict that they prove. docs/evidence.md has the schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from restore.report.verdict import judge

SCHEMA = 1


def assemble(stack: str, restore_id: str, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Makes the document of all records, oldest first. The same records make the same document."""
    judgement = judge(records)
    return {
        "schema": SCHEMA,
        "stack": stack,
        "id": restore_id,
        "updated": records[-1].get("written") if records else None,
        "verdict": str(judgement.verdict),
        "headline": judgement.headline,
        "records": [dict(record) for record in records],
    }
