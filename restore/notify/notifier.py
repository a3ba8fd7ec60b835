"""Sends in the background, once for each transition, and records what became of every message.

A claim is recorded before anything is sent, so that a run that is killed in between is not followed by one that sends
the same again. Nothing here raises, and nothing waits longer than `LIMIT_SECONDS`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from restore.aws import Aws
from restore.evidence import Store
from restore.model.planned import Plan
from restore.model.request import Request, Settings
from restore.notify.channels import Channel, Outcome, list_channels
from restore.notify.messages import Message, compose
from restore.notify.transitions import CLAIM, OUTCOME, Sent, Transition, describe, list_due
from restore.redaction import redact, register_secret
from restore.report.untrusted import EvidenceRecord

SEND_SECONDS = 4.0
"""All channels of one message are asked at once; what hasn't answered by then is not known to have arrived."""
LIMIT_SECONDS = 10.0
"""How long the end of a run waits at most for a message, the evidence of it included."""
PAGE = "docs/notify.md"

Find = Callable[[Sequence[EvidenceRecord]], Transition | None]


@dataclass
class Notifier:
    """The messages of one restore. `warn` says what could not be sent."""

    store: Store
    stack: str
    restore_id: str
    channels: Sequence[Channel]
    compose: Callable[[Transition], Message]
    warn: Callable[[str], object]
    busy: AbstractContextManager[object] = field(default_factory=nullcontext[None])
    """Held while a message is on its way: an interrupt waits for it a moment."""
    _last: threading.Thread | None = None
    _waiters: list[threading.Thread] = field(default_factory=list[threading.Thread])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(
        cls,
        settings: Settings,
        request: Request,
        plan: Plan | None,
        store: Store,
        warn: Callable[[str], object],
        busy: AbstractContextManager[object] | None = None,
    ) -> Notifier:
        """Returns the notifier of this run; its tokens are secrets from here on."""
        for token in settings.notify.tokens:
            register_secret(token)
        channels = list_channels(settings.notify, Aws.of(settings))
        write = partial(compose, settings, request, plan)
        return cls(store, settings.stack, request.id, channels, write, warn, busy or nullcontext())

    def tell(self, find: Find) -> None:
        """Begins to send what `find` makes of the evidence, after the messages before it, and returns at once."""
        if not self.channels:
            return
        with self._lock:
            work = threading.Thread(target=self._work, args=(find, self._last), daemon=True, name="notify")
            self._last = work
            work.start()
            waiter = threading.Thread(target=self._wait_for, args=(work,), daemon=True, name="notify-end")
            self._waiters.append(waiter)
            waiter.start()

    def finish(self) -> None:
        """Waits for the messages that are on their way, each for at most `LIMIT_SECONDS` from its beginning."""
        with self._lock:
            waiters = tuple(self._waiters)
        for waiter in waiters:
            waiter.join()

    def watch(self, record: Callable[[Mapping[str, Any]], str], find: Callable[[EvidenceRecord], Find]) -> Any:
        """Returns `record` as a function that also tells of the record, once it is written."""

        def record_and_tell(document: Mapping[str, Any]) -> str:
            where = record(document)
            self.tell(find(document))
            return where

        return record_and_tell

    def _wait_for(self, work: threading.Thread) -> None:
        work.join(LIMIT_SECONDS)
        if work.is_alive():
            self._say(f"a message was not sent within {LIMIT_SECONDS:.0f} s")

    def _work(self, find: Find, before: threading.Thread | None) -> None:
        try:
            with self.busy:
                if before:
                    before.join()
                self._send(find)
        except Exception as error:  # noqa: BLE001
            self._say(f"a message was not sent: {error or type(error).__name__}")

    def _send(self, find: Find) -> None:
        evidence = self.store.read_all(self.stack, self.restore_id)
        transition = find(evidence)
        if transition is None:
            return
        names = [channel.name for channel in self.channels]
        repeatable = [channel.name for channel in self.channels if channel.repeatable]
        due = list_due(transition, names, repeatable, evidence)
        if not due:
            return
        message = self.compose(transition)
        self._record(CLAIM, {**describe(transition), "channels": list(due)})
        outcomes = send_to_all([item for item in self.channels if item.name in due], message, evidence)
        results = {name: {"sent": one.sent.value, "detail": one.detail, **one.facts} for name, one in outcomes.items()}
        self._record(OUTCOME, {**describe(transition), "results": results})
        for name, outcome in outcomes.items():
            if outcome.sent is not Sent.YES:
                self._say(f"{transition.event.value}: {name}: {outcome.sent.value}: {outcome.detail}")

    def _record(self, step: str, content: Mapping[str, Any]) -> None:
        self.store.write(self.stack, self.restore_id, step, content)

    def _say(self, found: str) -> None:
        try:
            self.warn(redact(f"notification: {found}; the restore goes on; {PAGE}"))
        except Exception:  # noqa: BLE001
            return


def send_to_all(
    channels: Sequence[Channel], message: Message, evidence: Sequence[EvidenceRecord]
) -> dict[str, Outcome]:
    """Sends through all channels at once; what hasn't answered within the limit is not known to have arrived."""
    silence = Outcome(Sent.UNKNOWN, f"no answer within {SEND_SECONDS:.0f} s")
    outcomes = {channel.name: silence for channel in channels}

    def send(channel: Channel) -> None:
        try:
            outcome = channel.send(message, evidence)
        except Exception as error:  # noqa: BLE001
            outcome = Outcome(Sent.UNKNOWN, redact(f"{type(error).__name__}: {error}")[:300])
        outcomes[channel.name] = outcome

    threads = [threading.Thread(target=send, args=(channel,), daemon=True) for channel in channels]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + SEND_SECONDS
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0))
    return dict(outcomes)
