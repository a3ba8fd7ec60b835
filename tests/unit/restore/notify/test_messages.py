"""A message says what the runbook's does, and nothing that a database made up can address anybody."""

from __future__ import annotations

import jsonschema
import pytest

from restore import plan
from restore.model.request import Traffic
from restore.notify.messages import build_pagerduty, build_slack, build_sns, compose
from restore.notify.transitions import Event, Transition, opened, over
from restore.redaction import register_secret
from sandbox.demo import vendors
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
    fields = dict(compose(settings(FROZEN), FROZEN, planned, opened()).fields)
    assert fields["Environment"] == "prod, database shop in us-east-1"
    assert (fields["Issue"], fields["Incident"]) == ("orders deleted", "PD-5678")
    assert fields["ETA"].startswith("1 h to 1 h 30 min, a runbook's figure")
    assert fields["Impact"] == "downtime: api, indexer stopped until traffic moves on"
    assert (fields["Point of contact"], fields["Affected data"], fields["Opened by"]) == ("Ada", "orders", "Bob")


def test_a_rehearsal_frightens_nobody_with_a_downtime() -> None:
    planned = plan.make(settings(REHEARSAL), inventory())
    fields = dict(compose(settings(REHEARSAL), REHEARSAL, planned, opened()).fields)
    assert fields["Impact"].startswith("no downtime expected")


def test_hostile_text_addresses_nobody_and_exceeds_no_limit() -> None:
    message = compose(settings(FROZEN), FROZEN, plan.make(settings(FROZEN), inventory()), HOSTILE)
    slack = build_slack(message, "C0123456789", "")
    jsonschema.validate(slack, vendors.POST_MESSAGE)
    assert "<" not in slack["text"]
    assert "\u202e" not in slack["text"]
    assert "\x1b" not in slack["text"]
    assert (slack["mrkdwn"], slack["parse"], slack["link_names"]) == (False, "none", False)
    event = build_pagerduty(message, vendors.KEY)
    jsonschema.validate(event, vendors.EVENT)
    sns = build_sns(message)
    assert len(sns["Subject"]) < 100
    assert sns["Subject"].isascii()
    assert sns["Subject"].isprintable()
    assert len(sns["Message"].encode()) < 262_144


def test_a_long_name_of_a_stack_breaks_no_limit() -> None:
    message = compose(settings(FROZEN, stack="ü" * 400), FROZEN, None, over("restored"))
    jsonschema.validate(build_pagerduty(message, vendors.KEY), vendors.EVENT)
    assert len(build_sns(message)["Subject"]) < 100


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
