"""A gate's work where the Job runs it: `python -m restore gate`, with the request that was mounted."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from restore.errors import RestoreError
from restore.gates import registry
from restore.gates.context import GateContext
from restore.gates.hook import Gate, Stopped, Watch, run_work
from restore.gates.runner.progress import stamp
from restore.gates.runner.request import GateRequest
from restore.gates.runner.result import make_result, name_result
from restore.postgres import read_application_login
from restore.redaction import redact, register_secret
from restore.retrying import retry

DONE, FAILED, STOPPED = 0, 1, 143


def run(request_file: Path, root_certificate: Path | None, job: str, uid: str) -> int:
    """Proves the gate and writes the result into the evidence store; returns the exit code.

    A gate that doesn't open is a result too. Without a result the Job has failed: stopped by SIGTERM, or the evidence
    store can't be written to.
    """
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    try:
        request = GateRequest.read(request_file.read_text())
        return prove(connect_adapters(request, root_certificate), request, job, uid, stop)
    except RestoreError as error:
        say(str(error))
        return FAILED


def connect_adapters(request: GateRequest, root_certificate: Path | None) -> GateContext:
    """Returns what the gate reaches, with the Job's own logins."""
    register_secrets(request)
    settings = request.settings
    if root_certificate:
        settings = replace(settings, tls=replace(settings.tls, root_certificate=str(root_certificate)))
    return GateContext.of(settings, request.plan, request.expectations)


def register_secrets(request: GateRequest) -> None:
    """Registers the URLs of the plan, and the passwords in them."""
    secret = request.plan.secret
    for url in (secret.url, secret.original_url) if secret else ():
        register_secret(url)
        read_application_login(url)


def prove(context: GateContext, request: GateRequest, job: str, uid: str, stop: threading.Event) -> int:
    """Does the gate's own work, as its hook would; returns the exit code."""
    _, work = registry.PROOFS[request.gate]
    seconds = registry.allow_seconds(context, request.gate)
    watch = Watch(request.gate, seconds, stop, say, request.receipt, request.earlier)
    gate = Gate(request.gate, seconds, lambda clock: work(context, clock), record=str)
    try:
        proof = run_work(gate, watch)
    except Stopped as stopped:
        say(str(stopped))
        return STOPPED
    document = make_result(request, uid, proof)
    name = name_result(job, uid)
    write: Callable[[], str] = lambda: context.store.write_result(  # noqa: E731
        context.plan.stack, context.plan.id, name, document
    )
    where = retry(write, subject=f"writing the result of gate {request.gate}")
    say(f"{request.gate}: {proof.verdict}: {proof.summary} (result: {where})")
    return DONE


def say(text: str) -> None:
    """Prints a line of the Job's log, which `pulumi up` shows."""
    print(stamp(datetime.now(UTC), redact(text)), flush=True)
