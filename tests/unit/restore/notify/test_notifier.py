"""A message is sent once, never holds up a restore, and what can't be sent is shown."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from restore import plan
from restore.errors import PermanentError, Problem
from restore.evidence import Store
from restore.gates.hook import Gate, Proof, Running
from restore.gates.hook import attempt as attempt_gate
from restore.gates.runner import values
from restore.gates.runner.request import strip_local_settings
from restore.model.notify import NotifySettings
from restore.model.request import Request, Settings, Traffic
from restore.notify import notifier as notifying
from restore.notify.channels import Outcome, PagerDuty, Slack, Sns
from restore.notify.messages import Message, compose
from restore.notify.notifier import Notifier
from restore.notify.transitions import (
    CLAIM,
    Event,
    Sent,
    Transition,
    build_gate_transition,
    build_opened,
    describe,
    find_going_back,
)
from restore.program.run import tell_of
from restore.report.untrusted import EvidenceRecord
from sandbox.demo import vendors
from sandbox.demo.vendors import KEY, TOKEN, Vendors
from tests.support import gate_worlds
from tests.support.worlds import PITR, asked, inventory, settings
from tests.unit.restore.report.test_schema import VALIDATOR
from validation.verdict import Verdict

FROZEN = asked(PITR, traffic=Traffic.FROZEN)


@pytest.fixture
def stubs() -> Generator[Vendors]:
    with vendors.serving() as running:
        yield running


@dataclass
class Run:
    """One run of the program after another, in the same evidence."""

    store: Store
    configured: Settings
    said: list[str] = field(default_factory=list[str])

    def notifier(self, request: Request = FROZEN) -> Notifier:
        planned = plan.make(self.configured, inventory())
        return Notifier.of(self.configured, request, planned, self.store, self.said.append)

    def tell(self, transition: Transition | None) -> None:
        notifier = self.notifier()
        notifier.tell(lambda _: transition)
        notifier.finish()

    def records(self) -> tuple[EvidenceRecord, ...]:
        return self.store.read_all("prod", "inc-1")


@pytest.fixture
def run(stubs: Vendors, tmp_path: Path) -> Run:
    notify = NotifySettings(
        slack_channel="C0123456789", slack_token=TOKEN, slack_url=stubs.url, pagerduty_key=KEY, pagerduty_url=stubs.url
    )
    return Run(Store.open(str(tmp_path)), settings(FROZEN, notify=notify))


def test_a_restore_is_one_thread_and_one_alert(run: Run, stubs: Vendors) -> None:
    for transition in (build_opened(), Transition(Event.FROZEN, "traffic", "frozen")):
        run.tell(transition)
    assert [message.get("thread_ts") for message in stubs.slack] == [None, "1700000000.000001"]
    assert {event["dedup_key"] for event in stubs.pagerduty} == {"restore-prod-inc-1"}
    assert run.said == []


def test_the_same_transition_is_told_once(run: Run, stubs: Vendors) -> None:
    run.tell(build_opened())
    run.tell(build_opened())
    assert (len(stubs.slack), len(stubs.pagerduty)) == (1, 1)


def test_a_killed_run_is_followed_by_no_second_message(run: Run, stubs: Vendors) -> None:
    run.store.write("prod", "inc-1", CLAIM, {**describe(build_opened()), "channels": ["slack", "pagerduty"]})
    run.tell(build_opened())
    assert (len(stubs.slack), len(stubs.pagerduty)) == (0, 1), "only PagerDuty drops what it has had"


def test_a_refused_message_is_shown_and_sent_by_the_next_run(run: Run, stubs: Vendors) -> None:
    stubs.refuse = "not_in_channel"
    run.tell(build_opened())
    assert "slack: not sent: not_in_channel" in run.said[0]
    stubs.refuse = ""
    run.tell(build_opened())
    assert (len(stubs.slack), len(stubs.pagerduty)) == (1, 1)


def test_a_silent_vendor_holds_up_nothing_and_is_shown(
    run: Run, stubs: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifying, "SEND_SECONDS", 0.2)
    stubs.silent.set()
    run.tell(build_opened())
    assert not stubs.release.is_set()
    assert len(run.said) == 2
    assert "not known" in run.said[0]
    stubs.silent.clear()
    run.tell(build_opened())
    assert (len(stubs.slack), len(stubs.pagerduty)) == (0, 1), "a message that may have arrived is not repeated"


def test_the_end_of_a_run_waits_for_no_evidence_store_that_hangs(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifying, "LIMIT_SECONDS", 0.1)
    hangs = threading.Event()
    notifier = run.notifier()
    notifier.tell(lambda _: build_opened() if hangs.wait(30) else None)
    notifier.finish()
    hangs.set()
    assert "not sent within" in run.said[0]


def test_an_evidence_store_that_fails_stops_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise PermanentError("no access")

    monkeypatch.setattr(run.store, "read_all", fail)
    run.tell(build_opened())
    assert "no access" in run.said[0]


def test_a_gate_is_recorded_before_it_is_told(run: Run, stubs: Vendors) -> None:
    notifier = run.notifier()
    seen: list[str] = []
    record = notifier.watch(
        lambda _document: seen.append("recorded") or "here", lambda _document: lambda _: build_opened()
    )
    assert record({}) == "here"
    notifier.finish()
    assert (seen, len(stubs.slack)) == (["recorded"], 1)


def test_no_token_reaches_evidence_or_warnings(run: Run, stubs: Vendors) -> None:
    stubs.refuse = f"bad {TOKEN}"
    run.tell(build_opened())
    text = json.dumps([*run.records()]) + "".join(run.said)
    assert TOKEN not in text
    assert KEY not in text
    assert TOKEN not in repr(run.notifier().channels) + repr(run.configured)


def test_what_is_recorded_is_as_the_schema_says(run: Run) -> None:
    run.tell(build_opened())
    validator = VALIDATOR.evolve(
        schema={**VALIDATOR.schema, "$ref": "#/$defs/record", "required": [], "properties": {}}
    )
    validator = validator.evolve(schema={k: v for k, v in validator.schema.items() if k != "additionalProperties"})
    for record in run.records():
        assert [error.message for error in validator.iter_errors(record)] == []


def test_a_wrong_token_is_noticed_on_a_quiet_day(stubs: Vendors) -> None:
    assert Slack(stubs.url, "C0123456789", TOKEN).check().sent is Sent.YES
    assert Slack(stubs.url, "C0123456789", "xoxb-other").check().detail == "invalid_auth"


def message() -> Message:
    return compose(settings(FROZEN), FROZEN, None, build_opened())


def test_a_connection_that_is_refused_may_be_tried_again() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        assert PagerDuty(f"http://127.0.0.1:{port}", KEY).send(message(), ()).sent is Sent.NO


def test_a_wrong_integration_key_is_refused_and_said(stubs: Vendors) -> None:
    outcome = PagerDuty(stubs.url, "short").send(message(), ())
    assert outcome.sent is Sent.NO
    assert "short" in outcome.detail


class SnsClient:
    """An SNS client that takes what botocore's model takes."""

    def __init__(self) -> None:
        self.published: list[dict[str, Any]] = []

    def publish(self, **arguments: Any) -> None:
        from botocore.session import Session
        from botocore.validate import ParamValidator

        shape = Session().get_service_model("sns").operation_model("Publish").input_shape
        assert shape
        assert not ParamValidator().validate(arguments, shape).has_errors()
        self.published.append(arguments)


def test_sns_is_asked_in_the_topics_own_region(monkeypatch: pytest.MonkeyPatch) -> None:
    from restore.aws import Aws

    client, regions = SnsClient(), list[str]()

    def give(aws: Aws, _service: str) -> SnsClient:
        regions.append(aws.region)
        return client

    monkeypatch.setattr(Aws, "open_client", give)
    topic = "arn:aws:sns:eu-west-1:123456789012:incidents"
    assert Sns(Aws("us-east-1"), topic).send(message(), ()) == Outcome(Sent.YES)
    assert (regions, client.published[0]["TopicArn"]) == (["eu-west-1"], topic)


# Which transition


def attempt(gate: str, *, is_open: bool, problems: Sequence[str] = (), resource_id: str = "db-C") -> EvidenceRecord:
    return {
        "gate": gate,
        "open": is_open,
        "summary": "so",
        "facts": {"resource_id": resource_id},
        "problems": [{"subject": subject} for subject in problems],
    }


def claim(transition: Transition) -> EvidenceRecord:
    return {"step": CLAIM, **describe(transition), "channels": ["slack"]}


def test_a_stop_by_the_operator_is_told_to_nobody() -> None:
    planned = plan.make(settings(FROZEN), inventory())
    assert build_gate_transition(planned, attempt("validated", is_open=False), ()) is None


def test_each_move_is_told_again_and_a_failure_of_another_move_too() -> None:
    planned = plan.make(settings(FROZEN), inventory())
    shut = partial(build_gate_transition, planned, attempt("switched", is_open=False, problems=["switched.row"]))
    first = shut(())
    frozen = build_gate_transition(planned, attempt("quiesced", is_open=True), ())
    assert first
    assert frozen
    later = shut((claim(frozen),))
    assert later
    assert (first.event, first.group) == (later.event, later.group) == (Event.FAILED, "gate switched")
    assert first.state != later.state


def test_a_candidate_that_was_made_again_is_told_again() -> None:
    planned = plan.make(settings(FROZEN), inventory())
    one, two = (
        build_gate_transition(planned, attempt("validated", is_open=True, resource_id=name), ())
        for name in ("db-1", "db-2")
    )
    assert one
    assert two
    assert one.state != two.state


def test_the_way_back_is_told_when_it_begins_and_not_once_it_is_over(tmp_path: Path) -> None:
    planned = gate_worlds.back(tmp_path).context.plan
    switched = Transition(Event.SWITCHED, "traffic", "switched")
    returned = Transition(Event.RETURNED, "traffic", Event.RETURNED.value)
    found = find_going_back(planned, (claim(switched),))
    assert found
    assert found.event is Event.GOING_BACK
    assert find_going_back(planned, (claim(switched), claim(returned))) is None
    assert find_going_back(planned, ()) is None


def test_messages_keep_the_order_of_what_happened(run: Run, stubs: Vendors) -> None:
    notifier = run.notifier()
    for transition in (
        build_opened(),
        Transition(Event.FROZEN, "traffic", "frozen"),
        Transition(Event.SWITCHED, "traffic", "x"),
    ):
        notifier.tell(lambda _, transition=transition: transition)
    notifier.finish()
    assert [message["text"].splitlines()[0] for message in stubs.slack] == [
        "Database restore in progress",
        "Applications are stopped",
        "Applications use the restored database",
    ]


def test_a_shut_gate_is_told_with_its_problem_and_stays_shut(run: Run, stubs: Vendors) -> None:
    problem = Problem("validated.rows:users", "9 rows", "10 rows", "pulumi up")
    gate = Gate(
        "validated",
        1.0,
        lambda _watch: Proof(Verdict.FAIL, "rows are missing", {}, (problem,)),
        lambda document: run.store.write("prod", "inc-1", "validated", document),
    )
    notifier = run.notifier()
    told = tell_of(notifier, plan.make(run.configured, inventory()), gate)
    assert "validated.rows:users" in str(attempt_gate(told, Running(), lambda _text: None))
    notifier.finish()
    assert "validated.rows:users" in stubs.slack[0]["text"]
    assert [record["step"] for record in run.records()] == ["validated", "notify", "notified"]


def test_no_token_is_handed_to_a_job_in_the_cluster(run: Run) -> None:
    there = json.dumps(values.to_json(strip_local_settings(run.configured)))
    assert TOKEN not in there
    assert KEY not in there
    assert values.from_json(json.loads(there)).notify == NotifySettings()
