"""What a proof came to, and how much it weighs."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


class Severity(StrEnum):
    """Whether a result decides the verdict of the report (BLOCKING) or is only shown (ADVISORY)."""

    BLOCKING = "blocking"
    ADVISORY = "advisory"
