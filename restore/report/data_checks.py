"""The checks of the data, from the validation in the gate `validated`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from restore.report.untrusted import Record, block, mapping, number, records, seconds, text
from restore.units import measured

SLOW = 5
NOTABLE = ("FAIL", "INCONCLUSIVE", "waived", "advisory")
"""What is shown in full, in this order."""


@dataclass(frozen=True)
class Check:
    """One check of the data. `state` is PASS, FAIL, INCONCLUSIVE, waived or advisory; `as_in` says where else all that
    it found wrong is wrong in the same places, which makes it advisory."""

    name: str
    state: str
    found: str
    needed: str
    fix: str
    query: str
    rows: str
    waived: str
    seconds: str
    as_in: str = ""


@dataclass(frozen=True)
class Checks:
    """The newest validation: what is no pass first, then what passed."""

    summary: str
    notable: tuple[Check, ...]
    passed: tuple[Check, ...]
    slowest: tuple[Check, ...]
    not_declared: str


def read(report: Record) -> Checks | None:
    """None where no validation was made."""
    results = records(report.get("results"))
    if not report:
        return None
    made = [check(one) for one in results]
    notable = sorted((one for one in made if one.state in NOTABLE), key=lambda one: NOTABLE.index(one.state))
    passed = tuple(one for one in made if one.state == "PASS")
    counts = mapping(report.get("counts"))
    read = sum(number(rows) for rows in counts.values())
    slow = sorted(zip(made, results, strict=True), key=lambda pair: seconds(pair[1].get("seconds")), reverse=True)
    known = Counter(one.as_in for one in made if one.as_in)
    told = "".join(f", {count} as in {where}" for where, count in known.items())
    return Checks(
        summary=f"{len(passed)} of {len(made)} checks pass{told}; {read:,} rows in {len(counts)} tables read in "
        f"{measured(timedelta(seconds=seconds(report.get('seconds'))))}",
        notable=tuple(notable),
        passed=passed,
        slowest=tuple(one for one, _ in slow[:SLOW]),
        not_declared=text(report.get("not_declared")),
    )


def check(result: Record) -> Check:
    verdict = text(result.get("verdict"))
    waived = text(result.get("waived"))
    state = verdict
    if verdict != "PASS":
        state = "waived" if waived else "advisory" if text(result.get("severity")) == "advisory" else verdict
    return Check(
        name=text(result.get("name")),
        state=state,
        found=text(result.get("found")),
        needed=text(result.get("needed")),
        fix=text(result.get("fix")),
        query=block(result.get("query")),
        rows="; ".join(text(one) for one in records(result.get("examples"))),
        waived=waived,
        seconds=f"{seconds(result.get('seconds')):.2f}",
        as_in=text(result.get("as_in")),
    )
