"""The words of a validation: verdicts, results and the report that is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType


class Verdict(StrEnum):
    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


class Severity(StrEnum):
    """Whether a result decides the verdict of the report (BLOCKING) or is only shown (ADVISORY)."""

    BLOCKING = "blocking"
    ADVISORY = "advisory"


Example = Mapping[str, str | None]
"""The key of a row to look at: column names and their values as text, never the whole row."""


@dataclass(frozen=True)
class CheckResult:
    """What one check found.

    `name` is `family` or `family:subject`; `query` is complete and can be pasted into psql;
    `seconds` is the time its queries took in the servers, as seen from here.
    """

    name: str
    verdict: Verdict
    found: str
    needed: str
    fix: str = ""
    query: str = ""
    examples: tuple[Example, ...] = ()
    seconds: float = 0.0
    severity: Severity = Severity.BLOCKING

    @property
    def family(self) -> str:
        return self.name.partition(":")[0]


def waiver(result: CheckResult, waivers: Mapping[str, str]) -> str | None:
    """The reason of {check name or family: reason} for which a result that is no pass is let through, or None."""
    if result.verdict is Verdict.PASS:
        return None
    return waivers.get(result.name) or waivers.get(result.family)


def _no_counts() -> Mapping[str, int]:
    return MappingProxyType({})


def _no_waivers() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Report:
    """The results of one run, in an order that is the same for the same database and expectations.

    `baseline` is when the baseline was taken that the target was held against. `waivers` are those given, {check
    name or family: reason}; `not_declared` are the families of checks for which the expectations say nothing;
    `counts` are the rows per table that were read on the candidate.
    """

    results: tuple[CheckResult, ...]
    target: str
    source: str | None = None
    restore_point: datetime | None = None
    baseline: datetime | None = None
    started: datetime | None = None
    seconds: float = 0.0
    waivers: Mapping[str, str] = field(default_factory=_no_waivers)
    not_declared: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=_no_counts)

    def waiver(self, result: CheckResult) -> str | None:
        """The reason for which a result that is no pass is let through, or None."""
        return waiver(result, self.waivers)

    @property
    def unused_waivers(self) -> tuple[str, ...]:
        used = {name for r in self.results if self.waiver(r) for name in (r.name, r.family)}
        return tuple(name for name in self.waivers if name not in used)

    @property
    def proved(self) -> bool:
        """Whether anything at all was read from the data: no waiver replaces that."""
        return any(r.family == "rows" and r.verdict is Verdict.PASS for r in self.results) and bool(
            sum(self.counts.values())
        )

    @property
    def verdict(self) -> Verdict:
        deciding = {r.verdict for r in self.results if r.severity is Severity.BLOCKING and not self.waiver(r)}
        if Verdict.FAIL in deciding:
            return Verdict.FAIL
        if Verdict.INCONCLUSIVE in deciding or not self.proved:
            return Verdict.INCONCLUSIVE
        return Verdict.PASS
