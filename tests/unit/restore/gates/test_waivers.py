"""A waiver lets pass what a person knows, for one restore; and never a switch to a database that nobody has read."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from restore import plan as plans
from restore.config.settings import Entries
from restore.errors import Problem, Refused
from restore.evidence import Store
from restore.model import waivers
from restore.model.planned import Plan
from restore.program import run
from tests.support.worlds import NOW, inventory, settings

WAIVING = {"source": "shop-prod-db", "namespace": "shop-prod"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(str(tmp_path))


@pytest.fixture
def wanted() -> Plan:
    return plans.make(settings(), inventory())


@pytest.mark.parametrize(
    "subject", ["quiesced.unreachable", "safety-snapshot", 'validated.rows:public.we"ird', "validated.rows:it's.mine"]
)
def test_the_command_that_a_message_names_sets_the_waiver_of_that_check(subject: str) -> None:
    words = shlex.split(waivers.build_command(subject))
    assert words[:5] == ["pulumi", "config", "set", "--plaintext", "--path"]
    assert words[5].startswith("waive[")
    assert json.loads(words[5].removeprefix("waive").strip("[]")) == subject
    assert Entries(WAIVING | {"waive": {subject: "we know about this"}}, "prod", "us-east-1").read_settings(NOW).waive


def test_a_name_that_the_key_does_not_take_is_waived_by_its_family() -> None:
    assert '"validated.rows"' in waivers.build_command("validated.rows:" + "x" * 300)
    assert '"validated.rows"' in waivers.build_command("validated.rows:a\nb")


@pytest.mark.parametrize("check", sorted(waivers.NEVER))
def test_no_name_waives_that_no_row_was_read(check: str) -> None:
    gate = check.partition(".")[0]
    given = {check: "we know about this", gate: "we know about this"}
    assert waivers.find_reason(check, gate, given) is None
    assert waivers.find_reason(f"{gate}.other", gate, given)
    shown = waivers.add_command(Problem(check, "no row", "one", "pulumi up"))
    assert "no waiver covers this" in shown.fix
    assert "waive[" not in shown.fix
    with pytest.raises(Refused, match="no waiver covers"):
        Entries(WAIVING | {"waive": {check: "we know about this"}}, "prod", "us-east-1").read_settings(NOW)


def test_a_problem_that_is_told_again_has_its_command_once() -> None:
    once = waivers.add_command(Problem("quiesced.sessions", "2", "none", "end them"))
    assert waivers.add_command(once) == once


def test_a_waiver_left_over_from_a_restore_that_was_never_closed_is_refused_with_both_ways_on(
    store: Store, wanted: Plan
) -> None:
    store.write("prod", "inc-0", "run", {"waive": {"quiesced.sessions": "the auditor of last March"}})
    given = settings(waive={"quiesced.sessions": "the auditor of last March", "serving": "another reason"})
    with pytest.raises(Refused) as refused:
        run.refuse_leftover_waivers(given, wanted, store)
    assert [one.subject for one in refused.value.problems] == ["config waive.quiesced.sessions"]
    assert "inc-0" in refused.value.problems[0].found
    assert "pulumi config rm --path 'waive[\"quiesced.sessions\"]'" in refused.value.problems[0].fix
    assert "pulumi config set --plaintext --path 'waive[\"quiesced.sessions\"]'" in refused.value.problems[0].fix


def test_a_waiver_of_this_restore_one_given_anew_and_one_after_a_close_hold(store: Store, wanted: Plan) -> None:
    mine = {"quiesced.sessions": "the auditor reads there"}
    store.write("prod", "inc-1", "run", {"waive": mine})
    run.refuse_leftover_waivers(settings(waive=mine), wanted, store)
    store.write("prod", "inc-0", "run", {"waive": {"quiesced.sessions": "the auditor of last March"}})
    run.refuse_leftover_waivers(settings(waive=mine), wanted, store)
    store.write("prod", "inc-0", "run", {"waive": mine})
    store.write("prod", "inc-0", "close", {})
    run.refuse_leftover_waivers(settings(waive=mine), wanted, store)
