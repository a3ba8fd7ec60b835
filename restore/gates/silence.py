"""Says when a database doesn't answer while a gate runs statements of hours: those are silent whether the server works
or hangs."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from restore.errors import RestoreError
from restore.gates.context import GateContext
from restore.gates.hook import Watch
from restore.gates.operator_login import find_login_error
from restore.model.rds import Endpoint

EVERY_SECONDS = 15.0


@contextmanager
def tell_silence(
    watch: Watch, subject: str, ask: Callable[[], str], every_seconds: float = EVERY_SECONDS
) -> Generator[None]:
    """Asks again and again, in a thread, while the context runs; says what is waited for when `ask` returns why there
    is no answer. Ends nothing: a server that goes on goes on with the statement."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(every_seconds):
            if (reason := ask()) and not over.is_set():
                watch.say(f"waiting for {subject} to answer; a login failed: {reason}")

    # Pulumi's log knows its program by the context. Nobody waits for the thread: a login may take 10 s to fail
    threading.Thread(target=contextvars.copy_context().run, args=(look,), daemon=True, name="silence").start()
    try:
        yield
    finally:
        over.set()


def find_silence(context: GateContext, endpoint: Endpoint) -> str:
    """Returns why the operator can't log in to the server; "" when it answers, and when Secrets Manager doesn't."""
    try:
        login = context.read_login(endpoint)
    except RestoreError:
        return ""
    return str(find_login_error(context, endpoint, login) or "")
