"""The durable record of a restore: one JSON document for each step, in a directory or below an S3 prefix.

docs/evidence.md has their schema; restore/report makes the page of them.
"""

from restore.evidence.store import SCHEMA, Store

__all__ = ["SCHEMA", "Store"]
