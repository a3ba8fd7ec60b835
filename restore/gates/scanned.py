"""Gate `scanned`, method dump only: the dump is whole, is what pg_dump writes, and fits into the instance.

It is read to its end while the instance is being made. Nothing of it is run, and nothing is kept on disk.
"""

from __future__ import annotations

import contextvars
import itertools
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from restore.dumps.catalog import pin
from restore.dumps.check import scan
from restore.dumps.check.scan_file import list_flags
from restore.dumps.model import GIB, Dump, LoadPhase, Options, Progress, Roles, Scan
from restore.errors import Problem
from restore.gates.context import GateContext
from restore.gates.hook import Proof, Watch
from restore.model.dump_kinds import PRIVILEGED_OWNER, find_allow_fault
from restore.model.rds import InstanceSettings
from restore.model.request import Settings
from restore.units import format_size
from validation.verdict import Verdict

SECONDS = 24 * 3600.0
SAY_EVERY_SECONDS = 15.0
SKIP = re.compile(r"--skip ([a-z_]+(?::[^\s,;]+)?)")
"""The loader's flag, with what it leaves out."""


def build_options(settings: Settings) -> Options:
    """Returns how to load: a role that the dump names and the new server lacks is made, without login."""
    store = settings.backups
    return Options(
        roles=Roles.CREATE,
        role_map=store.map,
        allow=frozenset(store.allow),
        skip=frozenset(store.skip),
        search_path=store.search_path,
    )


def take_fingerprint(settings: Settings) -> dict[str, list[str]]:
    """Returns what changes the judgement of a dump besides its bytes; nothing for what is not set."""
    mapped = [f"{old}={new}" for old, new in sorted(settings.backups.map.items())]
    return {name: kinds for name, kinds in {**list_flags(build_options(settings)), "map": mapped}.items() if kinds}


def prove(context: GateContext, watch: Watch) -> Proof:
    """Reads the whole dump; names every reason not to load it at once."""
    scan_result = read_dump(context, watch, find_pinned_dump(context))
    problems = use_config_keys(scan_result.problems, context.settings)
    problems += find_storage_problems(scan_result, context.plan.settings)
    problems += find_owner_problems(scan_result, context.settings)
    if not scan_result.tables:
        needed = "a dump with rows in it"
        problems.append(Problem("scanned.tables", "no table with rows", needed, "python -m restore options"))
    if problems:
        return Proof(Verdict.FAIL, "the dump can't be loaded as it is", scan_result.as_json(), tuple(problems))
    what = f"{scan_result.rows} rows in {len(scan_result.tables)} tables, {format_size(scan_result.bytes)} of SQL"
    return Proof(Verdict.PASS, f"{scan_result.dump.url} is whole: {what}", scan_result.as_json())


def find_owner_problems(scan_result: Scan, settings: Settings) -> Iterable[Problem]:
    """Yields the problems of owners with rights on the whole server, as a new instance has them: its master user and
    RDS's own roles."""
    allowed = settings.backups.allow
    if PRIVILEGED_OWNER in allowed:
        return
    heir = settings.backups.owner or "<role>"
    needed = "owners without rights beyond the database: functions of the dump run with their owner's rights"
    trust = f"pulumi config set --path 'backups.allow[{len(allowed)}]' {PRIVILEGED_OWNER} (for a dump you trust)"
    for name in scan_result.owners:
        role = settings.backups.map.get(name, name)
        if role == settings.login.user or role.startswith(("rds_", "pg_")):
            what = "owns something in the dump, and has rights on the whole server"
            fix = f"pulumi config set --path 'backups.map[\"{name}\"]' {heir}; pulumi up; or: {trust}"
            yield Problem(f"scanned.owner:{name}", what, needed, fix)


def use_config_keys(problems: Iterable[Problem], settings: Settings) -> list[Problem]:
    """Returns the problems, their fixes by the configuration's keys where they name the loader's flags. Each has a
    place of its own in the list that it adds to, behind what is set."""
    places, allowed = itertools.count(len(settings.backups.skip)), len(settings.backups.allow)
    return [_use_config_key(problem, places, allowed) for problem in problems]


def _use_config_key(problem: Problem, places: Iterator[int], allowed: int) -> Problem:
    kind = SKIP.search(problem.fix)
    if kind is None:
        return problem
    or_run = "" if find_allow_fault(kind[1]) else f" (or 'backups.allow[{allowed}]' to run it)"
    skip = f"pulumi config set --path 'backups.skip[{next(places)}]' {kind[1]}"
    return replace(problem, fix=f"{skip}{or_run}; pulumi up")


def find_pinned_dump(context: GateContext) -> Dump:
    """Returns the dump of the plan, in exactly that version."""
    planned = context.plan.point.dump
    assert planned is not None, "method dump plans a dump"
    return pin.find_version(context.s3, planned.bucket, planned.key, planned.version)


def read_dump(context: GateContext, watch: Watch, dump: Dump) -> Scan:
    """Returns what is in the dump; read once in a run. Raises as `scan` does."""
    if dump.identity not in context.scans:
        context.scans[dump.identity] = scan.scan(
            context.s3, dump, build_options(context.settings), progress=make_progress_reporter(watch), stop=watch.stop
        )
    return context.scans[dump.identity]


def find_storage_problems(scan_result: Scan, settings: InstanceSettings) -> Iterable[Problem]:
    """Yields the problem of too little storage, which must be there before: RDS's autoscaling is slower than a load
    (User Guide, "Managing capacity automatically with Amazon RDS storage autoscaling")."""
    size, needed = settings.allocated_storage, math.ceil(scan_result.target_bytes / GIB)
    if size is not None and size < needed:
        yield Problem(
            "scanned.storage",
            f"{size} GiB of storage for {format_size(scan_result.bytes)} of SQL",
            f"about {needed} GiB: rows, indexes, and the log while they are made",
            f"pulumi config set --path instance.allocatedStorage {needed}; pulumi up",
        )


def make_progress_reporter(watch: Watch) -> Callable[[Progress], None]:
    """Says where a scan or a load stands: each phase at its beginning, then every 15 s."""
    context = contextvars.copy_context()  # Pulumi's log knows its program by it, in whatever thread this is called
    last: list[tuple[LoadPhase, float]] = []

    def say(progress: Progress) -> None:
        now = time.monotonic()
        if last and last[0][0] is progress.phase and now - last[0][1] < SAY_EVERY_SECONDS:
            return
        last[:] = [(progress.phase, now)]
        context.copy().run(watch.say, format_progress(progress))

    return say


def format_progress(progress: Progress) -> str:
    """Returns one status line."""
    parts = [str(progress.phase)]
    if progress.phase.reads and progress.bytes_total:
        share = min(100, 100 * progress.bytes_read // progress.bytes_total)
        parts.append(f"{share} % of {format_size(progress.bytes_total)}")
    if progress.rows:
        parts.append(f"{progress.rows} rows")
    if progress.tasks_total:
        parts.append(f"{progress.tasks_done} of {progress.tasks_total} done")
    if progress.rate:
        parts.append(f"{format_size(round(progress.rate))}/s")
    if progress.left_seconds is not None:
        parts.append(f"about {progress.left_seconds:.0f} s left")
    return ", ".join(parts)
