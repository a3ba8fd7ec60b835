"""What a restore is like for the people around it: `make demo-people`.

They choose a recovery point and have it tried, see from another shell where a running `up` stands, are kept from
running a second one, get their messages, approve the switch, take along what was written on the way back, and retire
the database that nobody needs any more. What the table at the end claims is read from the databases, AWS, the cluster,
this machine's processes, and what Slack's and PagerDuty's stub servers and SNS received. Exit code 0 only if every line
holds.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sandbox.application import names
from sandbox.application.deploy import Application, silent
from sandbox.aws.client import Clients, clients
from sandbox.demo import vendors
from sandbox.demo.proofs import Database, Line
from sandbox.demo.stage import STACK, DemoError, Stage, break_data, command, running_sandbox, show
from sandbox.machine.layout import CHECKOUT, Layout
from sandbox.machine.processes import wait_until
from sandbox.runtime import environment

ID = "inc-911"
CANDIDATE = f"{names.INSTANCE}-{ID}"
WRITE_SECONDS = 5.0
LOOK_SECONDS = 900.0
"""How long AWS makes the candidate at most, while a second person looks."""
BEGIN_SECONDS = 300.0
TOPIC = "incidents"
"""Of docs/permissions.md: the operator may publish there."""
UP = ("pulumi", "up", "--yes", "--skip-preview")
TITLES = {
    "opened": "Database restore in progress",
    "frozen": "Applications are stopped",
    "validated": "The restored data is validated",
    "switched": "Applications use the restored database",
    "going back": "Applications go back to the source",
    "over": "Database restore is over",
}
WRITTEN = "SELECT count(*), max(id) FROM transactions WHERE id > %(id)s"
HIGHEST = "SELECT max(id) FROM transactions"
OF_ITSELF = ("pulumi:pulumi:Stack", "pulumi:providers:")
"""What a state has of a program that registers nothing: it asks the plugin as whom it calls."""
PROCESS = re.compile(r"process (\d+)")


@dataclass(frozen=True)
class Looks:
    """What somebody else was told while the first `up` ran, and what was there then."""

    status: str
    runs: bool
    """The process that the status names is the one that the first person's command has started."""
    handover: str
    refusal: str
    registered: int
    """Resources in the second person's own state after the refusal."""


@dataclass(frozen=True)
class Approval:
    """What became of the switch before and after a second person approved it."""

    stopped: bool
    """No application had a replica when the switch was refused."""
    before: str
    """The host that the connection secret named then."""
    after: str


def demonstrate(stage: Stage, *, keep: bool) -> bool:
    source, candidate = Database(stage.layout, "source"), Database(stage.layout, "candidate", ID)
    with running_sandbox(stage, keep=keep), vendors.serving() as people:
        happened = break_data(stage)
        aws = clients(stage.layout)
        configure(stage, people, aws.sns.create_topic(Name=TOPIC)["TopicArn"])
        stage.title("Which recovery point? And would it work?")
        options = ("python", "-m", "restore", "options", "--time", str(happened["restore_to"]))
        stage.run(*options)
        stage.run(*options, "--check", "1")
        stage.title("One runs the restore; another one looks, and can't run it too")
        stage.config(id=ID, method="pitr", time=str(happened["restore_to"]), traffic="frozen")
        aws.faults.add("slow-restore", seconds=LOOK_SECONDS)
        with running_up(stage) as first:
            looks = look(stage, first)
            aws.faults.remove("slow-restore")
            if first.wait(300):
                raise DemoError("the first up failed")
        highest = int(candidate.query(HIGHEST, {})[0][0])
        hosts = [find_host(aws, name) for name in (names.INSTANCE, CANDIDATE)]
        approval = switch(stage)
        stage.title(f"Back after {WRITE_SECONDS:g} s, with what was written meanwhile")
        time.sleep(WRITE_SECONDS)
        stage.run("python", "-m", "restore", "rollback", "--carry", "--yes", phase="rollback --carry")
        carried = [database.query(WRITTEN, {"id": highest})[0] for database in (candidate, source)]
        stage.run("python", "-m", "restore", "close", "--yes")
        stage.title("Nobody needs the restored database any more")
        retired = retire(stage)
        proved = [
            *look_lines(looks), approval_line(approval, hosts), *message_lines(people),
            topic_line(aws, len(people.slack)),
            carry_line(carried), *retired,
        ]  # fmt: skip
    show(stage, proved, stage.records(ID))
    return all(line.holds for line in proved)


def configure(stage: Stage, people: vendors.Vendors, topic: str) -> None:
    """Messages go to the stub servers and to SNS; a switch needs two persons."""
    stage.select(STACK)
    stage.config(
        approvals="2", incident="PD-911", reason="DELETE without WHERE", openedBy="Ada", contact="Ada, +1 555 0100"
    )
    plain = {"slackChannel": "C0123456789", "slackUrl": people.url, "pagerdutyUrl": people.url, "snsTopic": topic}
    for key, value in plain.items():
        stage.run("pulumi", "config", "set", "--path", f"notify.{key}", value)
    for key, value in (("slackToken", vendors.TOKEN), ("pagerdutyKey", vendors.KEY)):
        stage.run("pulumi", "config", "set", "--secret", "--path", f"notify.{key}", value)


@contextmanager
def running_up(stage: Stage) -> Generator[subprocess.Popen[str]]:
    """Yields the first person's `up`; what it says is shown at its end."""
    output = stage.layout.root / "first-up.log"
    stage.console.print("$ pulumi up  (in the first person's shell)", style="bold cyan", highlight=False)
    with output.open("w") as file:
        process = subprocess.Popen(
            UP, cwd=CHECKOUT, env=dict(stage.variables), stdout=file, stderr=subprocess.STDOUT, text=True
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            print(output.read_text(), flush=True)


def look(stage: Stage, first: subprocess.Popen[str]) -> Looks:
    """What a second person, with a state of their own, is told while the candidate is made, which AWS takes its time
    for until they have looked."""
    rds = clients(stage.layout).rds

    def is_begun() -> bool:
        found: Any = rds.describe_db_instances()["DBInstances"]
        return CANDIDATE in [instance["DBInstanceIdentifier"] for instance in found]

    wait_until(is_begun, BEGIN_SECONDS, "the candidate being made", 0.1)
    other = replace(stage, variables=another_person(stage))
    other.run("pulumi", "stack", "select", "--create", STACK)
    status = other.read("python", "-m", "restore", "status")
    named = PROCESS.search(" ".join(status.split()))
    runs = named is not None and is_below(int(named[1]), first.pid)
    handover = other.read("python", "-m", "restore", "status", "--handover")
    refusal = other.refuses(*UP, saying="runs it")
    export = subprocess.run(
        ["pulumi", "stack", "export"], cwd=CHECKOUT, env=dict(other.variables), capture_output=True, text=True,
        check=True,
    ).stdout  # fmt: skip
    resources: list[dict[str, Any]] = json.loads(export)["deployment"].get("resources") or []
    registered = [item for item in resources if not str(item["type"]).startswith(OF_ITSELF)]
    stage.run("pulumi", "stack", "select", STACK)  # both sit at one machine here, where a project has one selection
    return Looks(status, runs, handover, refusal, len(registered))


def is_below(pid: int, ancestor: int) -> bool:
    """Whether a living process descends from another (proc(5), "stat": the fourth field is the parent)."""
    while pid > 1 and pid != ancestor:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])
        except OSError:
            return False
    return pid == ancestor


def another_person(stage: Stage) -> Mapping[str, str]:
    """The environment of somebody else: another name, another identity of AWS, another state."""
    state = stage.layout.root / "state-of-grace"
    state.mkdir(exist_ok=True)
    return {
        **stage.variables,
        **environment.administrator(stage.layout),
        "LOGNAME": "grace",
        "PULUMI_BACKEND_URL": f"file://{state}",
    }


def switch(stage: Stage) -> Approval:
    stage.title("The switch waits for a second person")
    stage.config(traffic="restored")
    stage.refuses(*UP, saying="approved.person")
    cluster = Application(stage.layout, silent).kube
    replicas = [item["spec"]["replicas"] for item in cluster.list("Deployment", names.NAMESPACE)]
    before = read_secret_host(stage.layout)
    somebody = replace(stage, variables={**stage.variables, **environment.administrator(stage.layout)})
    somebody.run("python", "-m", "restore", "approve", "--yes")
    stage.run(*UP, phase="up: restored")
    return Approval(not any(replicas), before, read_secret_host(stage.layout))


def read_secret_host(layout: Layout) -> str:
    """The host in the URL of the applications' connection secret, as the cluster has it."""
    secret: Any = Application(layout, silent).kube.get("Secret", names.NAMESPACE, names.SECRET)
    url = base64.b64decode(secret["data"][names.SECRET_KEY]).decode()
    return str(urlsplit(url).hostname)


def find_host(aws: Clients, identifier: str) -> str:
    instance: Any = aws.rds.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"][0]
    return str(instance["Endpoint"]["Address"])


def retire(stage: Stage) -> list[Line]:
    """Deletes the candidate as an operator would, and says what AWS has then."""
    rds = clients(stage.layout).rds
    instance: Any = rds.describe_db_instances(DBInstanceIdentifier=CANDIDATE)["DBInstances"][0]
    reason = "the demo's applications left it a minute ago"
    stage.run(
        "python", "-m", "restore", "retire", instance["DbiResourceId"], "--not-asked", reason, "--yes", phase="retire"
    )  # fmt: skip
    left: Any = rds.describe_db_instances()["DBInstances"]
    names_left = [item["DBInstanceIdentifier"] for item in left]
    snapshots: Any = rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    finals = [item["DBSnapshotIdentifier"] for item in snapshots if item["DBInstanceIdentifier"] == CANDIDATE]
    return [
        Line("retired", f"instances left: {', '.join(names_left)}", names_left == [names.INSTANCE]),
        Line("its final snapshot", ", ".join(finals) or "none", len(finals) == 1),
    ]


def look_lines(looks: Looks) -> list[Line]:
    found = [line.partition("found:")[2].strip() for line in looks.refusal.splitlines() if "runs it" in line]
    refused = " ".join(filter(None, found))
    mine = f"{looks.registered} resources in the second person's state"
    told = looks.handover.splitlines()
    handed_over = len(told) == 5 and told[0].startswith("Serves: nobody")
    return [
        Line("status, from another shell", find_runner(looks.status) or "nobody is named", looks.runs),
        Line("status --handover", told[0] if told else "nothing", handed_over),
        Line("a second up", f"{refused or 'not refused'}; {mine}", bool(refused) and not looks.registered),
    ]


def find_runner(status: str) -> str:
    """Who runs the restore, as a status says it."""
    lines = iter(status.splitlines())
    first = next((line for line in lines if line.startswith("run ")), "")
    more = [line.strip() for line in lines if line.startswith("  ")][:3] if first else []
    return " ".join([first[3:].strip(), *more])


def approval_line(approval: Approval, hosts: list[str]) -> Line:
    text = "switched with stopped applications only, after a second person's word"
    held = approval.stopped and [approval.before, approval.after] == hosts
    return Line("approved", text if held else f"from {approval.before} to {approval.after}", held)


def message_lines(people: vendors.Vendors) -> list[Line]:
    threads = {message.get("thread_ts", "") for message in people.slack[1:]}
    texts = [str(message["text"]) for message in people.slack]
    missing = [event for event, title in TITLES.items() if not any(text.startswith(title) for text in texts)]
    actions = [str(event["event_action"]) for event in people.pagerduty]
    one_alert = len({event["dedup_key"] for event in people.pagerduty}) == 1
    refused = "; ".join(people.faults) or "none"
    return [
        Line("refused by a vendor's schema", refused, not people.faults),
        Line("Slack", f"{len(texts)} messages in one thread; missing: {', '.join(missing) or 'none'}",
             not missing and len(threads) == 1 and "" not in threads),
        Line("PagerDuty", f"one alert: {' '.join(actions)}",
             one_alert and actions[:1] == ["trigger"] and actions[-1:] == ["resolve"]),
    ]  # fmt: skip


def topic_line(aws: Clients, others: int) -> Line:
    """The topic has every message, as the `others` have."""
    messages = aws.messages()
    subjects = [str(message["subject"]) for message in messages if str(message["topic"]).endswith(f":{TOPIC}")]
    missing = [event for event, title in TITLES.items() if not any(text.startswith(title) for text in subjects)]
    text = f"{len(subjects)} messages; missing: {', '.join(missing) or 'none'}"
    return Line("SNS", text, not missing and len(subjects) == others)


def carry_line(carried: list[Any]) -> Line:
    (written, highest), (arrived, _) = carried
    text = f"{written} transactions written to the restored database, {arrived} of them or newer in the source"
    return Line("carried back", f"{text}; highest {highest}", 0 < int(written) <= int(arrived))


if __name__ == "__main__":
    sys.exit(command(demonstrate, "demo.people", ".sandbox-demo-people"))
