"""What a phase took is what it took when it ended well: anything else would make the next estimate a wrong promise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from restore.report.durations import measure
from tests.support.report_records import gate, phase, run


def seconds(*records: Mapping[str, Any]) -> dict[str, float]:
    return {item.phase: item.seconds for item in measure("inc-1", records)}


def with_storage(records: dict[str, Any], storage: int) -> dict[str, Any]:
    return {**records, "plan": {**records["plan"], "storage": storage}}


def test_method_and_size_are_those_of_the_plan() -> None:
    [measured] = measure("inc-1", [with_storage(run(0), 100), phase("candidate", 10, None), phase("candidate", 10, 70)])
    assert (measured.restore_id, measured.phase, measured.method) == ("inc-1", "candidate", "pitr")
    assert (measured.seconds, measured.size) == (60, 100)


def test_what_has_no_end_took_no_known_time() -> None:
    assert seconds(run(0), phase("candidate", 10, None)) == {}


def test_a_gate_that_stayed_shut_does_not_count() -> None:
    shut = gate("validated", 10, 20, "FAIL")
    assert seconds(run(0), shut) == {}
    assert seconds(run(0), shut, gate("validated", 30, 90)) == {"validated": 60}


def test_a_proof_that_is_repeated_does_not_count() -> None:
    again = gate("validated", 100, 101, facts={"held": "2026-11-22T14:30:00+00:00"})
    assert seconds(run(0), again) == {}
    assert seconds(run(0), gate("validated", 30, 90), again) == {"validated": 60}


def test_the_rest_of_an_interrupted_load_is_not_taken_for_the_whole() -> None:
    assert seconds(run(0), gate("imported", 10, 900, "INCONCLUSIVE"), gate("imported", 1000, 1010)) == {}
    assert seconds(run(0), gate("imported", 10, 900)) == {"imported": 890}


def test_records_that_make_no_sense_are_left_out() -> None:
    assert seconds({"step": "candidate", "began": 3, "ended": "soon"}, gate("validated", 90, 30)) == {}
