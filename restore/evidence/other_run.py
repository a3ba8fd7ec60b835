"""Whether somebody else runs a restore of this stack now: one at a time, whatever state each of them has.

Pulumi's own lock is of one state. A run of the same person on the same machine is only told: it is the lock's business,
and what a kill has left must not keep its own operator out.
"""

from __future__ import annotations

import socket
from datetime import UTC, datetime

from restore.errors import Problem, Refused, RestoreError
from restore.evidence import provenance
from restore.evidence.current_run import CurrentRun, Heartbeat, Life, read_current_run
from restore.evidence.store import Store
from restore.units import format_duration, format_moment


def judge(run: CurrentRun | None, user: str, host: str, now: datetime) -> Problem | str:
    """Returns why this machine's user must wait; otherwise what there is to say of an earlier run, or nothing. Pure."""
    life = run.judge(now) if run else Life.ENDED
    if run is None or life is Life.ENDED:
        return ""
    seen = f"begun {format_moment(run.began)}, last seen {format_duration(run.measure_silence(now))} ago"
    if life is Life.SILENT:
        return f"the run of {run.who} on restore {run.restore_id} ({seen}) never ended: it is taken over"
    if (run.user, run.host) == (user, host):
        return f"a run of yours on this machine (process {run.pid}, {seen}) has not ended"
    return Problem(
        f"restore {run.restore_id}",
        f"{run.who} runs it (process {run.pid}, {seen})",
        "one run at a time; one that was killed is taken over two minutes after its last sign of life",
        "python -m restore status; pulumi up (when it has ended)",
    )


def require_alone(store: Store, stack: str, now: datetime | None = None) -> str:
    """Returns what there is to say of an earlier run. Raises Refused while somebody else runs a restore of this stack;
    a record that can't be read holds nobody up, and is said."""
    try:
        run = read_current_run(store, stack)
    except RestoreError as error:
        return f"whether somebody else runs a restore can't be told: {error}"
    verdict = judge(run, provenance.read_user(), socket.gethostname(), now or datetime.now(UTC))
    if isinstance(verdict, Problem):
        raise Refused([verdict])
    return verdict


def begin(heartbeat: Heartbeat) -> None:
    """Begins the heartbeat. Raises Refused where somebody else has begun since this run looked, or does at the same
    moment; the heartbeat has ended then, and their note stands."""
    require_alone(heartbeat.store, heartbeat.stack)
    heartbeat.start()
    try:
        require_own(heartbeat.store, heartbeat.stack, heartbeat.token)
    except Refused:
        heartbeat.abandon()
        raise


def require_own(store: Store, stack: str, token: str) -> None:
    """Raises Refused where another run has begun since this one noted itself: of two that began together, the later
    note stands."""
    try:
        run = read_current_run(store, stack)
    except RestoreError:
        return
    if run is None or run.token == token:
        return
    if isinstance(judge(run, provenance.read_user(), socket.gethostname(), datetime.now(UTC)), Problem):
        found = f"{run.who} began at the same time ({format_moment(run.began)})"
        fix = "python -m restore status; pulumi up (when it has ended)"
        raise Refused([Problem(f"restore {run.restore_id}", found, "one run at a time", fix)])
