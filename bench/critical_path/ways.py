"""The two ways to a validated switch, each run for real on a sandbox of its own whose RDS has a pace."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.critical_path.paces import Pace
from bench.critical_path.script import BY_RENAME, BY_STRING, FILE
from bench.critical_path.timing import Span, real_seconds
from sandbox.application import names
from sandbox.application.database import ensure_network, wait_restorable
from sandbox.aws.client import clients
from sandbox.demo.proofs import Database
from sandbox.demo.stage import operator_environment
from sandbox.machine.layout import CHECKOUT, Layout
from sandbox.runtime.environment import administrator

STACK, ID = "bench", "bench"
LINKED = ("restore", "validation", ".venv")
COPIED = ("Pulumi.yaml", "__main__.py")
WRITE_SECONDS = 4.0
OURS = (
    ("config", "set", "id", ID),
    ("config", "set", "method", "pitr"),
    ("config", "set", "time", "{time}"),
    ("config", "set", "traffic", "frozen"),
    ("preview",),
    ("up", "--yes", "--skip-preview"),
    ("config", "set", "traffic", "restored"),
    ("up", "--yes", "--skip-preview"),
)
"""What an operator types. `{time}`: the second to restore to."""
PROVED = 6
"""How many of these it takes until the restored database is proved."""
BACKUP = "back_up"
TO_THE_SANDBOX = 'aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }'
"""Version 1 of the AWS CLI doesn't read the variable."""
LOST = "SELECT count(*) FROM transactions WHERE created_at > %s::timestamptz"
OUR_DECISIONS = (
    "the time (options ranks what there is by the data it loses)",
    "freeze and restore, after the preview",
    "switch, after the loss report",
)


class BenchError(Exception):
    """A command failed; its figure would mean nothing."""


@dataclass(frozen=True)
class Result:
    """One way at one pace, in seconds of the real world. `lost`: rows that the source has and the new database not."""

    seconds: float
    first_byte: float
    lost: int
    phases: Mapping[str, float]


@dataclass(frozen=True)
class Scene:
    """A sandbox with a broken database."""

    layout: Layout
    variables: Mapping[str, str]
    restore_to: str
    known_user: str
    pace: Pace

    def real_seconds(self, within: Span, waited_for: Callable[[str], bool] = lambda _step: True) -> float:
        """`waited_for` tells of which of RDS's steps somebody waits for the end."""
        return real_seconds(within, self.steps(waited_for), self.pace.factor)

    def steps(self, waited_for: Callable[[str], bool]) -> list[Span]:
        with urllib.request.urlopen(f"{self.layout.aws_endpoint}/_sandbox/steps", timeout=60) as answer:
            done: list[dict[str, Any]] = json.load(answer)["steps"]
        return [Span(step["began"], step["ended"]) for step in done if waited_for(step["step"])]

    def status(self, instance: str) -> str:
        listed = clients(self.layout).rds.describe_db_instances(DBInstanceIdentifier=instance)["DBInstances"]
        return str(listed[0].get("DBInstanceStatus"))

    def rows_lost(self, left: str) -> int:
        """Rows that were written to the database that is left after the second that was restored to."""
        with Database(self.layout, left).connection() as connection:
            row = connection.execute(LOST, [self.restore_to]).fetchone()
        return int(str(row[0])) if row else 0


@contextmanager
def broken_sandbox(root: Path, pace: Pace) -> Generator[Scene]:
    """A fresh sandbox whose data breaks, and whose RDS has this pace from then on."""
    layout, project = Layout.at(root / "sandbox"), root / "project"
    variables = operator_environment(layout)
    make_project(project)
    try:
        run(sandbox(layout, "up", "--stack", STACK, "--project", str(project)), CHECKOUT, variables)
        time.sleep(WRITE_SECONDS)  # there must be rows that only the source has
        happened = json.loads(run(sandbox(layout, "incident"), CHECKOUT, variables))
        aws = clients(layout)
        wait_restorable(aws, happened["restore_to"])
        aws.post("pace", steps=pace.seconds)
        yield Scene(layout, variables, happened["restore_to"], happened["known_user"], pace)
    finally:
        run(sandbox(layout, "down", "--purge"), CHECKOUT, variables)


def make_project(folder: Path) -> None:
    """The program as it stands in the checkout, in a folder of its own, so that no stack file is left behind."""
    folder.mkdir(parents=True)
    for name in LINKED:
        (folder / name).symlink_to(CHECKOUT / name)
    for name in COPIED:
        shutil.copy(CHECKOUT / name, folder / name)


def sandbox(layout: Layout, *words: str) -> list[str]:
    return [sys.executable, "-m", "sandbox", *words, "--dir", str(layout.root)]


def run(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> str:
    """Its standard output. Raises BenchError with what it printed when it fails."""
    result = subprocess.run(command, cwd=folder, env=dict(variables), capture_output=True, text=True, check=False)
    if result.returncode:
        raise BenchError(f"{' '.join(command)[:200]}: exit code {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def ours(pace: Pace) -> Result:
    """Runs this program: freeze and restore, then switch."""
    with tempfile.TemporaryDirectory(prefix="restore-bench-") as root, broken_sandbox(Path(root), pace) as scene:
        project = Path(root) / "project"
        run(["pulumi", "stack", "select", "--create", STACK], project, scene.variables)
        marks = [time.time()]
        for words in OURS:
            run(["pulumi", *(word.format(time=scene.restore_to) for word in words)], project, scene.variables)
            marks.append(time.time())
            if len(marks) == PROVED + 1:
                require_backing_up(scene)
        freeze = scene.real_seconds(Span(marks[0], marks[PROVED]), is_waited_for)
        switch = scene.real_seconds(Span(marks[PROVED], marks[-1]), is_waited_for)
        return Result(
            freeze + switch,
            first_byte=freeze,
            lost=scene.rows_lost(names.INSTANCE),
            phases={"freeze, restore, validate": freeze, "switch": switch},
        )


def is_waited_for(step: str) -> bool:
    """Tells whether this program waits for the end of such a step: of the first backup nobody does."""
    return step != BACKUP


def require_backing_up(scene: Scene) -> None:
    """Raises BenchError unless the first backup still goes on when the restore is proved: it was not waited for."""
    status = scene.status(f"{names.INSTANCE}-{ID}")
    if status != "backing-up":
        raise BenchError(f"the candidate is {status} after the proof, so its first backup may have been waited for")


def by_hand(pace: Pace) -> dict[str, Result]:
    """Runs by_hand.sh; a result for each cutover."""
    with tempfile.TemporaryDirectory(prefix="restore-bench-") as root, broken_sandbox(Path(root), pace) as scene:
        marks = Path(root) / "marks"
        script = f'at() {{ echo "$(date +%s.%N) $1" >> {marks}; }}\n{TO_THE_SANDBOX}\n{FILE.read_text()}'
        run(["bash", "-c", script], Path(root), {**scene.variables, **hand_variables(scene)})
        lines = [line.split(" ", 1) for line in marks.read_text().splitlines()]
        times = [(name, float(stamp)) for stamp, name in lines]
        spent = {
            name: scene.real_seconds(Span(began, times[number + 1][1]))
            for number, (name, began) in enumerate(times[:-1])
        }
        # After the rename the restored database has the source's name, and the source another
        old = next(name for name in instances(scene) if "-old-" in name)
        lost = scene.rows_lost(old)
    return {cutover: result_of(cutover, spent, lost) for cutover in (BY_STRING, BY_RENAME)}


def result_of(cutover: str, spent: Mapping[str, float], lost: int) -> Result:
    """What the way by one cutover took, of the times of all phases. Pure."""
    before = {name: seconds for name, seconds in spent.items() if not name.startswith(("cutover", "undo"))}
    until_validated = [*before].index("first validated byte")
    first = sum(list(before.values())[:until_validated])
    phases = {**before, cutover: spent[cutover]}
    return Result(sum(phases.values()), first, lost, phases)


def instances(scene: Scene) -> list[str]:
    described = clients(scene.layout).rds.describe_db_instances()["DBInstances"]
    return [str(item.get("DBInstanceIdentifier")) for item in described]


def hand_variables(scene: Scene) -> dict[str, str]:
    """What a person would have set or looked up before; the hand-run procedure needs an administrator's rights."""
    return {
        **administrator(scene.layout),
        "NAMESPACE": names.NAMESPACE,
        "DB_IDENTIFIER": names.INSTANCE,
        "DB_CLASS": "db.r6g.large",
        "SUBNET_GROUP": names.SUBNET_GROUP,
        "SECURITY_GROUP": ensure_network(clients(scene.layout))[0],
        "MASTER_SECRET": names.MASTER_SECRET,
        "MASTER_USER": names.MASTER_USER,
        "DATABASE": names.DATABASE,
        "SECRET_NAME": names.SECRET,
        "KNOWN_USER": scene.known_user,
        "RESTORE_TARGET_TIME": scene.restore_to,
        "PAGER": "",
        "AWS_PAGER": "",
    }
