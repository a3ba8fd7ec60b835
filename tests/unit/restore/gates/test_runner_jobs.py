"""A gate in a Job, both ends: what a run here does to the cluster, and what the Job leaves in the evidence."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from restore.errors import PermanentError, TemporaryError
from restore.gates import registry
from restore.gates.context import GateContext
from restore.gates.hook import Proof, Stopped, Watch
from restore.gates.runner import follow, probe, work
from restore.gates.runner.request import make_request
from restore.gates.runner.result import make_result, name_result
from restore.kubernetes.job_manifests import Job, build_job_body
from restore.model.request import Runner, RunnerJob, Tls
from sandbox.machine.layout import CHECKOUT
from tests.support import gate_worlds, worlds
from tests.support.gate_worlds import Stage
from validation import expectations
from validation.verdict import Verdict

EXPECTED = expectations.from_mapping({"tables": {"users": {"min": 10}}})
PROOF = Proof(Verdict.PASS, "all checks pass", {"rows": 2})
JOBS, SECRETS = "/apis/batch/v1/namespaces/prod/jobs", "/api/v1/namespaces/prod/secrets"


@dataclass
class Cluster:
    """Jobs and Secrets by path; a Job that is let go ends at once, `at_end` what it does before."""

    at_end: Callable[[str, str], None] = lambda _name, _uid: None
    succeeds: bool = True
    objects: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    made: list[str] = field(default_factory=list[str])
    removed: list[str] = field(default_factory=list[str])
    pods: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """What is found of its pod, look by look."""
    uids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def get(self, path: str, **_: str) -> dict[str, Any] | None:
        return self.objects.get(path)

    def list_items(self, path: str, **query: str) -> list[dict[str, Any]]:
        if path.endswith("pods"):
            return [self.pods.pop(0)] if self.pods else []
        if not path.endswith("jobs"):
            return []
        wanted = dict(part.split("=") for part in query["labelSelector"].split(","))
        found = (item for key, item in self.objects.items() if key.startswith(f"{path}/"))
        return [item for item in found if wanted.items() <= item["metadata"]["labels"].items()]

    def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        name = body["metadata"]["name"]
        self.made.append(f"{path.rpartition('/')[2]}/{name}")
        metadata = {**body["metadata"], "uid": f"uid-{next(self.uids)}"}
        self.objects[f"{path}/{name}"] = {**body, "metadata": metadata}
        return self.objects[f"{path}/{name}"]

    def patch(self, path: str, body: Mapping[str, Any], _kind: str) -> None:
        job = self.objects[path]
        job["spec"].update(body["spec"])
        self.at_end(job["metadata"]["name"], job["metadata"]["uid"])
        self.end(path, datetime.now(UTC))

    def end(self, path: str, moment: datetime) -> None:
        condition = {"type": "Complete" if self.succeeds else "Failed", "status": "True"}
        self.objects[path]["status"] = {"conditions": [{**condition, "lastTransitionTime": moment.isoformat()}]}

    def delete(self, path: str, **_: str | None) -> bool:
        self.removed.append(path.rpartition("/")[2])
        return self.objects.pop(path, None) is not None


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    settings = {
        "runner": Runner.KUBERNETES,
        "runner_job": RunnerJob(image="r:1"),
        "tls": Tls(root_certificate="system"),
        "namespace": "prod",
    }
    return gate_worlds.forth(tmp_path, **settings)


def clock(gate: str = "validated") -> Watch:
    receipt = {"resource_id": "db-CANDIDATE"}
    return Watch(gate, 60, threading.Event(), lambda _text: None, receipt)


def answering(context: GateContext, gate: str = "validated") -> Callable[[str, str], None]:
    """What the Job does: it writes its result."""
    request = make_request(context, clock(gate), EXPECTED)

    def write(name: str, uid: str) -> None:
        document = make_result(request, uid, PROOF)
        context.store.write_result(context.plan.stack, context.plan.id, name_result(name, uid), document)

    return write


def on(cluster: Cluster, stage: Stage) -> GateContext:
    return replace(stage.context, api=cast("Any", cluster))


def job_of(context: GateContext, gate: str = "validated") -> Job:
    return follow.build_gate_job(context, make_request(context, clock(gate), EXPECTED))


def prove(context: GateContext, watch: Watch | None = None) -> Proof:
    return follow.prove(lambda: EXPECTED, context, watch or clock())


# Here


def test_a_proof_of_a_job_is_that_of_the_gate_and_nothing_is_left(stage: Stage) -> None:
    cluster = Cluster(answering(stage.context))
    context = on(cluster, stage)
    assert prove(context) == PROOF
    name = job_of(context).name
    assert cluster.made == [f"jobs/{name}", f"secrets/{name}"]
    assert cluster.objects == {}


def running(context: GateContext, gate: str = "validated") -> tuple[Cluster, str]:
    """A cluster in which the gate's Job was begun by an earlier run, and its path."""
    cluster = cast("Cluster", context.api)
    body = build_job_body(job_of(context, gate), 60)
    body["spec"]["suspend"] = False
    path = f"{JOBS}/{body['metadata']['name']}"
    cluster.create(JOBS, body)
    cluster.made.clear()
    return cluster, path


def test_a_job_that_ended_while_nobody_looked_is_not_begun_again(stage: Stage) -> None:
    context = on(Cluster(), stage)
    cluster, path = running(context)
    answering(context)(path.rpartition("/")[2], "uid-1")
    cluster.end(path, datetime.now(UTC) - timedelta(hours=5))
    assert prove(context) == PROOF
    assert cluster.made == []


def test_a_result_that_somebody_else_wrote_is_not_taken_and_holds_nothing_up(stage: Stage, tmp_path: Path) -> None:
    context = on(Cluster(), stage)
    cluster, path = running(context)
    answering(context)(path.rpartition("/")[2], "uid-1")
    name = name_result(path.rpartition("/")[2], "uid-1")
    file = next(tmp_path.rglob(f"{name}.json"))
    file.write_text(file.read_text().replace("db-CANDIDATE", "db-ANOTHER"))
    cluster.end(path, datetime.now(UTC))
    cluster.at_end = answering(context)
    assert prove(context) == PROOF
    assert [made.partition("/")[0] for made in cluster.made] == ["jobs", "secrets"]


def test_a_run_that_is_stopped_leaves_the_job_running(stage: Stage) -> None:
    context = on(Cluster(), stage)
    cluster, path = running(context)
    watch = clock()
    watch.stop.set()
    with pytest.raises(TemporaryError):
        prove(context, watch)
    assert path in cluster.objects
    assert cluster.removed == []


def test_a_job_that_finds_no_room_says_so_while_it_waits(stage: Stage) -> None:
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
    starting = {"name": "validated", "state": {"waiting": {"reason": "ContainerCreating"}}}
    pods: list[dict[str, Any]] = [
        {"metadata": {"name": "p"}, "status": {"phase": "Pending", "containerStatuses": [starting]}},
        {"metadata": {"name": "p"}, "status": {"phase": "Pending", "conditions": [unscheduled]}},
    ]
    context = on(Cluster(pods=pods), stage)
    cluster, path = running(context)
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if "Unschedulable: 0/3 nodes" in text:
            answering(context)(path.rpartition("/")[2], "uid-1")
            cluster.end(path, datetime.now(UTC))

    assert prove(context, Watch("validated", 60, threading.Event(), say, {"resource_id": "db-CANDIDATE"})) == PROOF
    assert [text for text in said if "waits" in text] == [
        f"validated: Job {path.rpartition('/')[2]} waits: Unschedulable: 0/3 nodes"
    ]


def test_a_job_without_a_result_opens_nothing_and_the_next_run_begins_another(stage: Stage) -> None:
    cluster = Cluster(succeeds=False)
    context = on(cluster, stage)
    with pytest.raises(PermanentError, match="the gate's result"):
        prove(context)
    assert cluster.objects == {}
    cluster.at_end = answering(context)
    assert prove(context) == PROOF


def test_a_switch_of_before_and_a_way_back_never_work_at_a_time(stage: Stage) -> None:
    context = on(Cluster(), stage)
    cluster, path = running(context, "switched")
    follow.end_others(context, "quiesced", "restore-quiesced-inc-1-0", clock("quiesced"))
    assert path not in cluster.objects


def test_a_proof_of_the_candidate_ends_no_other_gate(stage: Stage) -> None:
    context = on(Cluster(), stage)
    cluster, path = running(context, "switched")
    follow.end_others(context, "validated", "restore-validated-inc-1-0", clock())
    assert path in cluster.objects


# There


def there(stage: Stage, monkeypatch: pytest.MonkeyPatch, found: Callable[[], Proof]) -> int:
    def gate(_context: GateContext, _watch: Watch) -> Proof:
        return found()

    monkeypatch.setitem(cast("Any", registry.PROOFS), "validated", (60.0, gate))
    request = make_request(stage.context, clock(), EXPECTED)
    return work.prove(stage.context, request, "restore-validated-inc-1-0", "uid-1", threading.Event())


def result(stage: Stage) -> Mapping[str, Any] | None:
    plan = stage.context.plan
    content = stage.context.store.read_result(plan.stack, plan.id, "restore-validated-inc-1-0-uid-1", 1 << 20)
    return json.loads(content) if content else None


def test_a_job_leaves_its_proof_in_the_evidence(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert there(stage, monkeypatch, lambda: PROOF) == work.DONE
    found = result(stage)
    assert found is not None
    assert (found["verdict"], found["facts"]) == ("PASS", {"rows": 2})


def test_a_gate_that_could_not_run_in_the_job_is_a_result_with_a_name(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> Proof:
        raise RuntimeError("the disk is gone")

    assert there(stage, monkeypatch, fails) == work.DONE
    found = result(stage)
    assert found is not None
    assert [problem["subject"] for problem in found["problems"]] == ["validated.unproved"]


def test_a_job_that_is_ended_leaves_no_result(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped() -> Proof:
        raise Stopped("ended")

    assert there(stage, monkeypatch, stopped) == work.STOPPED
    assert result(stage) is None


# The image


def test_the_image_has_what_it_runs_checked_packages_and_no_rights() -> None:
    lines = (CHECKOUT / "Containerfile").read_text().splitlines()
    own = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from=" not in line]
    copied = [name for names in own for name in names]
    assert all(any(CHECKOUT.glob(name)) for name in copied)
    assert {"restore", "validation"} <= set(copied)
    assert any("--require-hashes" in line for line in lines if line.startswith("RUN"))
    assert "USER 65534:65534" in lines
    assert 'ENTRYPOINT ["python", "-m", "restore"]' in lines


# Doctor


def test_doctor_asks_from_a_job_with_the_job_s_own_logins(stage: Stage) -> None:
    settings = replace(stage.context.settings, kubeconfig="/home/me/kubeconfig", tunnel={"shop": "127.0.0.1:15432"})
    endpoint = replace(worlds.SOURCE_AT, via="127.0.0.1:15432")
    question = probe.Question(settings, endpoint, "shop")
    written = question.write()
    assert not [word for word in ("/home/me", "15432") if word in written]
    read = probe.Question.read(written)
    assert (read.endpoint, read.endpoint.via, read.database) == (worlds.SOURCE_AT, "", "shop")
    job = probe.build_probe_job(question)
    assert job.arguments[:2] == ("probe", "--request")
    assert (job.image, job.runs_gate) == ("r:1", True)


def test_a_job_that_does_not_reach_the_database_is_a_problem_of_the_quiet_day(stage: Stage) -> None:
    question = probe.Question(stage.context.settings, worlds.SOURCE_AT, "shop")
    cluster = Cluster(succeeds=False)
    with pytest.raises(PermanentError, match="a login to shop"):
        probe.ask(cast("Any", cluster), question)
    assert cluster.objects == {}
