"""A report must never call a restore proved that isn't, nor show the wrong people as served."""

from __future__ import annotations

from typing import Any

import pytest

from restore.report import page, terminal
from tests.support.report_records import (
    BACK,
    FROZEN,
    RESTORED,
    SHUT,
    Records,
    assembled,
    at,
    check,
    gate,
    phase,
    problem,
    report,
    run,
    shown,
)


def verdict(records: Records) -> tuple[str, str]:
    made = assembled(records)
    return made["verdict"], made["headline"]


@pytest.mark.parametrize(
    ("records", "words"),
    [
        (FROZEN, "shop-inc-1 is proved and nothing is switched yet; the applications are stopped"),
        (RESTORED, "The applications serve from shop-inc-1"),
        (BACK, "The applications serve from the source again"),
    ],
)
def test_every_needed_gate_open_is_a_pass_and_says_who_serves(records: Records, words: str) -> None:
    found, headline = verdict(records)
    assert found == "PASS"
    assert words in headline


@pytest.mark.parametrize("missing", ["quiesced", "conformed", "validated"])
def test_a_gate_that_was_not_tried_is_not_proved(missing: str) -> None:
    found, headline = verdict([one for one in FROZEN if one["step"] != missing])
    assert found == "INCONCLUSIVE"
    assert f"{missing} is not proved: not tried" in headline


def test_nothing_recorded_proves_nothing() -> None:
    assert verdict([])[0] == "INCONCLUSIVE"
    assert verdict([run(0)])[0] == "INCONCLUSIVE"
    assert verdict([run(0, plan={"gates": []})])[0] == "INCONCLUSIVE"


def test_a_shut_gate_is_a_fail_with_what_keeps_it_shut_and_waived_ones_left_out() -> None:
    found, headline = verdict(SHUT)
    assert found == "FAIL"
    assert "validated stays shut" in headline
    assert "the applications are stopped" in headline
    assert [one.subject for one in shown(SHUT).findings] == ["validated.rows:t"]


def test_a_gate_that_could_not_run_is_inconclusive_and_shows_its_error() -> None:
    made = shown([*FROZEN[:-1], gate("validated", 610, 611, "INCONCLUSIVE", error="no answer from the database")])
    assert made.verdict == "INCONCLUSIVE"
    assert made.findings[0].found == "no answer from the database"


def test_an_error_is_told_with_the_problems_of_another_gate() -> None:
    conformed = gate("conformed", 605, 610, "INCONCLUSIVE", error="RDS\n  found: no answer")
    found = shown([*(one for one in SHUT if one["step"] != "conformed"), conformed]).findings
    assert found[0].found == "RDS\n  found: no answer"
    assert [one.gate for one in found] == ["conformed", "validated"]


def test_a_pass_that_stayed_shut_is_no_pass() -> None:
    assert verdict([*FROZEN[:-1], gate("validated", 610, 611, "PASS", open=False)])[0] == "INCONCLUSIVE"


def test_the_newest_attempt_counts_both_ways() -> None:
    assert verdict([*SHUT, run(800), gate("validated", 810, 820)])[0] == "PASS"
    again = gate("validated", 810, 820, "FAIL", problems=[problem("validated.rows:t")])
    assert verdict([*FROZEN, run(800), again])[0] == "FAIL"


def test_an_earlier_switch_is_no_proof_of_a_later_one() -> None:
    forward = [*BACK, run(3000), gate("quiesced", 3010, 3020), run(3100, "restored")]
    found, headline = verdict(forward)
    assert found == "INCONCLUSIVE"
    assert "switched is not proved: not tried" in headline
    assert "switched nothing" in headline


def test_a_run_that_had_nothing_to_prove_again_keeps_the_proof() -> None:
    assert verdict([*RESTORED, run(1500, "restored", plan={"found_traffic": "restored"})])[0] == "PASS"


def test_what_was_waived_is_counted_where_everybody_reads() -> None:
    waived = {"validated.rows:u": "known since Monday"}
    let = gate("validated", 610, 700, "FAIL", open=True, problems=[problem("validated.rows:u")], waived=waived)
    made = shown([run(0, waive=waived), *FROZEN[1:-1], let])
    assert made.verdict == "PASS"
    assert "1 failed check is waived, with the reason" in made.headline
    assert [(one.check, one.reason, one.user, one.used) for one in made.waivers] == [
        ("validated.rows:u", "known since Monday", "alice", "validated.rows:u")
    ]


def test_time_lost_is_counted_to_the_freeze_of_the_source_not_of_the_candidate() -> None:
    facts = dict(shown(BACK).facts)
    assert facts["A switch loses"][0].endswith("until writing stopped at 2026-11-22 14:40:35 UTC")
    assert "10 min 35 s" in facts["A switch loses"][0]
    assert facts["Applications stopped"] == (
        "17 min 40 s, from 2026-11-22 14:40:00 UTC",
        "2 min 20 s, from 2026-11-22 15:13:20 UTC",
    )


def test_applications_that_are_still_stopped_are_said_to_be() -> None:
    assert dict(shown(SHUT).facts)["Applications stopped"] == ("since 2026-11-22 14:40:00 UTC",)


def test_the_timeline_tells_what_ran_in_parallel_with_what_and_for_how_long() -> None:
    only = shown(FROZEN).runs[0]
    phases = {one.name: one for one in only.phases}
    assert [one.name for one in only.phases] == [
        "look", "candidate", "quiesced", "safety-snapshot", "conformed", "validated",
    ]  # fmt: skip
    assert phases["candidate"].duration == "10 min"
    assert set(phases["candidate"].parallel) == {
        "look, plan, Deployments to 0", "prove that nobody writes", "RDS takes the safety snapshot",
    }  # fmt: skip
    assert phases["quiesced"].when == "14:40:10 to 14:40:40 UTC, in parallel: RDS makes the candidate"
    assert phases["validated"].parallel == ()
    assert (phases["candidate"].left, phases["candidate"].width) == (7, 857)
    assert only.duration == "11 min 40 s"
    assert only.overlap == "16 min 35 s of work in 11 min 40 s"
    assert shown(RESTORED).idle == "5 min"


def test_a_killed_creation_is_shown_without_an_end() -> None:
    only = shown([run(0), phase("candidate", 5, None), gate("quiesced", 10, 40)]).runs[0]
    candidate = next(one for one in only.phases if one.name == "candidate")
    assert (candidate.verdict, candidate.duration) == ("unfinished", "no end recorded")


def test_the_commands_are_those_that_lead_from_run_to_run() -> None:
    first, second = shown(RESTORED).acts
    assert first.commands == ("pulumi config set id inc-1", "pulumi config set traffic frozen", "pulumi up")
    assert second.commands == ("pulumi config set traffic restored", "pulumi up")
    assert (first.user, first.incident, first.moved) == ("alice", "PD-5678", "source → frozen")


def test_a_setting_without_a_source_is_never_said_to_be_the_same() -> None:
    settings = {"port": {"wanted": 5433, "found": 5433}, "iops": {"wanted": None, "found": 3000}}
    made = shown([run(0), gate("conformed", 605, 610, facts={"settings": settings})])
    assert [(one.name, one.state) for one in made.settings] == [("port", "wanted"), ("iops", "unknown")]


def test_settings_say_which_side_differs() -> None:
    settings = {
        "multiAz": {"source": True, "wanted": True, "found": True},
        "port": {"source": 5432, "wanted": 5433, "found": 5433},
        "iops": {"source": 3000, "wanted": 3000, "found": None},
    }
    conformed = gate("conformed", 605, 610, facts={"settings": settings, "changed": {"port": {"from": 1, "to": 5433}}})
    made = shown([run(0), conformed])
    assert [(one.name, one.state) for one in made.settings] == [
        ("multiAz", "same"), ("port", "changed"), ("iops", "differs"),
    ]  # fmt: skip
    assert made.settings_changed == (("port", "1", "5433"),)


@pytest.mark.parametrize("junk", [None, 7, "text", [], {}, [None], {"plan": 5}, True])
def test_a_record_of_another_shape_never_hides_the_others(junk: Any) -> None:
    names = ("plan", "operator", "versions", "config", "waive", "facts", "problems", "waived", "began", "ended")
    odd = [{**one, **{name: junk for name in names if name in one}} for one in SHUT]
    assert shown([*odd, *SHUT]).verdict == "FAIL"
    assert at(0) in str(odd[0]["written"])


SAMPLE = {
    "verdict": "by a sample: 4.0 % of 3 large tables, all of the others",
    "read": "4.0 % of 3 large tables",
    "unread": "the rest of them",
    "may_miss": ["a lost value: one is found with probability 4.0 %", "a few rows too few"],
}


def of_a_sample() -> list[dict[str, Any]]:
    facts = {"report": {**report(check("rows:t")), "depth": "sample", "sample": SAMPLE}}
    return [*(one for one in FROZEN if one["step"] != "validated"), gate("validated", 610, 700, facts=facts)]


def test_data_of_which_a_sample_was_read_is_never_told_as_all_of_it() -> None:
    found, headline = verdict(of_a_sample())
    assert found == "PASS"
    assert headline.endswith("The data is proved by a sample: 4.0 % of 3 large tables, all of the others.")
    assert "sample" not in verdict(FROZEN)[1]


def test_terminal_and_page_say_what_a_sample_did_not_read_and_may_miss() -> None:
    view = shown(of_a_sample())
    for text in (" ".join(terminal.render(view).split()), page.render(view)):
        assert "by a sample: 4.0 % of 3 large tables" in text
        assert "the rest of them" in text
        assert "a few rows too few" in text
