"""A message says what the runbook's does, and nothing that a database made up can address anybody."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from restore import plan
from restore.model.request import Traffic
from restore.notify.channels import PagerDuty, Slack
from restore.notify.messages import build_pagerduty, build_slack, build_sns, compose
from restore.notify.transitions import Event, Sent, Transition, build_opened, build_over
from restore.redaction import register_secret
from sandbox.aws import topic_limits
from sandbox.demo import vendors
from sandbox.demo.vendors import Vendors
from tests.support.report_records import EVIL
from tests.support.worlds import PITR, asked, inventory, settings

REQUEST = asked(PITR, reason="orders deleted", incident="PD-5678", contact="Ada", affected="orders", opened_by="Bob")
FROZEN = asked(REQUEST, traffic=Traffic.FROZEN)
REHEARSAL = asked(REQUEST, traffic=Traffic.SOURCE)
HOSTILE = Transition(
    Event.FAILED, "gate validated", "failed", f"<!channel> <@U1> {EVIL} *x*\n" + "\u202e" * 9 + "ü" * 9000
)


def test_the_first_message_has_every_field_of_the_runbook() -> None:
    planned = plan.make(settings(FROZEN), inventory())
    fields = dict(compose(settings(FROZEN), FROZEN, planned, build_opened()).fields)
    assert fields["Environment"] == "prod, database shop in us-east-1"
    assert (fields["Issue"], fields["Incident"]) == ("orders deleted", "PD-5678")
    assert fields["ETA"].startswith("1 h to 1 h 30 min, a runbook's figure")
    assert fields["Impact"] == "downtime: api, indexer stopped until traffic moves on"
    assert (fields["Point of contact"], fields["Affected data"], fields["Opened by"]) == ("Ada", "orders", "Bob")


def test_a_rehearsal_frightens_nobody_with_a_downtime() -> None:
    planned = plan.make(settings(REHEARSAL), inventory())
    fields = dict(compose(settings(REHEARSAL), REHEARSAL, planned, build_opened()).fields)
    assert fields["Impact"].startswith("no downtime expected")


@pytest.fixture
def stubs() -> Generator[Vendors]:
    with vendors.serving() as running:
        yield running


EXTREMES: dict[str, dict[str, str]] = {
    "as a runbook has them": {},
    "10,000 affected tables": {"affected": ", ".join(f"schema_{n}.table_{n}" for n in range(10_000))},
    "a reason of 5,000 characters": {"reason": "why? " * 1000},
    "emoji": {"reason": "\N{FIRE}" * 5000, "contact": "\N{SLEUTH OR SPY}\N{EMOJI MODIFIER FITZPATRICK TYPE-5}" * 800},
    "newlines in the incident": {"incident": "PD-1\nSubject: pay me\r\n\r\n<!channel>"},
    "markup alone": {"reason": "<!channel>&" * 1000, "affected": "&" * 9000, "contact": "<" * 9000},
    "half a character": {"reason": "\ud83d", "incident": "\udc80" * 300},
    "all at once": dict.fromkeys(("reason", "affected", "contact", "incident", "opened_by"), "\N{FIRE}\n\u202e" * 3000),
}
"""What people type into the configuration at 3 a.m., or paste."""


@pytest.mark.parametrize("extreme", EXTREMES)
def test_no_vendor_refuses_what_somebody_wrote_into_the_configuration(extreme: str, stubs: Vendors) -> None:
    request = asked(FROZEN, **EXTREMES[extreme])
    planned = plan.make(settings(request), inventory())
    for event in Event:
        message = compose(settings(request), request, planned, Transition(event, "g", "s", HOSTILE.detail))
        assert not vendors.find_event_faults(build_pagerduty(message, vendors.KEY))
        assert not topic_limits.find_fault(build_sns(message))
        slack = build_slack(message, "C0123456789", "1700000000.000001")
        assert not vendors.find_message_faults(slack)
        assert not any(mark in slack["text"] for mark in ("<", ">", "\u202e", "\x1b"))
        assert [slack[name] for name in ("mrkdwn", "parse", "link_names")] == [False, "none", False]
        assert "Point of contact: " in slack["text"]
    message = compose(settings(request), request, planned, HOSTILE)
    sent = Slack(stubs.url, "C0123456789", vendors.TOKEN).send(message, ()).sent
    paged = PagerDuty(stubs.url, vendors.KEY).send(message, ()).sent
    assert (sent, paged, stubs.faults) == (Sent.YES, Sent.YES, [])


def test_the_stubs_refuse_what_the_vendors_refuse(stubs: Vendors) -> None:
    message = compose(settings(FROZEN), FROZEN, None, build_opened())
    event, arguments = build_pagerduty(message, vendors.KEY), build_slack(message, "C0123456789", "")
    payload = event["payload"]
    assert not vendors.find_event_faults(event)
    for broken in (
        {**event, "routing_key": "short"},
        {**event, "dedup_key": "k" * 256},
        {**event, "event_action": "triggered"},
        {**event, "payload": {**payload, "summary": "s" * 1025}},
        {**event, "payload": {**payload, "severity": "high"}},
        {**event, "payload": {**payload, "source": ""}},
        {**event, "payload": {**payload, "custom_details": {"x": "y" * 600_000}}},
        {key: value for key, value in event.items() if key != "payload"},
    ):
        assert vendors.find_event_faults(broken), broken
    assert not vendors.find_message_faults(arguments)
    for name, value in (("text", "x" * 4001), ("text", ""), ("channel", ""), ("thread_ts", "17"), ("blocks", "[]")):
        assert vendors.find_message_faults({**arguments, name: value}), name
    fine = build_sns(message)
    assert not topic_limits.find_fault(fine)
    for change in ({"Subject": "s" * 100}, {"Subject": "a\nb"}, {"Subject": "ü"}, {"Message": "ü" * 131_073}):
        assert topic_limits.find_fault(fine | change), change


def test_a_long_name_of_a_stack_breaks_no_limit() -> None:
    message = compose(settings(FROZEN, stack="ü" * 400), FROZEN, None, build_over("restored"))
    assert not vendors.find_event_faults(build_pagerduty(message, vendors.KEY))
    assert not topic_limits.find_fault(build_sns(message))


def test_a_secret_in_an_error_is_in_no_message() -> None:
    register_secret("hunter2-hunter2")
    message = compose(settings(FROZEN), FROZEN, None, Transition(Event.FAILED, "gate x", "f", "login hunter2-hunter2"))
    assert "hunter2" not in message.text


@pytest.mark.parametrize(
    ("event", "action"),
    [
        (Event.OPENED, "trigger"),
        (Event.FAILED, "trigger"),
        (Event.FROZEN, "acknowledge"),
        (Event.SWITCHED, "acknowledge"),
        (Event.OVER, "resolve"),
    ],
)
def test_one_alert_is_opened_acknowledged_and_resolved(event: Event, action: str) -> None:
    body = build_pagerduty(compose(settings(FROZEN), FROZEN, None, Transition(event, "g", "s")), vendors.KEY)
    assert (body["event_action"], body["dedup_key"]) == (action, "restore-prod-inc-1")
