"""Records of a restore as the program writes them, with times in seconds after the incident was noticed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from restore.report import document, view_model

Records = Sequence[Mapping[str, Any]]
START = datetime(2026, 11, 22, 14, 40, tzinfo=UTC)
GATES = {
    "frozen": ["quiesced", "conformed", "validated"],
    "restored": ["conformed", "validated", "switched", "serving"],
    "source": ["switched", "serving"],
}
EVIL = "<script>alert(1)</script><img src=http://evil.example/x onerror=x>\x1b[2J\u202e'\"&{{7*7}}[bold]"


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat()


def record(step: str, seconds: float, content: Mapping[str, Any]) -> dict[str, Any]:
    base = {"schema": 1, "stack": "prod", "id": "inc-1", "step": step, "written": at(seconds)}
    return {**base, **content}


def run(seconds: float, traffic: str = "frozen", **changes: Any) -> dict[str, Any]:
    """The record of one `pulumi up`."""
    plan = {
        "traffic": traffic,
        "found_traffic": "source",
        "gates": GATES[traffic],
        "method": "pitr",
        "recovery_point": "pitr:2026-11-22T14:30:00Z",
        "data_of": "2026-11-22T14:30:00+00:00",
        "source": "shop",
        "source_resource_id": "db-SOURCE",
        "candidate": "shop-inc-1",
        "engine_version": "17.10",
        "safety_snapshot": "shop-inc-1-safety",
        "replicas": {"api": 0},
        "notes": ["a switch loses: what was written after 2026-11-22T14:30:00Z"],
        **changes.pop("plan", {}),
    }
    content = {
        "began": at(seconds),
        "operator": {"user": "alice", "host": "laptop", "aws": "arn:aws:sts::1:assumed-role/oncall/alice"},
        "versions": {"program": "0123456789ab", "python": "3.11.7"},
        "incident": "PD-5678",
        "config": {"restore:id": "inc-1", "restore:traffic": traffic},
        "waive": {},
        "plan": plan,
        **changes,
    }
    return record("run", seconds, content)


def gate(name: str, began: float, ended: float, verdict: str = "PASS", **changes: Any) -> dict[str, Any]:
    """One attempt of a gate; open when it passed."""
    content: dict[str, Any] = {
        "gate": name,
        "verdict": verdict,
        "open": verdict == "PASS",
        "summary": f"{name} was looked at",
        "began": at(began),
        "ended": at(ended),
        "facts": {},
        "problems": [],
        "waived": {},
        "error": None if verdict == "PASS" else f"gate {name} is {verdict}",
        **changes,
    }
    return record(name, ended, content)


def phase(name: str, began: float, ended: float | None) -> dict[str, Any]:
    content = {"subject": "shop-inc-1", "began": at(began), "ended": None if ended is None else at(ended)}
    return record(name, began if ended is None else ended, content)


def problem(subject: str, found: str = "9 rows") -> dict[str, str]:
    return {"subject": subject, "found": found, "needed": "at least 10", "fix": "choose another point"}


def check(name: str, verdict: str = "PASS", **changes: Any) -> dict[str, Any]:
    base = {"name": name, "verdict": verdict, "severity": "blocking", "waived": None, "found": "10 rows"}
    more: dict[str, Any] = {
        "needed": "at least 10",
        "fix": "",
        "query": "select 1\nfrom t",
        "examples": [],
        "seconds": 0.25,
    }
    return {**base, **more, **changes}


def report(*checks: Mapping[str, Any]) -> dict[str, Any]:
    header = {"proved": True, "target": "shop on candidate:5432", "source": None, "started": at(0), "seconds": 1.5}
    when = {"restore_point": "2026-11-22T14:30:00Z", "baseline": None}
    return {"verdict": "PASS", **header, **when, "counts": {"t": 10}, "not_declared": [], "results": list(checks)}


def loss(**tables: tuple[int, int, int]) -> dict[str, Any]:
    """Of rows lost, brought back and differing by table."""

    def part(rows: int) -> dict[str, Any]:
        sample = {"oldest": "2026-11-22T14:31:00Z", "newest": "2026-11-22T14:39:00Z", "examples": [{"id": "7"}]}
        return {"rows": rows, **(sample if rows else {"oldest": None, "newest": None, "examples": []})}

    def table(name: str, counts: tuple[int, int, int]) -> dict[str, Any]:
        parts = dict(zip(("lost", "brought_back", "differing"), map(part, counts), strict=True))
        status = "different" if any(counts) else "equal"
        sample: dict[str, Any] = {"precision": "exact", "source_rows": 100, "candidate_rows": 100, "notes": []}
        return {"table": name, "status": status, **sample, **parts}

    return {
        "status": "different",
        "headline": "a switch loses 3 rows",
        "tables": [table(*row) for row in tables.items()],
    }


FROZEN = (
    run(0),
    phase("candidate", 5, None),
    gate("quiesced", 10, 40, facts={"quiet_since": at(35), "endpoint": "source:5432"}),
    phase("safety-snapshot", 40, None),
    phase("candidate", 5, 605),
    gate("conformed", 605, 610, facts={"endpoint": "candidate:5432"}),
    phase("safety-snapshot", 40, 300),
    gate("validated", 610, 700, facts={"report": report(check("rows:t")), "loss": loss(t=(3, 200, 0), u=(0, 0, 0))}),
)
RESTORED = (
    *FROZEN,
    run(1000, "restored", plan={"found_traffic": "frozen", "replicas": {"api": 3}}),
    gate("switched", 1010, 1020),
    gate("serving", 1030, 1060),
)
BACK = (
    *RESTORED,
    run(2000, "frozen", plan={"found_traffic": "restored"}),
    gate("quiesced", 2010, 2020, facts={"quiet_since": at(2015), "endpoint": "candidate:5432"}),
    run(2100, "source", plan={"found_traffic": "frozen", "replicas": {"api": 3}}),
    gate("switched", 2110, 2120),
    gate("serving", 2130, 2140),
)
SHUT = (
    *FROZEN[:-1],
    gate(
        "validated",
        610,
        700,
        "FAIL",
        problems=[problem("validated.rows:t", EVIL), problem("validated.rows:u")],
        waived={"validated.rows:u": "known since Monday"},
        facts={"report": report(check("rows:t", "FAIL", found=EVIL, examples=[{EVIL: EVIL}]), check("rows:v"))},
    ),
)


def assembled(records: Records) -> dict[str, Any]:
    return document.assemble("prod", "inc-1", records)


def shown(records: Records) -> view_model.ReportView:
    return view_model.build(assembled(records))
