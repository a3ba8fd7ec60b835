"""Notices the first check that fails while answers come in, so that nothing more need be asked."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence

from validation import queries
from validation.model import Severity, Verdict, waiver
from validation.questions import Answer, Check, Unanswered, result


class FirstFailure:
    """Judges each deciding check as soon as all that it asks is known. Safe for several threads."""

    def __init__(
        self, checks: Sequence[Check], known: Mapping[str, Answer | Unanswered], waivers: Mapping[str, str]
    ) -> None:
        self._known = dict(known)
        self._waivers = waivers
        self._lock = threading.Lock()
        self._failed: str | None = None
        self._asking: dict[str, list[Check]] = defaultdict(list)
        for check in checks:
            for question in check.questions:
                self._asking[question.id].append(check)
        self._judge(checks)

    @property
    def reason(self) -> str | None:
        """Why nothing more is to be asked, or None."""
        return f"not asked, since {self._failed} failed first" if self._failed else None

    def heard(self, question: str, outcome: Answer | Unanswered) -> None:
        with self._lock:
            self._known[question] = outcome
            self._judge(self._asking.get(question, ()))

    def _judge(self, checks: Sequence[Check]) -> None:
        for check in checks:
            if self._failed is None and self._fails(check):
                self._failed = check.name

    def _fails(self, check: Check) -> bool:
        if check.severity is not Severity.BLOCKING or any(q.id not in self._known for q in check.questions):
            return False
        found = result(check, self._known, queries.text)
        return found.verdict is Verdict.FAIL and waiver(found, self._waivers) is None
