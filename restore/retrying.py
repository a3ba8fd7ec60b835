"""Trying again what failed for now: a few times, in growing and scattered pauses, and never after a stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from restore.errors import TemporaryError

Value = TypeVar("Value")

ATTEMPTS = 6
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 10.0
"""Seconds; each pause is twice the one before."""
JITTER = 1.0
"""At most so many seconds more, by chance: who was throttled together doesn't come back together."""
LOG = logging.getLogger(__name__)


def retry(work: Callable[[], Value], *, subject: str, stop: threading.Event | None = None) -> Value:
    """Returns the result of `work`, called up to ATTEMPTS times while it raises TemporaryError; each retry is logged.

    Raises the last TemporaryError, or a TemporaryError at once when `stop` is set during a pause. Any other error of
    `work` ends it. For what can act twice without harm; what is polled belongs to restore.polling.
    """
    stopped = stop or threading.Event()

    def pause(seconds: float) -> None:
        if stopped.wait(seconds):
            raise TemporaryError(f"stopped before {subject} was tried again")

    def tell(state: RetryCallState) -> None:
        error = " ".join(str(state.outcome.exception() if state.outcome else "").split())
        count, seconds = state.attempt_number, state.upcoming_sleep
        LOG.warning("%s: attempt %d of %d failed, again in %.1f s: %s", subject, count, ATTEMPTS, seconds, error)

    attempts = Retrying(
        retry=retry_if_exception_type(TemporaryError),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential_jitter(multiplier=FIRST_PAUSE, max=LONGEST_PAUSE, jitter=JITTER),
        sleep=pause,
        before_sleep=tell,
        reraise=True,
    )
    return attempts(work)
