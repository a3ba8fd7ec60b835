"""What a proof came to, how much it weighs, and how much of the data it read."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What a proof came to; INCONCLUSIVE where it could not be had, which opens no gate."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


class Severity(StrEnum):
    """Whether a result decides the verdict of the report (BLOCKING) or is only shown (ADVISORY)."""

    BLOCKING = "blocking"
    ADVISORY = "advisory"


class Depth(StrEnum):
    """How much of the rows is read: all (FULL), or of large tables a sample of their blocks (SAMPLE)."""

    FULL = "full"
    SAMPLE = "sample"
