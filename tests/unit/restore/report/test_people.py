"""Nobody is forgotten: the report shows who must still be told and what must still be reconciled."""

from __future__ import annotations

from restore.report import page, terminal
from restore.report.audit import list_approvals
from restore.report.people import RECONCILED, TOLD, list_messages, list_ticks
from tests.support.report_records import gate, record, run, shown

OPERATOR = {"user": "alice", "host": "laptop", "aws": "arn:aws:sts::1:assumed-role/oncall/alice"}
RUN = run(0, tell=["CTO", "support"], reconcile=["caches"])


def test_a_line_is_open_until_somebody_has_done_it() -> None:
    told = record("told", 5, {"names": ["CTO"], "operator": OPERATOR})
    again = record("told", 500, {"names": ["CTO"], "operator": {**OPERATOR, "user": "bob"}})
    cto, support = list_ticks((RUN, told, again), TOLD)
    assert "by alice" in cto.state
    assert support.state == "OPEN"
    assert list_ticks((RUN, told), RECONCILED)[0].state == "OPEN"


def test_the_report_shows_what_is_open_and_what_may_not_have_arrived() -> None:
    told = record("told", 5, {"names": ["CTO"], "operator": OPERATOR})
    claim = record("notify", 6, {"event": "opened", "group": "life", "state": "opened", "channels": ["slack"]})
    text = terminal.render(shown([RUN, told, claim]), color=False)
    assert "To reconcile" in text
    assert "OPEN" in text
    assert "not known: the run was ended" in text


def test_an_outcome_replaces_what_was_begun() -> None:
    of = {"event": "opened", "group": "life", "state": "opened"}
    claim = record("notify", 6, {**of, "channels": ["slack"]})
    outcome = record("notified", 7, {**of, "results": {"slack": {"sent": "sent", "detail": ""}}})
    assert [message.state for message in list_messages((claim, outcome))] == ["sent"]


def test_the_report_shows_who_approved_a_switch_and_whether_it_was_used() -> None:
    approval = record("approval", 60, {"digest": "abcd", "decision": {}, "operator": {**OPERATOR, "user": "grace"}})
    stale = record("approval", 50, {"digest": "0123", "decision": {}, "operator": {**OPERATOR, "user": "mallory"}})
    facts = {"approved_at": approval["written"], "approved_by": "arn", "digest": "abcd"}
    evidence = [RUN, stale, approval, gate("approved", 70, 71, facts=facts)]
    assert [bool(item.used) for item in list_approvals(evidence)] == [False, True]
    assert "grace" in terminal.render(shown(evidence), color=False)
    assert "Approvals of a switch" in page.render(shown(evidence))
