"""Gates in Jobs: which Job a run begins, follows or takes, and what of its answer counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from restore.errors import PermanentError, Problem
from restore.evidence import provenance
from restore.gates import approved, registry
from restore.gates.hook import Proof, Watch
from restore.gates.runner import follow, values
from restore.gates.runner.follow import FRESH, Step, build_gate_job, build_labels, build_no_result, choose_step
from restore.gates.runner.progress import LONGEST, Progress, stamp
from restore.gates.runner.request import GateRequest, make_request
from restore.gates.runner.result import make_result, read_result
from restore.kubernetes import FoundJob, Job, JobResult
from restore.kubernetes.job_manifests import build_job_body, build_secret_body
from restore.model.aws_account import AwsLogin
from restore.model.request import QuietSettings, Runner, RunnerJob, Tls
from tests.support import gate_worlds, worlds
from validation import expectations
from validation.verdict import Verdict

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
RUNNING = FoundJob("restore-validated-inc-1-0", "uid-1", begun=True, leaving=False, ended=None)
ENDED = replace(RUNNING, ended=NOW - timedelta(hours=3))
EXPECTED = expectations.from_mapping(
    {
        "tables": {"users": {"min": 10}},
        "settings": {"work_mem": "4MB"},
        "roles": {"app": {}},
        "extensions": {"pgcrypto": "any"},
        "freshness": [{"table": "t", "column": "c", "tolerance_seconds": 3}],
        "migrations": {"last": "init"},
    }
)
RECEIPT = {"resource_id": "db-CANDIDATE", "id": "inc-1"}
PROOF = Proof(
    Verdict.FAIL,
    "two rows are gone",
    {"rows": 2},
    (Problem("validated.rows:users", "0", "2", "pulumi up"),),
    {"a": "b"},
)


def request(
    folder: Path, gate: str = "validated", receipt: Mapping[str, Any] = RECEIPT, **settings: Any
) -> GateRequest:
    stage = gate_worlds.forth(folder, runner=Runner.KUBERNETES, **settings)
    watch = gate_worlds.watch(gate)
    watch.receipt = dict(receipt)
    return make_request(stage.context, watch, EXPECTED)


def made(folder: Path) -> Job:
    """The Job of that request."""
    settings = {"runner_job": RunnerJob(image="r:1", service_account="restore"), "tls": Tls(root_certificate="system")}
    return build_gate_job(gate_worlds.forth(folder, **settings).context, request(folder))


# Which Job


@pytest.mark.parametrize(
    ("found", "step"),
    [
        (None, Step.BEGIN),
        (RUNNING, Step.FOLLOW),
        (replace(RUNNING, begun=False), Step.BEGIN),
        (replace(RUNNING, leaving=True), Step.BEGIN),
        (ENDED, Step.TAKE),
    ],
)
def test_a_run_that_was_cut_off_is_gone_on_with_and_never_doubled(found: FoundJob | None, step: Step) -> None:
    assert choose_step(found, has_result=True, moves=False, now=NOW) is step


def test_a_job_that_failed_while_nobody_looked_is_begun_again() -> None:
    assert choose_step(ENDED, has_result=False, moves=False, now=NOW) is Step.BEGIN


def test_a_proof_of_hours_ago_that_nobody_writes_does_not_count() -> None:
    assert choose_step(ENDED, has_result=True, moves=True, now=NOW) is Step.BEGIN
    fresh = replace(ENDED, ended=NOW - FRESH)
    assert choose_step(fresh, has_result=True, moves=True, now=NOW) is Step.TAKE


def test_the_same_proof_has_the_same_job_whatever_the_plan_says(tmp_path: Path) -> None:
    asked = request(tmp_path)
    later = replace(asked, plan=replace(asked.plan, notes=("another note",)))
    assert later.fingerprint == asked.fingerprint


def test_another_configuration_database_or_waiver_is_another_job(tmp_path: Path) -> None:
    asked = request(tmp_path)
    others = [
        request(tmp_path, "switched"),
        request(tmp_path, receipt={**RECEIPT, "resource_id": "db-OTHER"}),
        request(tmp_path, quiet=QuietSettings(7)),
        request(tmp_path, waive={"validated.rows": "known to the team"}),
        replace(asked, expectations=expectations.from_mapping({"tables": {"users": {"min": 11}}})),
    ]
    prints = [asked.fingerprint, *(other.fingerprint for other in others)]
    assert len(set(prints)) == len(prints)


def test_every_gate_that_connects_runs_in_a_job_and_none_does_with_runner_local(tmp_path: Path) -> None:
    local = gate_worlds.forth(tmp_path).context
    there = replace(local, settings=replace(local.settings, runner=Runner.KUBERNETES))
    for name in registry.PROOFS:
        mine, theirs = (cast("Any", registry.make_gate(context, name).work).func for context in (local, there))
        assert mine is not follow.prove
        assert (theirs is follow.prove) is (name not in ("conformed", "approved")), name


def test_nobody_approves_their_own_switch_because_a_job_asks_who_runs_it(tmp_path: Path) -> None:
    """The Job logs in to AWS as its ServiceAccount: an approval by who runs `pulumi up` would be somebody else's."""
    local = gate_worlds.forth(tmp_path).context
    there = replace(local, settings=replace(local.settings, runner=Runner.KUBERNETES, approvals=2))
    assert cast("Any", registry.make_gate(there, "approved").work).func is approved.prove


# The request


def test_a_job_is_given_the_very_settings_plan_and_expectations(tmp_path: Path) -> None:
    asked = request(tmp_path)
    assert GateRequest.read(asked.write()) == asked
    assert asked.plan.secret is not None


def test_a_job_gets_no_login_file_or_tunnel_of_the_operator(tmp_path: Path) -> None:
    asked = request(
        tmp_path,
        aws_login=AwsLogin(profile="mine", secret_key="the-operators-key", forbidden_accounts=("1",)),
        kubeconfig="/home/me/kubeconfig",
        tunnel={"shop": "127.0.0.1:15432"},
    )
    written = asked.write()
    assert not [word for word in ("mine", "the-operators-key", "/home/me", "15432") if word in written]
    assert asked.settings.aws_login.forbidden_accounts == ("1",)


def test_an_image_of_other_files_reads_no_request_though_its_fields_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would open the gate by the checks of its own day."""
    written = request(tmp_path).write()
    monkeypatch.setattr(provenance, "digest_sources", lambda: "0123456789ab")
    with pytest.raises(PermanentError, match="0123456789ab"):
        GateRequest.read(written)


def test_a_document_of_another_version_is_refused_and_makes_nothing_unknown() -> None:
    foreign: list[dict[str, Any]] = [{"=": "Popen", "value": {}}, {"=": "App", "value": {"nothing": 1}}, {"value": 1}]
    for data in foreign:
        with pytest.raises(PermanentError, match="one of this version"):
            values.from_json(data)
    with pytest.raises(TypeError, match="can't be handed"):
        values.to_json(object())


def test_no_secret_stands_in_the_job_and_its_pod_may_change_nothing(tmp_path: Path) -> None:
    job = made(tmp_path)
    body = build_job_body(job, 60)
    pod = body["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert worlds.PASSWORD not in json.dumps(body)
    assert worlds.PASSWORD in json.dumps(build_secret_body(job, "uid-1"))
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert (pod["securityContext"]["runAsNonRoot"], pod["serviceAccountName"]) == (True, "restore")
    assert len(job.name) <= 63
    assert build_labels(gate_worlds.forth(tmp_path).context, "validated").items() <= body["metadata"]["labels"].items()


def test_a_drained_node_costs_no_proof_and_a_crash_is_not_repeated(tmp_path: Path) -> None:
    spec = build_job_body(made(tmp_path), 60)["spec"]
    assert spec["backoffLimit"] == 0
    assert spec["podFailurePolicy"]["rules"][0]["onPodConditions"][0]["type"] == "DisruptionTarget"


# The answer


def answer(asked: GateRequest, **changes: Any) -> bytes:
    return json.dumps({**make_result(asked, "uid-1", PROOF), **changes}).encode()


def test_the_proof_comes_back_as_it_was_found(tmp_path: Path) -> None:
    asked = request(tmp_path)
    assert read_result(answer(asked), asked, "uid-1") == PROOF


@pytest.mark.parametrize(
    "changes",
    [
        {"job": "uid-0"},
        {"gate": "switched"},
        {"fingerprint": "0"},
        {"resource_id": "db-OTHER"},
        {"verdict": "SURE"},
        {"problems": [{"subject": "", "found": "", "needed": "", "fix": ""}]},
        {"summary": "x" * 20_001},
        {"more": 1},
    ],
)
def test_an_answer_of_another_job_request_database_or_form_opens_nothing(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    asked = request(tmp_path)
    with pytest.raises(PermanentError, match="result of gate validated"):
        read_result(answer(asked, **changes), asked, "uid-1")


def test_what_is_no_json_opens_nothing(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="result of gate"):
        read_result(b"\xff{", request(tmp_path), "uid-1")


def test_a_job_without_enough_memory_says_which_key_gives_it_more(tmp_path: Path) -> None:
    job = made(tmp_path)
    ended = JobResult(False, 137, ("last words",), ("validated: exit code 137 (OOMKilled)",), "pod", "node")
    problem = build_no_result(job, ended)
    assert "runnerJob.memory" in problem.fix
    assert "last words" in problem.found


# Progress


def test_each_line_of_a_job_is_shown_once_and_foreign_ones_never() -> None:
    lines = [stamp(NOW + timedelta(seconds=number), f"validated: step {number}") for number in range(9)]
    progress = Progress("validated")
    assert list(progress.read_new(lines)) == [f"step {number}" for number in range(4, 9)]
    more = [*lines, "no line of ours", stamp(NOW + timedelta(minutes=1), f"\x1b[2J{'x' * 9999}")]
    (last,) = progress.read_new(more)
    assert len(last) == LONGEST
    assert last.isprintable()


def test_a_watch_without_a_receipt_asks_for_no_database(tmp_path: Path) -> None:
    stage = gate_worlds.forth(tmp_path, runner=Runner.KUBERNETES)
    clock: Watch = gate_worlds.watch("quiesced")
    assert make_request(stage.context, clock, EXPECTED).resource_id == ""
