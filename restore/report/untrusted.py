"""Reads records without trusting them: what is missing or of another type is empty, never an exception."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any, cast

EvidenceRecord = Mapping[str, Any]
EMPTY: EvidenceRecord = {}


def parse_mapping(value: object) -> EvidenceRecord:
    """Returns the value if it is a mapping, otherwise an empty one."""
    return cast("EvidenceRecord", value) if isinstance(value, Mapping) else EMPTY


def parse_records(value: object) -> tuple[EvidenceRecord, ...]:
    """Returns the mappings in a list; everything else in it is left out."""
    return tuple(parse_mapping(item) for item in parse_items(value) if parse_mapping(item))


def parse_items(value: object) -> Sequence[object]:
    """Returns the value if it is a list, otherwise an empty one."""
    return cast("Sequence[object]", value) if isinstance(value, list | tuple) else ()


def format_text(value: object) -> str:
    """Returns the value in one line for people: nothing for None, yes and no, lists with commas, and no control
    characters."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(format_text(item) for item in parse_items(cast("object", value)))
    if isinstance(value, Mapping):
        return ", ".join(
            f"{format_text(key)}={format_text(item)}" for key, item in parse_mapping(cast("object", value)).items()
        )
    return escape_controls(str(value))


def escape_controls(value: str) -> str:
    """Returns the text with control characters, and those that turn the direction of text, as escapes: they could fake
    what is shown."""
    return "".join(c if c.isprintable() else " " if c in "\n\t" else f"\\x{ord(c):02x}" for c in value)


def format_block(value: object) -> str:
    """Returns what `format_text` returns, with its lines kept."""
    return "\n".join(escape_controls(line) for line in str(value).splitlines()) if isinstance(value, str) else ""


def format_texts(value: object) -> dict[str, str]:
    """Returns a mapping's names and values as texts."""
    return {format_text(key): format_text(item) for key, item in parse_mapping(value).items()}


def parse_number(value: object) -> int:
    """Returns a count; 0 for what is none."""
    return int(parse_seconds(value))


def parse_seconds(value: object) -> float:
    """Returns a finite number; 0.0 for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return 0.0
    return float(value)


def parse_moment(value: object) -> datetime | None:
    """Returns a time in UTC, None for anything else."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return time.astimezone(UTC) if time and time.tzinfo else None


def select_steps(evidence: Sequence[EvidenceRecord], *steps: str) -> Iterator[EvidenceRecord]:
    """Returns the records of these steps, in their order."""
    return (record for record in evidence if record.get("step") in steps)


def list_attempts(evidence: Sequence[EvidenceRecord]) -> tuple[EvidenceRecord, ...]:
    """Returns the gates' attempts, in the order in which they ended."""
    return tuple(record for record in evidence if "gate" in record)
