"""The doctor's page is read at 3 a.m.: 80 columns, every problem with its fix, and an exit code that can be trusted."""

from __future__ import annotations

import json

import pytest

from restore.doctor import render
from restore.doctor.finding import Finding, State, build_ok, from_problem, look, note
from restore.errors import PermanentError, Problem, Refused, TemporaryError

FIX = "pulumi config set --path tls.rootCertificate " + "x" * 80
WRONG = from_problem(Problem("root certificates", "none " * 30, "a readable file of certificates " * 4, FIX))
GOOD = build_ok("Pulumi CLI", "3.272.0")


def test_everything_fits_80_columns_but_a_fix_which_is_copied_as_it_is() -> None:
    long = build_ok("AWS identity", f"as arn:aws:sts::123456789012:assumed-role/{'r' * 120}/me")
    named = note("right get kustomizations.kustomize.toolkit.fluxcd.io", "not known")
    lines = render.render_table([GOOD, WRONG, long, named]).splitlines()
    assert f"  fix: {FIX}" in lines
    assert all(len(line) <= 80 for line in lines if not line.startswith("  fix: "))
    assert "Pulumi CLI                ok: 3.272.0" in lines
    assert lines[-1] == "2 ok, 1 notes, 1 problems"


def test_the_second_column_stays_a_column() -> None:
    lines = list(render.render_lines(WRONG))
    assert lines[0].startswith("root certificates         PROBLEM: none none")
    assert all(line.startswith(" " * 26) for line in lines[1:-1])


def test_a_problem_is_never_an_exit_code_of_0_and_a_note_is_none() -> None:
    assert render.is_all_well([GOOD, note("path", "not known")])
    assert not render.is_all_well([GOOD, WRONG])
    document = json.loads(render.render_document([GOOD, WRONG]))
    assert document["ok"] is False
    assert document["findings"][1] == {
        "subject": "root certificates",
        "state": "problem",
        "found": WRONG.found,
        "needed": WRONG.needed,
        "fix": FIX,
    }


@pytest.mark.parametrize(
    ("error", "subjects"),
    [
        (Refused([Problem("config source", "not set", "x", "y"), Problem("config namespace", "a", "b", "c")]), 2),
        (PermanentError.of(Problem("AWS credentials", "expired", "a login", "aws sso login")), 1),
        (TemporaryError("no answer"), 1),
        (ConnectionResetError("reset"), 1),
    ],
)
def test_a_look_that_fails_is_a_problem_with_a_fix_and_stops_no_other(error: Exception, subjects: int) -> None:
    def fails() -> list[Finding]:
        raise error

    found = look("AWS", fails)
    assert len(found) == subjects
    assert all(item.state is State.PROBLEM and item.fix and item.found for item in found)


def test_an_error_of_the_doctor_itself_is_not_taken_for_a_finding() -> None:
    def broken() -> list[Finding]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        look("AWS", broken)
