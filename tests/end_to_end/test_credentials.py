"""After a breach: new passwords before the candidate serves, the stolen ones dead, on the way back too."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from sandbox.application import names
from sandbox.application.deploy import application_login
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
    return str(urls.parse(url).at(endpoint["Address"], endpoint["Port"]))


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
