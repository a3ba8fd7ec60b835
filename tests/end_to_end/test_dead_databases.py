"""A database that is dead is left all the same: with the waivers that the messages name, and nothing else."""

from __future__ import annotations

import psycopg
import pytest

from sandbox.application import names
from tests.support.sandbox.harness import Project, Sandbox

CANDIDATE = f"{names.INSTANCE}-inc-1"
REASON = "storage has confirmed that nobody writes"


def serves(sandbox: Sandbox, identifier: str) -> bool:
    """Whether the applications' own URL leads to this instance and answers."""
    endpoint = sandbox.instance(identifier)["Endpoint"]
    with psycopg.connect(sandbox.url.partition("?")[0], sslmode="require") as connection:
        info = connection.info
        return (info.host, info.port) == (endpoint["Address"], endpoint["Port"])


def test_a_stopped_source_is_left_for_the_candidate(sandbox: Sandbox, project: Project) -> None:
    project.pulumi("config", "set", "--path", "quiet.graceSeconds", "2").ok()
    sandbox.stop_instance(names.INSTANCE)
    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
    given = project.up_waiving(REASON)
    of_the_source = 'waive["validated.rows:public.users"]'  # expected: at least so many of the source's
    expected = {"waive.safety-snapshot", 'waive["quiesced.unreachable"]', of_the_source}
    assert {name.strip("'") for name in given} == expected
    quiesced = project.evidence("inc-1", "quiesced")[-1]
    assert (quiesced["open"], quiesced["waived"]) == (True, {"quiesced.unreachable": REASON})
    project.config(traffic="restored")
    assert project.up_waiving(REASON) == []
    assert serves(sandbox, CANDIDATE)
    assert sandbox.replicas() == names.DEPLOYMENTS
    assert sandbox.status(names.INSTANCE) == "stopped"
    for gate in ("switched", "serving"):
        assert "status stopped" in project.evidence("inc-1", gate)[-1]["facts"]["left_unreachable"]
    report = project.restore("report").ok().text
    assert report.startswith("PASS")
    assert REASON in report


@pytest.mark.slow
def test_a_candidate_that_died_after_the_switch_is_left_for_the_source(sandbox: Sandbox, project: Project) -> None:
    project.pulumi("config", "set", "--path", "quiet.graceSeconds", "2").ok()
    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
    project.up().ok()
    project.config(traffic="restored")
    project.up().ok()
    sandbox.aws.faults.add("key-lost", instance=CANDIDATE)
    project.config(traffic="frozen")
    given = project.up_waiving(REASON)
    assert given == ["'waive[\"quiesced.unreachable\"]'"]
    project.config(traffic="source")
    assert project.up_waiving(REASON) == []
    assert serves(sandbox, names.INSTANCE)
    assert sandbox.replicas() == names.DEPLOYMENTS
    assert "inaccessible" in project.evidence("inc-1", "switched")[-1]["facts"]["left_unreachable"]
    stack_file = project.folder / f"Pulumi.{project.stack}.yaml"
    assert REASON in stack_file.read_text()
    project.restore("close", "--yes").ok()
    assert REASON not in stack_file.read_text()
