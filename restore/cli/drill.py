"""`python -m restore drill`: rehearses a restore of the stack without touching its traffic (restore/drill)."""

from __future__ import annotations

import argparse
import json
import signal
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType

from restore.aws import Aws
from restore.cli.options import find_options
from restore.cli.stack_settings import read_settings
from restore.drill import plan, schedule
from restore.drill.lease import DrillLease
from restore.drill.result import STEP, Drill, DrillResult, as_json, as_junit, render
from restore.drill.run import DrillRun
from restore.errors import Problem, Refused
from restore.evidence import Store, provenance, publish
from restore.kubernetes import Api
from restore.model.drill import parse_duration
from restore.model.request import Method, Settings
from restore.pulumi_stack.automation import OperatorStack

RUN, SCHEDULE = "run", "schedule"


def add_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "action", nargs="?", choices=(RUN, SCHEDULE), default=RUN,
        help="schedule: print the CronJob that drills every quarter, with its service account (default: run)",
    )  # fmt: skip
    command.add_argument(
        "--method", choices=[str(method) for method in Method], help="what is restored from (default: drill.method)"
    )
    command.add_argument("--json", action="store_true", help="the result as JSON; what happens goes to stderr")
    command.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML too, for CI; replaces the file")
    command.add_argument("--apply", action="store_true", help="with schedule: make or change them in the cluster")


def run(stack: OperatorStack, arguments: argparse.Namespace) -> int:
    """Returns the exit code: 0 when every phase passed and no target is missed. Raises Refused for options that can't
    be met, and as `drill` does."""
    settings = read_settings(stack, datetime.now(UTC))
    if arguments.action == SCHEDULE:
        print(schedule.declare(settings, Api(settings.kubeconfig, settings.context), apply=arguments.apply))
        return 0
    if arguments.junit and not arguments.junit.parent.is_dir():
        needed = "a file in a folder that is there"
        raise Refused(
            [Problem("option --junit", str(arguments.junit), needed, "python -m restore drill --junit drill.xml")]
        )
    method = Method(arguments.method or settings.drill.method)
    result = drill(stack, arguments.project, settings, method, to_stderr=arguments.json)
    print(json.dumps(as_json(result), indent=2) if arguments.json else render(result))
    if arguments.junit:
        arguments.junit.write_bytes(as_junit(result))
    return 0 if result.passed else 1


def drill(stack: OperatorStack, folder: Path, settings: Settings, method: Method, *, to_stderr: bool) -> DrillResult:
    """Returns the result of a drill, which is kept in the evidence of its own stack. Raises Refused for what it lacks,
    PermanentError while another one runs."""
    plan.require_ready(settings)
    now = datetime.now(UTC)
    option = plan.choose_point(find_options(stack, None, [], now).options, method)
    drill_id = plan.choose_id(settings.source, now)
    config = plan.configure(stack.read_config(), drill_id, settings.stack, option, folder)
    aws = Aws.of(settings)
    store = Store.open(config["restore:evidence"].text, aws)
    of = Drill(
        id=drill_id,
        stack=settings.stack,
        source=settings.source,
        point=f"{method}:{plan.read_value(option)}",
        rpo_seconds=max(0.0, option.lost.total_seconds()),
        rto_target=parse_duration(settings.targets.rto) if settings.targets.rto else None,
        rpo_target=parse_duration(settings.targets.rpo) if settings.targets.rpo else None,
    )
    say = partial(print, file=sys.stderr if to_stderr else sys.stdout, flush=True)
    operator = provenance.read_operator(aws)
    lease = DrillLease(Api(settings.kubeconfig, settings.context), settings.drill.namespace or "", describe(operator))
    with interrupt_on_terminate(), lease.hold():
        show = partial(say, end="")
        run = DrillRun(of, stack, folder, settings, config, read_settings, store, say, show, lease.is_own)
        result = run.run()
    record(store, result, operator)
    return result


def describe(operator: dict[str, str]) -> str:
    return f"{operator.get('user', 'somebody')}@{operator.get('host') or socket.gethostname()}"


def record(store: Store, result: DrillResult, operator: dict[str, str]) -> None:
    """Keeps the result. It stands on the terminal whatever becomes of its record: a fault is told, and fails the
    command."""
    content = {**as_json(result), "operator": operator}
    where = publish.record(store, result.drill.drill_stack, result.drill.id, STEP, content, warn=tell_stderr)
    tell_stderr(f"evidence: {where}")


def tell_stderr(text: str) -> None:
    print(text, file=sys.stderr)


@contextmanager
def interrupt_on_terminate() -> Generator[None]:
    """Has SIGTERM, by which a cluster ends a pod, do as Ctrl-C does: what was made is torn down first."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
