"""After a breach: new passwords before the candidate serves, the stolen ones dead, on the way back too."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg
import pytest

from sandbox.application import names
from sandbox.application.deploy import application_login
from sandbox.machine.processes import wait_until
from tests.support.sandbox.harness import Project, Run, Sandbox
from validation.connect import urls

CANDIDATE = f"{names.INSTANCE}-inc-1"
ROTATE = ("credentials", "rotate", "--yes")
JOURNAL = "restore-rotation-inc-1"


def frozen(project: Project) -> None:
    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
    project.up().ok()


def master_password(sandbox: Sandbox) -> str:
    return sandbox.aws.secrets.get_secret_value(SecretId=names.MASTER_SECRET)["SecretString"]


def at(sandbox: Sandbox, url: str, identifier: str) -> str:
    endpoint = sandbox.instance(identifier)["Endpoint"]
    return str(urls.parse(url).with_host(endpoint["Address"], endpoint["Port"]))


def is_refused(url: str) -> bool:
    """Whether the password is refused; whatever else goes wrong is raised."""
    try:
        application_login(url, "test").close()
    except psycopg.OperationalError as error:
        if "password authentication failed" not in str(error):
            raise
        return True
    return False


def is_admin_refused(sandbox: Sandbox, identifier: str, password: str) -> bool:
    endpoint = sandbox.instance(identifier)["Endpoint"]
    try:
        psycopg.connect(
            host=endpoint["Address"],
            port=endpoint["Port"],
            user=names.MASTER_USER,
            password=password,
            dbname="postgres",
            sslmode="verify-full",
            sslrootcert=str(sandbox.layout.ca),
        ).close()
    except psycopg.OperationalError as error:
        if "password authentication failed" not in str(error):
            raise
        return True
    return False


def assert_rotated(sandbox: Sandbox, stolen_url: str, stolen_master: str) -> None:
    """Read with logins of the test's own: neither the program nor its evidence is asked."""
    for identifier in (names.INSTANCE, CANDIDATE):
        assert is_refused(at(sandbox, stolen_url, identifier))
        assert not is_refused(at(sandbox, sandbox.url, identifier))
        assert is_admin_refused(sandbox, identifier, stolen_master)
        assert not is_admin_refused(sandbox, identifier, master_password(sandbox))
    assert sandbox.kube.get("Secret", names.NAMESPACE, JOURNAL) is None


def assert_said_nowhere(project: Project, run: Run, *secrets: str) -> None:
    texts = [
        run.text,
        *(read(file) for folder in ("evidence", "state") for file in (project.folder / folder).rglob("*")),
    ]
    assert not any(secret in text for secret in secrets for text in texts)


def read(file: Path) -> str:
    return file.read_text(errors="replace") if file.is_file() else ""


def test_a_stolen_password_opens_neither_database_and_the_applications_serve_with_a_new_one(
    sandbox: Sandbox, project: Project
) -> None:
    stolen, master, others = sandbox.url, master_password(sandbox), sandbox.secret()
    project.config(id="inc-1", method="pitr", time="latest", traffic="source")
    project.restore(*ROTATE).failed("traffic is source", "pulumi config set traffic frozen")
    assert sandbox.url == stolen
    frozen(project)
    thief = application_login(stolen, "thief")
    rotated = project.restore(*ROTATE).ok()
    with pytest.raises(psycopg.OperationalError):
        thief.execute("select 1")
    assert_rotated(sandbox, stolen, master)
    assert {**sandbox.secret(), names.SECRET_KEY: stolen} == others
    facts = project.evidence("inc-1", "credentials")[-1]["facts"]
    assert (facts["old_refused"], facts["new_accepted"], facts["source"]) == (True, True, "rotated")
    new = urls.read_parameters(sandbox.url)["password"]
    assert_said_nowhere(project, rotated, new, master_password(sandbox), master)

    project.config(traffic="restored")
    project.up().ok()
    assert sandbox.replicas() == names.DEPLOYMENTS
    assert sandbox.url == at(sandbox, sandbox.url, CANDIDATE)


STEPS: tuple[str, ...] = (
    "a new password is pending",
    f"{CANDIDATE}: new passwords",
    f"{names.INSTANCE}: new passwords",
    "the old ones refused",
    f"Secret {names.SECRET}: new password",
)


def kill_after(project: Project, step: str) -> None:
    """Kills a rotation as soon as it has said this."""
    process = project.start("python", "-m", "restore", *ROTATE)
    wait_until(lambda: step in project.output or process.poll() is not None, 60, step, 0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)
    assert "Rotated:" not in project.output, project.output


@pytest.mark.slow
def test_rotations_that_are_killed_go_on_with_the_passwords_that_they_chose(sandbox: Sandbox, project: Project) -> None:
    frozen(project)
    stolen, master = sandbox.url, master_password(sandbox)
    for step in STEPS:
        stolen, master = sandbox.url, master_password(sandbox)
        kill_after(project, step)
        finished = project.restore(*ROTATE).ok()
        assert "Finishing the rotation" in finished.text
        assert_rotated(sandbox, stolen, master)
    project.config(traffic="restored")
    project.up().ok()
    project.restore("rollback", "--accept-loss", "--yes").ok()
    assert sandbox.replicas() == names.DEPLOYMENTS
    assert sandbox.url == at(sandbox, sandbox.url, names.INSTANCE)
    assert_rotated(sandbox, stolen, master)


@pytest.mark.slow
def test_a_source_that_is_down_is_left_on_purpose_and_rotated_when_it_is_back(
    sandbox: Sandbox, project: Project
) -> None:
    frozen(project)
    stolen, master = sandbox.url, master_password(sandbox)
    sandbox.stop_instance(names.INSTANCE)
    project.restore(*ROTATE).failed("--leave-source")
    assert sandbox.url == stolen
    left = project.restore(*ROTATE, "--leave-source").ok()
    assert "the way back to the source is closed" in left.text
    assert is_refused(at(sandbox, stolen, CANDIDATE))
    sandbox.aws.rds.start_db_instance(DBInstanceIdentifier=names.INSTANCE)
    wait_until(lambda: sandbox.status(names.INSTANCE) == "available", 60, "the source to run", 0.1)
    assert not is_refused(at(sandbox, stolen, names.INSTANCE))
    project.restore(*ROTATE).ok()
    assert_rotated(sandbox, stolen, master)
