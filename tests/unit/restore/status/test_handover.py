"""Who takes over at 4 a.m. reads five lines, and they are true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from restore.evidence.current_run import SILENT_AFTER, CurrentRun
from restore.model.inventory import Inventory
from restore.model.request import Settings, Traffic
from restore.status.build import build
from restore.status.handover import describe_handover
from restore.status.model import Found
from restore.status.places import link_console
from tests.support import report_records as records_of
from tests.support import worlds as w


def told(
    settings: Settings,
    inventory: Inventory | None,
    gates: Mapping[str, bool] | None = None,
    run: CurrentRun | None = None,
) -> dict[str, str]:
    records: list[Mapping[str, Any]] = [{"step": "run"}]
    records += [attempt(name, is_open=is_open) for name, is_open in (gates or {}).items()]
    status = build(Found("org/app/prod", w.NOW, settings, inventory, records, run))
    lines = describe_handover(status, w.NOW)
    assert [line.partition(": ")[0] for line in lines] == ["Serves", "Where", "Safe", "Next", "More"]
    assert all("\n" not in line and w.PASSWORD not in line for line in lines)
    return {line.partition(": ")[0]: line.partition(": ")[2] for line in lines}


def attempt(gate: str, *, is_open: bool) -> Mapping[str, Any]:
    return records_of.gate(gate, 10, 20, "PASS" if is_open else "FAIL", facts={"resource_id": OF_GATE.get(gate)})


OF_GATE = {"quiesced": "db-SOURCE", "validated": "db-CANDIDATE", "serving": "db-CANDIDATE"}
CASES: dict[str, tuple[Settings, Inventory, dict[str, bool], str, str]] = {
    "nothing goes on": (
        w.settings(None), w.inventory(), {}, "shop is configured as source: available", "nothing to do",
    ),
    "an open restore without its configuration": (
        w.settings(None), w.inventory(open_restores=(w.candidate(),)), {}, "shop", "python -m restore close",
    ),
    "frozen, not validated": (
        w.settings(w.asked(traffic=Traffic.FROZEN)), w.restored(cluster=w.FROZEN), {"quiesced": True},
        "nobody: the applications are stopped", "pulumi up (until gate validated",
    ),
    "frozen and validated": (
        w.settings(w.asked(traffic=Traffic.FROZEN)), w.restored(cluster=w.FROZEN), {"validated": True},
        "nobody", "pulumi config set traffic restored; pulumi up",
    ),
    "a gate is shut": (
        w.settings(w.asked(traffic=Traffic.FROZEN)), w.restored(cluster=w.FROZEN), {"validated": False},
        "nobody", "gate validated is shut: python -m restore report",
    ),
    "a move that isn't done": (
        w.settings(w.asked(traffic=Traffic.RESTORED)), w.restored(cluster=w.FROZEN), {"validated": True},
        "nobody", "pulumi up",
    ),
    "switched": (
        w.settings(w.asked(traffic=Traffic.RESTORED)), w.restored(cluster=w.SWITCHED), {"serving": True},
        "the restored database, shop-inc-1 (db-CANDIDATE, available)", "python -m restore close (or back",
    ),
    "a rehearsal": (
        w.settings(w.asked(traffic=Traffic.SOURCE)), w.restored(), {"validated": True},
        "the source, shop (db-SOURCE, available)", "pulumi config set traffic frozen",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_who_takes_over_knows_who_serves_and_what_is_next(name: str) -> None:
    settings, inventory, gates, serves, following = CASES[name]
    lines = told(settings, inventory, gates)
    assert serves in lines["Serves"]
    assert following in lines["Next"]
    assert "python -m restore --stack org/app/prod status" in lines["More"]


def running(**changes: Any) -> CurrentRun:
    return replace(CurrentRun("t", "inc-1", "frozen", "ada", "laptop", "arn:ada", 42, w.NOW, w.NOW), **changes)


def test_who_takes_over_from_somebody_who_still_runs_it_is_told_to_wait() -> None:
    settings, inventory = w.settings(w.asked(traffic=Traffic.FROZEN)), w.restored(cluster=w.FROZEN)
    lines = told(settings, inventory, run=running())
    assert "ada@laptop" in lines["Where"]
    assert lines["Next"].startswith("wait for the run of ada@laptop")
    killed = told(settings, inventory, run=running(beat=w.NOW - SILENT_AFTER * 2))
    assert "was killed" in killed["Where"]
    assert killed["Next"].startswith("pulumi cancel")


def test_who_takes_over_where_two_must_agree_is_told_to_ask_a_second_person() -> None:
    settings = w.settings(w.asked(traffic=Traffic.FROZEN), approvals=2)
    lines = told(settings, w.restored(cluster=w.FROZEN), {"quiesced": True, "validated": True})
    assert lines["Next"].startswith("python -m restore approve (a second person); pulumi config set traffic restored")


def test_who_takes_over_while_aws_is_silent_gets_five_lines_too() -> None:
    lines = told(w.settings(w.asked(traffic=Traffic.FROZEN)), None)
    assert lines["Serves"].startswith("not known")


def test_a_source_that_is_gone_is_said_and_no_error() -> None:
    settings = w.settings(w.asked(traffic=Traffic.FROZEN))
    assert "the source is gone" in told(settings, replace(w.restored(cluster=w.FROZEN), source=None))["Safe"]
    assert "shop does not exist" in told(w.settings(None), w.inventory(source=None))["Safe"]


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "us-east-1.console.aws.amazon.com"),
        ("us-gov-west-1", "console.amazonaws-us-gov.com"),
        ("cn-north-1", "console.amazonaws.cn"),
    ],
)
def test_the_link_leads_to_the_console_of_the_regions_partition(region: str, host: str) -> None:
    expected = f"https://{host}/rds/home?region={region}#database:id=shop;is-cluster=false"
    assert link_console(region, "shop") == expected
