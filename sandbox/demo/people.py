"""What a restore is like for the people around it: `make demo-people`.

They choose a recovery point and have it tried, see from another shell where a running `up` stands, are kept from
running a second one, get their messages, approve the switch, take along what was written on the way back, and retire
the database that nobody needs any more. What the table at the end claims is read from the databases, from AWS and from
what the stub servers of Slack and PagerDuty received. Exit code 0 only if every line holds.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sandbox.application import names
from sandbox.aws.client import clients
from sandbox.demo import vendors
from sandbox.demo.proofs import Database, Line
from sandbox.demo.stage import STACK, Stage, break_data, command, running_sandbox, show
from sandbox.machine.layout import CHECKOUT
from sandbox.machine.processes import wait_until
from sandbox.runtime import environment

ID = "inc-911"
CANDIDATE = f"{names.INSTANCE}-{ID}"
WRITE_SECONDS = 5.0
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


@dataclass(frozen=True)
class Looks:
    """What somebody else was told while the first `up` ran."""

    status: str
    refusal: str


def demonstrate(stage: Stage, *, keep: bool) -> bool:
    source, candidate = Database(stage.layout, "source"), Database(stage.layout, "candidate", ID)
    with running_sandbox(stage, keep=keep), vendors.serving() as people:
        happened = break_data(stage)
        configure(stage, people)
        stage.title("Which recovery point? And would it work?")
        options = ("python", "-m", "restore", "options", "--time", str(happened["restore_to"]))
        stage.run(*options)
        stage.run(*options, "--check", "1")
        stage.title("One runs the restore; another one looks, and can't run it too")
        stage.config(id=ID, method="pitr", time=str(happened["restore_to"]), traffic="frozen")
        with running_up(stage) as first:
            looks = look(stage)
            if first.wait(300):
                raise SystemExit("the first up failed")
        highest = int(candidate.query(HIGHEST, {})[0][0])
        switch(stage)
        stage.title(f"Back after {WRITE_SECONDS:g} s, with what was written meanwhile")
        time.sleep(WRITE_SECONDS)
        stage.run("python", "-m", "restore", "rollback", "--carry", "--yes", phase="rollback --carry")
        carried = [database.query(WRITTEN, {"id": highest})[0] for database in (candidate, source)]
        stage.run("python", "-m", "restore", "close", "--yes")
        stage.title("Nobody needs the restored database any more")
        retired = retire(stage)
        proved = [*look_lines(looks), *message_lines(people), carry_line(carried), *retired]
    show(stage, proved, stage.records(ID))
    return all(line.holds for line in proved)


def configure(stage: Stage, people: vendors.Vendors) -> None:
    """Messages go to the stub servers; a switch needs two persons."""
    stage.select(STACK)
    stage.config(
        approvals="2", incident="PD-911", reason="DELETE without WHERE", openedBy="Ada", contact="Ada, +1 555 0100"
    )
    for key, value in (("slackChannel", "C0123456789"), ("slackUrl", people.url), ("pagerdutyUrl", people.url)):
        stage.run("pulumi", "config", "set", "--path", f"notify.{key}", value)
    for key, value in (("slackToken", vendors.TOKEN), ("pagerdutyKey", vendors.KEY)):
        stage.run("pulumi", "config", "set", "--secret", "--path", f"notify.{key}", value)


@contextmanager
def running_up(stage: Stage) -> Generator[subprocess.Popen[str]]:
    """Yields the first person's `up`; what it says is shown at its end."""
    output = Path(f"{stage.layout.root}-up.log")
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


def look(stage: Stage) -> Looks:
    """What a second person, with a state of their own, is told while the candidate is made."""
    rds = clients(stage.layout).rds

    def is_begun() -> bool:
        found: Any = rds.describe_db_instances()["DBInstances"]
        return CANDIDATE in [instance["DBInstanceIdentifier"] for instance in found]

    wait_until(is_begun, 120, "the candidate being made", 0.1)
    other = replace(stage, variables=another_person(stage))
    other.run("pulumi", "stack", "select", "--create", STACK)
    status = subprocess.run(
        ["python", "-m", "restore", "status"], cwd=CHECKOUT, env=dict(other.variables), capture_output=True, text=True,
        check=False,
    ).stdout  # fmt: skip
    print(f"$ python -m restore status\n{status}", flush=True)
    return Looks(status, other.refuses(*UP, saying="runs it"))


def another_person(stage: Stage) -> Mapping[str, str]:
    """The environment of somebody else: another name, another identity of AWS, another state."""
    state = Path(f"{stage.layout.root}-state-of-grace")
    state.mkdir(exist_ok=True)
    return {
        **stage.variables,
        **environment.administrator(stage.layout),
        "LOGNAME": "grace",
        "PULUMI_BACKEND_URL": f"file://{state}",
    }


def switch(stage: Stage) -> None:
    stage.title("The switch waits for a second person")
    stage.config(traffic="restored")
    stage.refuses(*UP, saying="approved.person")
    somebody = replace(stage, variables={**stage.variables, **environment.administrator(stage.layout)})
    somebody.run("python", "-m", "restore", "approve", "--yes")
    stage.run(*UP, phase="up: restored")


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
    seen = find_runner(looks.status)
    refused = next((line.strip() for line in looks.refusal.splitlines() if "runs it" in line), "")
    return [
        Line("status, from another shell", seen or "nobody is named", bool(seen)),
        Line("a second up", refused or "not refused", bool(refused)),
    ]


def find_runner(status: str) -> str:
    """The line of a status that says who runs the restore, on which machine."""
    return next((line.strip() for line in status.splitlines() if line.startswith("run") and "@" in line), "")


def message_lines(people: vendors.Vendors) -> list[Line]:
    threads = {message.get("thread_ts", "") for message in people.slack[1:]}
    texts = [str(message["text"]) for message in people.slack]
    missing = [event for event, title in TITLES.items() if not any(text.startswith(title) for text in texts)]
    actions = [str(event["event_action"]) for event in people.pagerduty]
    one_alert = len({event["dedup_key"] for event in people.pagerduty}) == 1
    return [
        Line("Slack", f"{len(texts)} messages in one thread; missing: {', '.join(missing) or 'none'}",
             not missing and len(threads) == 1 and "" not in threads),
        Line("PagerDuty", f"one alert: {' '.join(actions)}",
             one_alert and actions[:1] == ["trigger"] and actions[-1:] == ["resolve"]),
    ]  # fmt: skip


def carry_line(carried: list[Any]) -> Line:
    (written, highest), (arrived, _) = carried
    text = f"{written} transactions written to the restored database, {arrived} of them or newer in the source"
    return Line("carried back", f"{text}; highest {highest}", 0 < int(written) <= int(arrived))


if __name__ == "__main__":
    sys.exit(command(demonstrate, "demo.people", ".sandbox-demo-people"))
