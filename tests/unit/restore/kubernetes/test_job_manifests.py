"""The Job that proves the way from inside the cluster shows its login to nobody and cleans up after itself."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from typing import Any

from restore.kubernetes.job_manifests import CERTIFICATE, SCRIPT, Job, build_job_body, build_psql_job, build_secret_body
from restore.kubernetes.other_writers import MANAGED_BY, Workloads, find_writers

BASE = Job("prod", "restore-inc-1", "postgres:17")
STATEMENTS = ("SELECT 'it''s'", "SELECT 2")
LOGIN = {"PGHOST": "h", "PGPASSWORD": "hidden-value"}
PEM = "-----BEGIN CERTIFICATE-----\n" * 6000
JOB = build_psql_job(BASE, STATEMENTS, LOGIN, "-----BEGIN CERTIFICATE-----")
BUNDLE = build_psql_job(BASE, STATEMENTS, LOGIN, PEM)


def test_the_password_is_in_the_secret_and_nowhere_else() -> None:
    assert "hidden-value" not in json.dumps(build_job_body(JOB, 60))
    assert "hidden-value" not in repr(JOB)
    assert build_secret_body(JOB, "uid-1")["stringData"]["PGPASSWORD"] == "hidden-value"


def test_the_secret_goes_with_the_job() -> None:
    (owner,) = build_secret_body(JOB, "uid-1")["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("Job", "restore-inc-1", "uid-1")
    assert build_job_body(JOB, 60)["spec"]["ttlSecondsAfterFinished"] > 0


def test_no_pod_starts_before_its_secret_is_there() -> None:
    assert build_job_body(JOB, 60)["spec"]["suspend"] is True


def test_it_is_tried_once_and_ends() -> None:
    spec = build_job_body(JOB, 60)["spec"]
    assert spec["backoffLimit"] == 0
    assert spec["activeDeadlineSeconds"] >= 60
    assert build_job_body(JOB, -5)["spec"]["activeDeadlineSeconds"] > 0


def test_a_namespace_with_restricted_pod_security_accepts_it() -> None:
    pod = build_job_body(JOB, 60)["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert pod["automountServiceAccountToken"] is False


def test_it_is_not_taken_for_a_foreign_writer() -> None:
    running: dict[str, Any] = {**build_job_body(JOB, 60), "status": {"active": 1}}
    assert find_writers(Workloads(jobs=(running,)), "prod", (), "database-credentials") == ()


def run(arguments: list[str], psql: str, tmp_path: Any, **environment: str) -> subprocess.CompletedProcess[str]:
    """The Job's script with a psql of our own."""
    program = tmp_path / "psql"
    program.write_text(f"#!/bin/sh\n{psql}\n")
    program.chmod(0o755)
    return subprocess.run(
        ["sh", "-c", SCRIPT, "psql", *arguments],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "TMPDIR": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_statements_reach_psql_as_they_are(tmp_path: Any) -> None:
    arguments = build_job_body(JOB, 60)["spec"]["template"]["spec"]["containers"][0]["command"][4:]
    done = run(arguments, 'for word in "$@"; do echo "<$word>"; done', tmp_path)
    assert done.stdout.splitlines()[-4:] == ["<--command>", "<SELECT 'it''s'>", "<--command>", "<SELECT 2>"]


def test_a_failure_of_psql_is_the_failure_of_the_job(tmp_path: Any) -> None:
    assert run([], "exit 3", tmp_path).returncode == 3


def test_a_root_certificate_of_any_length_is_a_file_and_never_an_environment_value() -> None:
    """AWS's global bundle has more than 150 kB; Linux starts no program with a variable of 128 KiB or more."""
    pod = build_job_body(BUNDLE, 60)["spec"]["template"]["spec"]
    (container,), (volume,) = pod["containers"], pod["volumes"]
    (mount,) = container["volumeMounts"]
    environment = {item["name"]: item for item in container["env"]}
    assert "envFrom" not in container
    assert CERTIFICATE not in environment
    assert environment["PGSSLROOTCERT"]["value"] == f"{mount['mountPath']}/{CERTIFICATE}"
    assert volume["name"] == mount["name"]
    assert volume["secret"]["secretName"] == BUNDLE.name
    assert build_secret_body(BUNDLE, "uid-1")["stringData"][CERTIFICATE] == PEM
    assert "CERTIFICATE-----" not in json.dumps(pod)


def test_nobody_can_read_the_certificate_and_the_login_is_in_no_file() -> None:
    pod = build_job_body(BUNDLE, 60)["spec"]["template"]["spec"]
    secret = pod["volumes"][0]["secret"]
    assert pod["securityContext"]["runAsUser"] != 0
    assert secret["defaultMode"] & 0o004
    assert [item["key"] for item in secret["items"]] == [CERTIFICATE]


def test_every_value_of_the_login_reaches_psql_from_the_secret() -> None:
    container = build_job_body(JOB, 60)["spec"]["template"]["spec"]["containers"][0]
    taken = {item["name"]: item["valueFrom"]["secretKeyRef"] for item in container["env"] if "valueFrom" in item}
    stored = {*build_secret_body(JOB, "uid-1")["stringData"]} - {CERTIFICATE}
    assert {*taken} == stored == {"PGCONNECT_TIMEOUT", "PGHOST", "PGPASSWORD"}
    assert all(reference == {"name": JOB.name, "key": name} for name, reference in taken.items())


def test_without_a_certificate_nothing_is_mounted() -> None:
    job = build_psql_job(BASE, STATEMENTS, LOGIN)
    pod = build_job_body(job, 60)["spec"]["template"]["spec"]
    assert (pod["volumes"], pod["containers"][0]["volumeMounts"]) == ([], [])
    assert CERTIFICATE not in build_secret_body(job, "uid-1")["stringData"]


def test_what_meshes_policies_and_private_registries_go_by_reaches_the_pod() -> None:
    """Without them the Job never ends (a sidecar), never connects (a policy), or never starts (a registry)."""
    wanted = replace(
        JOB,
        labels={"app": "api"},
        annotations={"sidecar.istio.io/inject": "false"},
        service_account="api",
        image_pull_secrets=("registry",),
    )
    template = build_job_body(wanted, 60)["spec"]["template"]
    assert template["metadata"]["labels"] == {"app": "api", MANAGED_BY[0]: MANAGED_BY[1]}
    assert template["metadata"]["annotations"] == {"sidecar.istio.io/inject": "false"}
    assert template["spec"]["serviceAccountName"] == "api"
    assert template["spec"]["imagePullSecrets"] == [{"name": "registry"}]
