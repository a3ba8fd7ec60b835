"""One drill from its beginning to its end: each phase measured, and everything torn down whatever happens.

1. what earlier drills left behind is deleted
2. `pulumi up` in a stack of its own: the restored instance, and its gates `conformed` and `validated`
3. copies of the applications in the scratch namespace, at zero replicas, in a closed network
4. the switch: the copied secret names the restored instance, the copies start and are ready
5. the requests of the configuration
6. the way back: the copies stop, the secret holds what production's holds, whose login works
7. a defect is planted in the restored instance, and validation must find it
8. copies, instance and stack are deleted
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from restore import plan as plans
from restore.aws import Aws, Rds
from restore.cutover.rollback import ConfigValue
from restore.drill import rehearsal as phases
from restore.drill.copies import Place
from restore.drill.plan import is_of_drill_id
from restore.drill.rehearsal import Outcome, Rehearsal
from restore.drill.remains import Discarding, find_remains, find_use
from restore.drill.result import Drill, DrillResult, Phase, judge_targets, say_seconds
from restore.drill.scratch import Scratch
from restore.errors import PermanentError, Problem, RestoreError
from restore.evidence import Store
from restore.gates.context import GateContext
from restore.gates.hook import Watch
from restore.inventory import gather
from restore.kubernetes import Api, Namespace
from restore.model.context import RestoreContext
from restore.model.labels import LABEL_DRILL
from restore.model.request import Settings
from restore.pulumi_stack.automation import OperatorStack
from validation.verdict import Verdict

SECONDS = 24 * 3600.0
COPIED = ("Pulumi.yaml", "__main__.py")
"""Of the project's folder; the rest is linked, but for the stacks' own files."""
TIMED = ("copy", "candidate", "conformed", "scanned", "imported", "validated")
"""Steps of the restore, by the names of their records."""
CLEAN_UP, RESTORE, COPIES, SWITCH, REQUESTS, WAY_BACK, DEFECT, TEAR_DOWN, TARGETS = (
    "clean up",
    "restore",
    "copies",
    "switch",
    "requests",
    "way back",
    "planted defect",
    "tear down",
    "targets",
)

Say = Callable[[str], None]
ReadSettings = Callable[[OperatorStack, datetime], Settings]
Work = Callable[[], Outcome]


class _PhaseFailed(Exception):
    """What comes after it in a drill is not worth trying."""


@dataclass
class DrillRun:
    """One drill. `config`: of its own stack; `read_settings`: reads a stack's settings."""

    drill: Drill
    stack: OperatorStack
    folder: Path
    settings: Settings
    config: Mapping[str, ConfigValue]
    read_settings: ReadSettings
    store: Store
    say: Say
    show_output: Say
    holds: Callable[[], bool]
    """Whether the Lease is still this drill's."""
    stop: threading.Event = field(default_factory=threading.Event)
    longest: float = 15.0
    """Seconds between two looks at what AWS does, at most."""
    _phases: list[Phase] = field(default_factory=list[Phase])
    _drilled: OperatorStack | None = None
    _restored_at: float = 0.0
    _answered_at: float | None = None

    @property
    def api(self) -> Api:
        return Api(self.settings.kubeconfig, self.settings.context)

    @property
    def rds(self) -> Rds:
        return Rds(Aws.of(self.settings), self.settings.tunnel)

    @property
    def scratch(self) -> Scratch:
        place = Place(self.settings.drill.namespace or "", self.drill.id)
        return Scratch(self.api, place, self.settings.namespace, self.stop)

    def run(self) -> DrillResult:
        """Returns the result; whatever goes wrong is in it. An interrupt is, too: what was made is torn down first."""
        began, started = datetime.now(UTC), time.monotonic()
        with copy_project(self.folder) as project:
            try:
                self._play(project)
            except _PhaseFailed:
                pass
            except KeyboardInterrupt:
                self.say(f"drill {self.drill.id}: interrupted; what it made is deleted now (a second Ctrl-C leaves it)")
            finally:
                self._try(TEAR_DOWN, self._tear_down)
        rto = None if self._answered_at is None else self._answered_at - self._restored_at
        self._try(TARGETS, partial(self._judge, rto))
        return DrillResult(self.drill, began, time.monotonic() - started, tuple(self._phases), rto)

    def _play(self, project: Path) -> None:
        self._must(CLEAN_UP, partial(self._clean_up, project))
        self._restored_at = time.monotonic()
        self._must(RESTORE, self._restore)
        rehearsal = self._rehearse()
        self._must(COPIES, partial(phases.make_copies, rehearsal))
        self._must(SWITCH, partial(phases.switch, rehearsal))
        self._answered_at = time.monotonic()
        self._try(REQUESTS, partial(phases.ask, rehearsal))
        self._must(WAY_BACK, partial(phases.go_back, rehearsal))
        self._try(DEFECT, partial(phases.plant, rehearsal))

    def _must(self, name: str, work: Work) -> None:
        if not self._try(name, partial(self._work_alone, work)):
            raise _PhaseFailed(name)

    def _work_alone(self, work: Work) -> Outcome:
        """Runs a phase unless another drill has taken over: it uses the same copies and the same stack."""
        return work() if self.holds() else Outcome("another drill has taken over", (describe_taken_over(),))

    def _try(self, name: str, work: Work) -> bool:
        """Runs a phase, and notes how it went; returns whether it passed. An interrupt goes on to the caller."""
        self.say(f"drill {self.drill.id}: {name}")
        began, started = datetime.now(UTC), time.monotonic()
        outcome = Outcome("interrupted", (describe_interrupt(name),))
        try:
            outcome = work()
        except RestoreError as error:
            problem = describe_error(name, error)
            outcome = Outcome(f"{problem.subject}: {problem.found}", (problem,))
        finally:
            verdict = Verdict.FAIL if outcome.problems else Verdict.PASS
            seconds = time.monotonic() - started
            self._phases.append(Phase(name, verdict, outcome.found, began, seconds, outcome.problems, outcome.facts))
            self.say(f"drill {self.drill.id}: {name}: {outcome.found} ({say_seconds(seconds)})")
        return not outcome.problems

    def _clean_up(self, project: Path) -> Outcome:
        """Deletes what earlier drills left in AWS, in the cluster and in Pulumi, and makes the drill's own stack."""
        name = self.name_drilled()
        if (self.folder / f"Pulumi.{name.rpartition('/')[2]}.yaml").exists():
            return Outcome("the drill's own stack is somebody's", (describe_foreign(name, "a settings file"),))
        left = self._delete_all(LABEL_DRILL, None)
        if problems := left.problems:
            return Outcome("what an earlier drill left can't be deleted", problems)
        drilled = self.stack.make_other(project, name)
        if foreign := find_foreign(drilled.export()):
            return Outcome("the drill's own stack is somebody's", (describe_foreign(name, ", ".join(foreign)),))
        if drilled.has_resources():
            drilled.forget()
            drilled = self.stack.make_other(project, name)
        self._drilled = drilled
        drilled.write_config(self.config)
        return left

    def name_drilled(self) -> str:
        """Returns the name of the drill's own stack, as the CLI knows it."""
        return f"{self.stack.name}-drill"

    def _restore(self) -> Outcome:
        assert self._drilled
        try:
            self._drilled.up_as_it_is(f"drill {self.drill.id}", self.show_output)
        except PermanentError:
            problems = find_shut(self._read_records()) or (describe_failed_up(),)
            return Outcome("`pulumi up` failed (its output is above)", problems, self._time_steps())
        steps = self._time_steps()
        took = ", ".join(f"{name} {say_seconds(seconds)}" for name, seconds in steps["seconds"].items())
        return Outcome(f"restored from {self.drill.point} and proved ({took})", facts=steps)

    def _time_steps(self) -> dict[str, Any]:
        return {"seconds": time_steps(self._read_records())}

    def _read_records(self) -> tuple[Mapping[str, Any], ...]:
        return self.store.read_all(self.drill.drill_stack, self.drill.id)

    def _rehearse(self) -> Rehearsal:
        """Returns what the later phases work with, as found now."""
        assert self._drilled
        now = datetime.now(UTC)
        settings = self.read_settings(self._drilled, now)
        assert settings.request
        inventory = gather.gather(settings, now, room=False)
        gates = GateContext.of(settings, plans.make(settings, inventory))
        watch = Watch("drill", SECONDS, self.stop, self.say)
        return Rehearsal(
            RestoreContext(settings, settings.request, inventory), gates, self.scratch, watch, self.settings.drill
        )

    def _tear_down(self) -> Outcome:
        """Deletes what this very drill has made. The stack is the next drill's once that has taken over: it goes only
        while this one holds the Lease."""
        outcome = self._delete_all(self.scratch.place.selector, self.drill.id)
        if self._drilled and self.holds():
            self._drilled.forget()
        return outcome

    def _delete_all(self, selector: str, drill_id: str | None) -> Outcome:
        """Deletes the copies that the selector names, then the instances that drills of this stack have made, or the
        one of this id. None of these hinders the others."""
        problems: list[Problem] = []
        deleted: list[str] = []
        try:
            deleted += self.scratch.clean(selector)
        except RestoreError as error:
            problems.append(describe_error(TEAR_DOWN, error))
        instances = self.rds.list_instances()
        secret = Namespace(self.api, self.settings.namespace).read_connection_secret(self.settings.secret)
        for instance in find_remains(instances, self.settings, drill_id):
            if use := find_use(instance, secret, instances):
                problems.append(use)
                continue
            try:
                Discarding(self.rds, self.settings, self.stop, self.longest).discard(instance.resource_id)
            except RestoreError as error:
                problems.append(describe_error(TEAR_DOWN, error))
            else:
                deleted.append(f"instance {instance.identifier} ({instance.resource_id})")
        found = f"deleted: {len(deleted)} things" if deleted else "nothing was there to delete"
        return Outcome(found, tuple(problems), {"deleted": deleted})

    def _judge(self, rto: float | None) -> Outcome:
        missed = judge_targets(self.drill, rto)
        targets = (self.drill.rto_target, self.drill.rpo_target)
        said = "missed" if missed else "met" if any(targets) else "none is set (targets.rto, targets.rpo)"
        return Outcome(said, tuple(missed))


@contextmanager
def copy_project(folder: Path) -> Generator[Path]:
    """Yields a folder with the same program, for a stack of its own: the operator's selected stack stays selected, and
    no file of a stack is left in the project."""
    with tempfile.TemporaryDirectory(prefix="restore-drill-") as name:
        copy = Path(name)
        for entry in folder.iterdir():
            if entry.name in COPIED:
                shutil.copyfile(entry, copy / entry.name)
            elif not entry.name.startswith("Pulumi."):
                (copy / entry.name).symlink_to(entry.resolve())
        yield copy


def find_foreign(state: Mapping[str, Any]) -> list[str]:
    """Returns the resources of a state that no drill makes: all of the cluster, and what has no drill's id. Pure."""
    deployment: Mapping[str, Any] = state["deployment"] or {}
    pending = (item["resource"] for item in deployment.get("pending_operations") or ())
    resources: list[Mapping[str, Any]] = [*(deployment.get("resources") or ()), *pending]
    split = (str(item["urn"]).split("::") for item in resources)
    named = ((parts[-2].rpartition("$")[2], parts[-1]) for parts in split)
    return sorted(
        {
            name
            for kind, name in named
            if kind.startswith("kubernetes:") or (kind.startswith("aws:") and not is_of_drill_id(name))
        }
    )


def describe_foreign(name: str, found: str) -> Problem:
    needed = "a stack of this name that only drills use: they remove it"
    fix = 'docs/drill.md, "The stack of a drill"; then: python -m restore drill'
    return Problem(f"drill.stack:{name}", f"it has {found}, which no drill made", needed, fix)


def time_steps(records: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Returns how long each step of the restore took, in seconds, by the newest record that has an end. Pure."""
    seconds: dict[str, float] = {}
    for record in records:
        step, began, ended = str(record.get("step")), record.get("began"), record.get("ended")
        if step in TIMED and began and ended:
            taken = datetime.fromisoformat(str(ended)) - datetime.fromisoformat(str(began))
            seconds[step] = round(taken.total_seconds(), 3)
    return {step: seconds[step] for step in TIMED if step in seconds}


def find_shut(records: Iterable[Mapping[str, Any]]) -> tuple[Problem, ...]:
    """Returns the problems of the gates whose newest attempt stayed shut. Pure."""
    newest = {str(record["gate"]): record for record in records if record.get("gate")}
    problems: list[Problem] = []
    for name, record in newest.items():
        if record.get("open"):
            continue
        named = [read_problem(item) for item in record.get("problems") or ()]
        fix = 'docs/drill.md, "A gate stays shut"'
        shut = Problem(f"drill.gate:{name}", str(record.get("summary")), "an open gate", fix)
        problems += named or [shut]
    return tuple(problems)


def read_problem(item: Mapping[str, Any]) -> Problem:
    """Returns a problem as a gate's record has it."""
    return Problem(str(item["subject"]), str(item["found"]), str(item["needed"]), str(item["fix"]))


def describe_failed_up() -> Problem:
    fix = "pulumi preview (of the stack itself, with an id and this method); docs/drill.md"
    return Problem("drill.restore", "`pulumi up` failed before any gate was tried", "a restored instance", fix)


def describe_error(name: str, error: RestoreError) -> Problem:
    """Returns an error as the problem of a phase; one that says what is wrong stays as it is."""
    if error.problem:
        return error.problem
    return Problem(f"drill.phase:{name}", str(error), "a phase that runs to its end", "python -m restore drill")


def describe_taken_over() -> Problem:
    found = "another drill has taken over: this one wasn't heard of for 2 minutes, as while its machine slept"
    needed = "one drill of a scratch namespace at a time"
    return Problem("drill.running", found, needed, 'docs/drill.md, "One at a time"; python -m restore drill')


def describe_interrupt(name: str) -> Problem:
    return Problem(f"drill.phase:{name}", "interrupted", "a phase that runs to its end", "python -m restore drill")
