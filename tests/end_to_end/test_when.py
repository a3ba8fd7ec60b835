"""The second of an incident is found in what was recorded, with the command that restores to the second before."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from sandbox.application import names
from sandbox.machine.processes import wait_until
from tests.support.sandbox.harness import Project, Sandbox


@contextmanager
def logged(sandbox: Sandbox) -> Generator[None]:
    set_log_statement(sandbox, "mod")
    try:
        yield
    finally:
        set_log_statement(sandbox, "none")


def set_log_statement(sandbox: Sandbox, value: str) -> None:
    sandbox.aws.rds.modify_db_parameter_group(
        DBParameterGroupName=names.PARAMETER_GROUP,
        Parameters=[{"ParameterName": "log_statement", "ParameterValue": value, "ApplyMethod": "immediate"}],
    )
    wait_until(lambda: sandbox.ask("SHOW log_statement") == (value,), 20, f"log_statement {value}", 0.1)


@pytest.mark.slow
def test_the_bad_statements_are_found_to_the_second_and_silence_is_no_proof(sandbox: Sandbox, project: Project) -> None:
    silent = json.loads(project.restore("when", "--json").ok().stdout)
    writes = next(item for item in silent["coverage"] if item["source"].startswith("statements: DELETE"))
    assert writes["reach"] == "not recorded"
    with logged(sandbox):
        happened = sandbox.incident()
        answer = json.loads(project.restore("when", "--json").ok().stdout)
    bad = {item["kind"]: item for item in answer["suspects"] if item["source"] == "server log"}
    assert {"DELETE of many rows", "UPDATE without WHERE"} <= bad.keys()
    for kind in ("DELETE of many rows", "UPDATE without WHERE"):
        assert bad[kind]["time"] >= happened["restore_to"]
        assert bad[kind]["time"] < happened["committed"]
        assert names.DATABASE in bad[kind]["by"]
