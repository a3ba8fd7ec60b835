"""Which identifiers RDS accepts, and how this program makes its own from them.

Source: the API reference of RestoreDBInstanceFromDBSnapshot and CreateDBSnapshot. RDS stores them in lower case.
"""

from __future__ import annotations

import hashlib
import re

MAX_ID = 30
MAX_INSTANCE = 63
MAX_SNAPSHOT = 255
MAX_TAG_VALUE = 256

_NAME = re.compile(r"[a-z](?:-?[a-z0-9])*", re.ASCII)
_SNAPSHOT = re.compile(r"(?:rds:|awsbackup:)?[a-zA-Z](?:-?[a-zA-Z0-9])*", re.ASCII)
_NO_TAG = re.compile(r"[^\w .:/=+@-]")
_SNAPSHOT_ARN = re.compile(r"arn:aws[a-z-]*:rds:[a-z0-9-]+:\d{12}:snapshot:(?P<name>\S+)", re.ASCII)


def find_id_fault(text: str) -> str | None:
    """Returns what is wrong with the id of a restore, or None."""
    return _find_name_fault(text, MAX_ID)


def find_instance_fault(text: str) -> str | None:
    """Returns what is wrong with the identifier of a DB instance, or None."""
    return _find_name_fault(text, MAX_INSTANCE)


def find_snapshot_fault(text: str) -> str | None:
    """Returns what is wrong with the identifier or ARN of a DB snapshot, or None."""
    arn = _SNAPSHOT_ARN.fullmatch(text)
    name = arn["name"] if arn else text
    if len(name) > MAX_SNAPSHOT:
        return f"{len(name)} characters"
    if len(f"snapshot:{text}") > MAX_TAG_VALUE:
        return f"{len(text)} characters, too long for the tag that records it ({MAX_TAG_VALUE} with its prefix)"
    if not _SNAPSHOT.fullmatch(name):
        return "not an identifier of a snapshot"
    return None


def find_dump_fault(key: str) -> str | None:
    """Returns what is wrong with the S3 key of a dump, or None: the candidate's tag must be able to hold it.

    Source: API reference of CreateDBInstance, "Tag": letters, numbers, space and _.:/=+@- .
    """
    if key.startswith("s3://"):
        return "a URL: the bucket is set in `backups`"
    if len(f"dump:{key}") > MAX_TAG_VALUE:
        return f"{len(key)} characters, too long for the tag that records it ({MAX_TAG_VALUE} with its prefix)"
    odd = "".join(sorted(set(_NO_TAG.findall(key))))
    return f"{odd!r} in it, which the tag that records it can't hold: copy the object to a plain key" if odd else None


def _find_name_fault(text: str, longest: int) -> str | None:
    if len(text) > longest:
        return f"{len(text)} characters"
    if text != text.lower():
        return "capital letters"
    if not text[:1].isalpha():
        return "doesn't begin with a letter"
    if text.endswith("-") or "--" in text:
        return "a double or trailing hyphen"
    if not _NAME.fullmatch(text):
        return "characters other than a-z, 0-9 and hyphen"
    return None


def name_candidate(source: str, restore_id: str) -> str:
    """Returns the identifier of the instance that a restore makes."""
    return f"{source}-{restore_id}"


def name_aside(source: str, restore_id: str) -> str:
    """Returns the identifier of the source while a restored instance has its own."""
    return f"{source}-before-{restore_id}"


def name_safety_snapshot(source: str, restore_id: str) -> str:
    """Returns the identifier of the snapshot of the source taken once it is quiet."""
    return f"{source}-{restore_id}-safety"


def name_snapshot_copy(source: str, restore_id: str) -> str:
    """Returns the identifier of the copy of a snapshot that can't be restored as it is."""
    return f"{source}-{restore_id}-copy"


def read_region(arn: str) -> str:
    """Returns the region that an ARN names; empty for what is no ARN (AWS General Reference, "Amazon Resource Names":
    arn:partition:service:region:account:resource)."""
    parts = arn.split(":", 5)
    return parts[3] if len(parts) == len(("arn", "partition", "service", "region", "account", "resource")) else ""


def name_final_snapshot(candidate_name: str, stack: str) -> str:
    """Returns the identifier of the snapshot that a deletion of the candidate would take; the same in every run."""
    digest = hashlib.sha256(f"{stack}/{candidate_name}".encode()).hexdigest()[:8]
    return f"{candidate_name}-final-{digest}"
