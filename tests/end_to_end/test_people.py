"""From the first message to the deleted candidate: whom a restore tells, and when what it made may go."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from restore.notify.messages import TITLES
from restore.notify.transitions import Event
from sandbox.application import names
from sandbox.demo import vendors
from sandbox.demo.vendors import KEY, TOKEN, Vendors
from tests.support.sandbox.harness import Project, Sandbox

CANDIDATE = f"{names.INSTANCE}-inc-1"
CHANNEL = "C0123456789"


@pytest.fixture
def stubs() -> Generator[Vendors]:
    with vendors.serving() as running:
        yield running


def configure(project: Project, stubs: Vendors) -> None:
    plain = {"slackChannel": CHANNEL, "slackUrl": stubs.url, "pagerdutyUrl": stubs.url}
    for key, value in plain.items():
        project.pulumi("config", "set", "--path", f"notify.{key}", value).ok()
    for key, value in {"slackToken": TOKEN, "pagerdutyKey": KEY}.items():
        project.pulumi("config", "set", "--secret", "--path", f"notify.{key}", value).ok()


def told(stubs: Vendors) -> list[str]:
    """What Slack was told, by the first line of each message."""
    return [message["text"].splitlines()[0] for message in stubs.slack]


def written(project: Project) -> str:
    folders = (project.folder / name for name in ("evidence", "state"))
    return "".join(
        file.read_text(errors="replace") for folder in folders for file in folder.rglob("*") if file.is_file()
    )


@pytest.mark.slow
def test_each_transition_is_told_once_and_a_vendor_that_refuses_holds_up_nothing(
    sandbox: Sandbox, project: Project, stubs: Vendors
) -> None:
    configure(project, stubs)
    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
    project.preview().ok()
    assert stubs.slack == stubs.pagerduty == []
    project.up().ok()
    at_frozen = len(stubs.slack)
    project.up().ok()
    assert len(stubs.slack) == at_frozen
    stubs.refuse = "not_in_channel"
    project.config(traffic="restored")
    assert "slack: not sent: not_in_channel" in project.up().ok().text
    assert sandbox.replicas() == names.DEPLOYMENTS
    stubs.refuse = ""
    project.restore("rollback", "--accept-loss", "--yes").ok()
    project.restore("close", "inc-1", "--yes").ok()
    before = [TITLES[event] for event in (Event.OPENED, Event.FROZEN, Event.RESTORED, Event.VALIDATED)]
    assert told(stubs)[:at_frozen] == before
    after = [TITLES[event] for event in (Event.FROZEN, Event.GOING_BACK, Event.RETURNED, Event.OVER)]
    assert told(stubs)[at_frozen:] == after
    assert {message.get("thread_ts") for message in stubs.slack[1:]} == {"1700000000.000001"}
    actions = [event["event_action"] for event in stubs.pagerduty]
    assert actions == ["trigger", *["acknowledge"] * 7, "resolve"]
    assert not any(token in written(project) for token in (TOKEN, KEY))


@pytest.mark.slow
def test_a_gate_that_stays_shut_is_told_on_every_channel_before_the_run_ends(
    sandbox: Sandbox, project: Project, stubs: Vendors
) -> None:
    configure(project, stubs)
    topic = sandbox.aws.sns.create_topic(Name="incidents")["TopicArn"]
    project.pulumi("config", "set", "--path", "notify.snsTopic", topic).ok()
    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen", approvals="2")
    project.up().ok()
    project.config(traffic="restored")
    project.up().failed("approved.person")
    ended = project.evidence("inc-1", "notified")[-1]
    assert ended["event"] == "failed"
    assert {name: result["sent"] for name, result in ended["results"].items()} == {
        "slack": "sent",
        "pagerduty": "sent",
        "sns": "sent",
    }


@pytest.mark.slow
def test_a_candidate_goes_only_once_it_serves_nobody_and_its_restore_is_closed(
    sandbox: Sandbox, project: Project
) -> None:
    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
    project.up().ok()
    project.config(traffic="restored")
    project.up().ok()
    candidate = sandbox.instances()[CANDIDATE]
    retire = ("retire", candidate, "--not-asked", "the sandbox's CloudWatch has no metrics", "--yes")
    project.restore(*retire).failed("serves", "close")
    project.restore("rollback", "--accept-loss", "--yes").ok()
    project.restore(*retire).failed("close")
    assert sandbox.instance(CANDIDATE)["DeletionProtection"]
    project.restore("close", "inc-1", "--yes").ok()
    project.restore(*retire).ok()
    assert set(sandbox.instances()) == {names.INSTANCE}
    ended = project.evidence("inc-1", "retire")[-1]
    assert (ended["resource_id"], bool(ended["ended"])) == (candidate, True)
    kept = {snapshot["DBSnapshotIdentifier"]: snapshot["Status"] for snapshot in sandbox.snapshots()}
    assert kept[ended["final_snapshot"]] == "available"
    assert "was retired before" in project.restore(*retire).ok().text
    assert sandbox.replicas() == names.DEPLOYMENTS
