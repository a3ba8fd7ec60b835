"""A gate's work that is done in a Job: begun, or found again, followed to its end, and its result taken.

The Job's name says which proof it is (gate, restore, fingerprint): a run that was cut off leaves it, and the next one
follows it, or takes what it found meanwhile, instead of beginning a second.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

from restore.errors import PermanentError, Problem, RestoreError
from restore.gates.context import GateContext
from restore.gates.hook import Proof, Watch
from restore.gates.in_cluster import read_certificate
from restore.gates.runner.progress import LONGEST, Progress
from restore.gates.runner.request import REQUEST, GateRequest, make_request
from restore.gates.runner.result import MOST_BYTES, name_result, read_result
from restore.kubernetes import FoundJob, Job, JobResult, JobRun, Look, Resources, list_jobs
from restore.kubernetes.job_manifests import CERTIFICATE, FOLDER, JOB_UID
from restore.model.gates import BY_NAME
from restore.model.labels import LABEL_GATE, LABEL_ID, LABEL_STACK
from restore.model.request import Settings
from validation.expectations.model import Expectations

KEPT_SECONDS = 24 * 3600
"""How long an ended Job waits for a run that takes its result."""
FRESH = timedelta(minutes=10)
"""Traffic moves: what was proved of it longer ago than this is proved again."""
LONGEST_LABEL = 63
LOG_LINES = 3


class Step(Enum):
    """What to do about the Job of this name."""

    BEGIN = auto()
    """There is none, or one that is of no use any more."""
    FOLLOW = auto()
    TAKE = auto()
    """It has ended, and nobody has taken its result yet."""


def choose_step(found: FoundJob | None, *, has_result: bool, moves: bool, now: datetime) -> Step:
    """Decides what to do about the Job that is found. Pure.

    Args:
        has_result: of an ended Job, whether it left one; what failed while nobody looked is simply begun again.
        moves: whether it is a proof of the traffic, which doesn't stay true for long.
    """
    if found is None or not found.begun or found.leaving:
        return Step.BEGIN
    if found.ended is None:
        return Step.FOLLOW
    fresh = not moves or now - found.ended <= FRESH
    return Step.TAKE if has_result and fresh else Step.BEGIN


@dataclass(frozen=True)
class Errand:
    """One gate's request, and the Job that is to answer it."""

    context: GateContext
    request: GateRequest
    job: Job

    def read(self, uid: str) -> Proof | None:
        """Returns the Job's answer; None while there is none. Raises RestoreError for one that can't count."""
        plan = self.context.plan
        content = self.context.store.read_result(plan.stack, plan.id, name_result(self.job.name, uid), MOST_BYTES)
        return None if content is None else read_result(content, self.request, uid)


def prove(expectations: Callable[[], Expectations], context: GateContext, watch: Watch) -> Proof:
    """Returns the proof that the Job of this gate has found. Raises RestoreError where it found none, and when stopped:
    the Job goes on then."""
    request = make_request(context, watch, expectations())
    errand = Errand(context, request, build_gate_job(context, request))
    end_others(context, request.gate, errand.job.name, watch)
    run = JobRun(context.api, errand.job, watch.stop, watch.deadline)
    uid = attach(errand, run, watch)
    try:
        return await_proof(errand, run, uid, watch)
    except RestoreError:
        if watch.stop.is_set():
            watch.say(
                f"Job {errand.job.name} goes on; `pulumi up` follows it; to end it: {build_delete_command(errand.job)}"
            )
        raise


def attach(errand: Errand, run: JobRun, watch: Watch) -> str:
    """Begins the Job, or finds the one that an earlier run began; returns its uid. Raises RestoreError: the Job of that
    name isn't ours, or the cluster or the evidence store doesn't answer."""
    found = run.find()
    has_result = found is not None and found.ended is not None and is_answered(errand, found.uid, watch)
    moves = BY_NAME[errand.request.gate].proved_at_each_move
    step = choose_step(found, has_result=has_result, moves=moves, now=datetime.now(UTC))
    name = errand.job.name
    if found and step is Step.FOLLOW:
        watch.say(f"follows Job {name}, which an earlier run began")
        return found.uid
    if found and step is Step.TAKE:
        watch.say(f"takes the result of Job {name}, which ended at {found.ended:%Y-%m-%d %H:%M:%S} UTC")
        return found.uid
    run.remove_left_behind()
    uid = run.create()
    run.let_go(uid)
    watch.say(f"runs in the cluster: kubectl -n {errand.job.namespace} logs -f job/{name}")
    return uid


def is_answered(errand: Errand, uid: str, watch: Watch) -> bool:
    """Tells whether the ended Job has left an answer that counts; one that doesn't is said, and the Job begun again.
    Raises TemporaryError while the evidence store doesn't answer."""
    try:
        return errand.read(uid) is not None
    except PermanentError as error:
        watch.say(f"the result of Job {errand.job.name} doesn't count: {error}")
        return False


def await_proof(errand: Errand, run: JobRun, uid: str, watch: Watch) -> Proof:
    """Follows the Job to its end, takes its result and removes it. Raises RestoreError where it left none."""
    progress = Progress(errand.request.gate)

    def show(lines: Sequence[str]) -> None:
        for text in progress.read_new(lines):
            watch.say(text)

    ended = run.await_result(uid, Look(show, lambda reasons: watch.say(f"Job {errand.job.name} waits: {reasons}")))
    proof = errand.read(uid) if ended.ended else None
    if proof is None and not (ended.ended or ended.stuck):
        raise PermanentError.of(build_out_of_time(errand.job))
    with contextlib.suppress(RestoreError):  # the cluster removes it by itself KEPT_SECONDS later
        run.remove(uid)
    if proof is None:
        raise PermanentError.of(build_no_result(errand.job, ended))
    return proof


def end_others(context: GateContext, gate: str, keep: str, watch: Watch) -> None:
    """Ends the Jobs of this restore that prove something else by now: of the same gate with another request, and of
    every gate that proves traffic, where this one does. Two that move traffic may not work at a time."""
    moving = [name for name, known in BY_NAME.items() if known.proved_at_each_move]
    names = moving if gate in moving else [gate]
    for name in names:
        for found in list_jobs(context.api, context.settings.namespace, build_labels(context, name)):
            if found.name != keep:
                watch.say(f"ends Job {found.name}: the configuration or the databases have changed since it began")
                other = Job(context.settings.namespace, found.name, "", runs_gate=True)
                JobRun(context.api, other, watch.stop, watch.deadline).remove_left_behind()


def build_labels(context: GateContext, gate: str) -> Mapping[str, str]:
    """Returns the labels by which a restore's Jobs are found; of a long stack's name one takes the beginning."""
    stack = context.plan.stack[:LONGEST_LABEL].rstrip("-_.")
    return {LABEL_STACK: stack, LABEL_ID: context.plan.id, LABEL_GATE: gate}


def build_gate_job(context: GateContext, request: GateRequest) -> Job:
    """Returns the Job that answers a request; its name is the same for the same proof. Raises PermanentError for a root
    certificate that can't be read."""
    name = f"restore-{request.gate}-{context.plan.id}-{request.fingerprint}"
    job, trusted = build_base_job(context.settings, name, {REQUEST: request.write()})
    return replace(
        job,
        container=request.gate,
        arguments=("gate", "--request", f"{FOLDER}/{REQUEST}", "--job", name, "--uid", f"$({JOB_UID})", *trusted),
        labels={**job.labels, **build_labels(context, request.gate)},
        kept_seconds=KEPT_SECONDS,
    )


def build_base_job(settings: Settings, name: str, files: Mapping[str, str]) -> tuple[Job, tuple[str, ...]]:
    """Returns a Job of this program's image, and its arguments for the certificates that it trusts."""
    of_team = settings.runner_job
    pem = read_certificate(settings.tls)
    job = Job(
        namespace=settings.namespace,
        name=name,
        image=of_team.image or "",
        files={**files, **({CERTIFICATE: pem} if pem else {})},
        service_account=of_team.service_account,
        labels=of_team.labels,
        annotations=of_team.annotations,
        image_pull_secrets=of_team.image_pull_secrets,
        resources=Resources(of_team.cpu, of_team.memory, cpu_limit=None, memory_limit=of_team.memory),
        runs_gate=True,
    )
    return job, (("--root-certificate", f"{FOLDER}/{CERTIFICATE}") if pem else ())


def build_delete_command(job: Job) -> str:
    """Returns the command that ends a Job."""
    return f"kubectl -n {job.namespace} delete job {job.name}"


def build_out_of_time(job: Job) -> Problem:
    needed = "its end"
    return Problem(
        f"Job {job.name}", "it is still running", needed, f"pulumi up (follows it); or {build_delete_command(job)}"
    )


def build_no_result(job: Job, ended: JobResult) -> Problem:
    """Says why the Job left no result: it was killed, couldn't start, or couldn't write one."""
    reasons = ended.reasons or (f"exit code {ended.exit_code}",)
    found = "; ".join([*reasons, *(line[:LONGEST] for line in ended.lines[-LOG_LINES:])])
    fix = "docs/runner.md"
    if "OOMKilled" in found:
        fix = "pulumi config set --path runnerJob.memory <more, such as 4Gi>"
    return Problem(f"Job {job.name}", found, "the gate's result", fix)
