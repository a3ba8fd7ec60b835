"""A gate must never open by accident: these tests hold one way each in which the engine would have let it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from restore.errors import GateClosed, PermanentError, Problem, TemporaryError
from restore.gates.hook import Gate, Proof, Running, Watch, attempt
from validation.verdict import Verdict

SESSIONS = Problem("quiesced.sessions", "2 sessions of indexer", "none", "end them")
PASSED = Proof(Verdict.PASS, "all is well", {"sessions": 0})


class Evidence:
    def __init__(self) -> None:
        self.written: list[Mapping[str, Any]] = []

    def __call__(self, document: Mapping[str, Any]) -> str:
        self.written.append(document)
        return "evidence/1"


def tried(
    work: Callable[[Watch], Proof], *, waive: Mapping[str, str] | None = None, seconds: float = 60
) -> tuple[str | None, Evidence]:
    evidence = Evidence()
    gate = Gate("quiesced", seconds, work, evidence, waive or {})
    return attempt(gate, Running(), lambda _text: None), evidence


def raising(error: BaseException) -> Callable[[Watch], Proof]:
    def work(_watch: Watch) -> Proof:
        raise error

    return work


def returning(proof: Proof) -> Callable[[Watch], Proof]:
    return lambda _watch: proof


def test_a_pass_opens_and_leaves_evidence() -> None:
    error, evidence = tried(returning(PASSED))
    assert error is None
    assert evidence.written[0]["open"] is True
    assert evidence.written[0]["facts"] == {"sessions": 0}


@pytest.mark.parametrize(
    "raised", [AssertionError(), PermanentError(), KeyError(), SystemExit(0), KeyboardInterrupt(), GateClosed("")]
)
def test_an_error_without_words_never_opens_a_gate(raised: BaseException) -> None:
    error, evidence = tried(raising(raised))
    assert error
    assert error.strip()
    assert evidence.written[0]["open"] is False
    assert evidence.written[0]["verdict"] == "INCONCLUSIVE"


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INCONCLUSIVE])
def test_a_verdict_without_a_reason_never_opens_a_gate(verdict: Verdict) -> None:
    error, evidence = tried(returning(Proof(verdict, "")))
    assert error is not None
    assert str(verdict) in error
    assert evidence.written[0]["open"] is False


def test_a_problem_closes_even_a_gate_that_calls_itself_passed() -> None:
    error, _ = tried(returning(Proof(Verdict.PASS, "fine", problems=(SESSIONS,))))
    assert error is not None
    assert "2 sessions of indexer" in error
    assert "evidence: evidence/1" in error


def test_a_waiver_opens_for_the_check_it_names_and_is_recorded_with_its_reason() -> None:
    proof = Proof(Verdict.FAIL, "somebody is there", problems=(SESSIONS,))
    error, evidence = tried(returning(proof), waive={"quiesced.sessions": "the auditor's read-only session"})
    assert error is None
    assert evidence.written[0]["waived"] == {"quiesced.sessions": "the auditor's read-only session"}


def test_a_waiver_of_another_check_opens_nothing() -> None:
    proof = Proof(Verdict.FAIL, "somebody is there", problems=(SESSIONS,))
    error, evidence = tried(returning(proof), waive={"quiesced.pods": "we know about these"})
    assert error is not None
    assert evidence.written[0]["waived"] == {}


def test_a_gate_that_could_not_run_is_waived_by_the_command_in_its_message_and_recorded_as_such() -> None:
    error, _ = tried(raising(PermanentError("no answer from the database")))
    assert error is not None
    assert "no answer from the database" in error
    assert """pulumi config set --plaintext --path 'waive["quiesced.unproved"]' "<reason>\"""" in error
    for name in ("quiesced.unproved", "quiesced"):
        error, evidence = tried(raising(PermanentError("no answer")), waive={name: "storage says it is down"})
        assert error is None
        written = evidence.written[0]
        assert (written["open"], written["verdict"]) == (True, "INCONCLUSIVE")
        assert written["waived"] == {"quiesced.unproved": "storage says it is down"}


@pytest.mark.parametrize("proof", [None, Proof(Verdict.FAIL, "somebody is there", problems=(SESSIONS,))])
def test_a_stop_by_the_operator_is_nothing_that_a_waiver_covers(proof: Proof | None) -> None:
    evidence, running = Evidence(), Running()

    def stopped(_watch: Watch) -> Proof:
        running.stop.set()
        if proof is None:
            raise TemporaryError("stopped while waiting for the pods")
        return proof

    waive = {"quiesced": "all of it is known"}
    error = attempt(Gate("quiesced", 60, stopped, evidence, waive), running, lambda _text: None)
    assert error is not None
    assert "stopped by the operator" in error
    assert evidence.written[0]["open"] is False


def test_every_problem_that_keeps_a_gate_shut_says_how_to_let_it_pass() -> None:
    error, evidence = tried(returning(Proof(Verdict.FAIL, "somebody is there", problems=(SESSIONS,))))
    assert error is not None
    assert """'waive["quiesced.sessions"]'""" in error
    assert """'waive["quiesced.sessions"]'""" in evidence.written[0]["problems"][0]["fix"]


def test_what_no_waiver_covers_stays_shut_for_the_whole_gate_s_waiver() -> None:
    unread = Problem("validated.proved", "no row was read", "one", "see the others")
    gate = Gate(
        "validated", 60, returning(Proof(Verdict.FAIL, "no", problems=(unread,))), Evidence(), {"validated": "x"}
    )
    assert "no waiver covers this" in (attempt(gate, Running(), lambda _text: None) or "")


def test_evidence_says_of_which_instance_it_is_also_when_the_gate_could_not_run() -> None:
    evidence = Evidence()
    gate = Gate("quiesced", 60, raising(PermanentError("no answer")), evidence)
    attempt(gate, Running(), lambda _text: None, {"resource_id": "db-SOURCE"})
    assert evidence.written[0]["facts"] == {"resource_id": "db-SOURCE"}


def test_a_proof_whose_evidence_is_lost_does_not_count() -> None:
    def full(_document: Mapping[str, Any]) -> str:
        raise PermanentError("no space left on device")

    error = attempt(Gate("quiesced", 60, returning(PASSED), full), Running(), lambda _text: None)
    assert error is not None
    assert "no space left on device" in error


def test_a_deadline_ends_a_wait_and_says_for_what() -> None:
    def forever(watch: Watch) -> Proof:
        while True:
            watch.pause(0.01, "pods of indexer to end")

    error, _ = tried(forever, seconds=0.05)
    assert error is not None
    assert "pods of indexer to end" in error


def test_a_stop_by_the_operator_ends_a_wait_at_once_and_says_so() -> None:
    running, evidence, waiting = Running(), Evidence(), threading.Event()

    def forever(watch: Watch) -> Proof:
        waiting.set()
        while True:
            watch.pause(3600, "the snapshot")

    results: list[str | None] = []
    gate = Gate("quiesced", 7200, forever, evidence)
    thread = threading.Thread(target=lambda: results.append(attempt(gate, running, lambda _text: None)))
    thread.start()
    assert waiting.wait(10)
    running.stop.set()
    thread.join(10)
    assert results[0] is not None
    assert "stopped by the operator" in results[0]
    assert evidence.written[0]["open"] is False


def test_a_watch_waits_until_what_is_read_is_right() -> None:
    states = iter(["creating", "modifying", "available"])
    watch = Watch("conformed", 60, threading.Event(), lambda _text: None)
    assert watch.wait_for(lambda: next(states), "available".__eq__, subject="shop", first=0.001) == "available"


@pytest.mark.parametrize(("gate_seconds", "seconds"), [(0.01, math.inf), (3600.0, 0.01)])
def test_a_watch_never_waits_longer_than_its_gate_or_the_wait_may(gate_seconds: float, seconds: float) -> None:
    watch = Watch("conformed", gate_seconds, threading.Event(), lambda _text: None)
    with pytest.raises(TemporaryError, match="out of time while waiting for shop; found last: is creating"):
        watch.wait_for(
            lambda: "creating",
            "available".__eq__,
            subject="shop",
            seconds=seconds,
            describe=lambda state: f"is {state}",
            first=0.001,
            longest=0.001,
        )


def test_silence_of_aws_is_told_while_a_gate_waits_for_it() -> None:
    said = list[str]()
    watch = Watch("serving", 60, threading.Event(), said.append)
    answers = iter([TemporaryError("RDS doesn't answer\n  fix: ..."), "right"])

    def read() -> str:
        if isinstance(answer := next(answers), TemporaryError):
            raise answer
        return answer

    assert watch.wait_for(read, lambda _text: True, subject="the applications", first=0.001) == "right"
    assert said == ["serving: waiting for the applications, and trying again: RDS doesn't answer"]


def test_a_stop_ends_what_a_watch_waits_for_at_once() -> None:
    stop = threading.Event()
    watch = Watch("conformed", 3600, stop, lambda _text: None)

    def read() -> str:
        stop.set()
        return "creating"

    with pytest.raises(TemporaryError, match="stopped while waiting for shop"):
        watch.wait_for(read, "available".__eq__, subject="shop", first=3600, longest=3600)
