"""What must stay secret stays in its place, through a whole switch in which others interfere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sandbox.application import names
from sandbox.application.kubernetes_api import MANAGER
from sandbox.machine.processes import wait_until
from tests.support.sandbox.harness import Project, Sandbox, watched_command_lines

WRITTEN = "SELECT count(*) FROM transactions"


def texts(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every file that a run left there; what is linked into the project is the project's own."""
    for place, _, files in os.walk(folder):
        for name in files:
            file = Path(place) / name
            if not file.is_symlink():
                yield file, file.read_text(errors="replace")


def test_no_password_is_seen_and_an_apply_of_the_old_manifests_thaws_nothing(
    sandbox: Sandbox, project: Project
) -> None:
    encoded = urlsplit(sandbox.url).password or ""
    admin = sandbox.aws.secrets.get_secret_value(SecretId=names.MASTER_SECRET)["SecretString"]
    secrets = {admin, encoded, unquote(encoded)}
    said: list[str] = []
    with watched_command_lines() as seen:
        project.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
        said.append(project.up().ok().text)
        at_rest = sandbox.ask(WRITTEN)
        for name, replicas in names.DEPLOYMENTS.items():
            sandbox.kube.patch("Deployment", names.NAMESPACE, name, {"spec": {"replicas": replicas}}, MANAGER)
        wait_until(lambda: sandbox.ask(WRITTEN) > at_rest, 60, "what was applied to write", 0.1)
        said.append(project.up().ok().text)
        assert set(sandbox.replicas().values()) == {0}
        project.config(traffic="restored")
        said.append(project.up().failed("switched.written").text)
        project.pulumi("config", "set", "--path", 'waive["switched.written"]', "rows of an apply by hand").ok()
        said.append(project.up().ok().text)
        assert sandbox.replicas() == names.DEPLOYMENTS
    assert any("pulumi" in line for line in seen)

    # Steady: nothing left to do, and no way to the source but through frozen
    steady = sandbox.generations(), sandbox.secret_version()
    summary = project.up().changes
    assert "unchanged" in summary
    assert not any(word in summary for word in ("created", "updated", "deleted", "replaced"))
    project.config(traffic="source")
    said.append(project.preview().failed("frozen first", "pulumi config set traffic frozen").text)
    assert (sandbox.generations(), sandbox.secret_version()) == steady

    said.append(project.pulumi("stack", "export").ok().text)
    said.append(project.restore("status").text)
    report = project.restore("report").ok().text
    assert report.startswith("PASS")
    said.append(report)
    left = [*texts(project.folder), *texts(sandbox.layout.pulumi)]
    assert any("way-back-inc-1" in text for _, text in left)
    assert any(file.name == "report.html" for file, _ in left)
    for secret in secrets:
        assert not [text for text in said if secret in text]
        assert not [str(file) for file, text in left if secret in text]
        assert not [line for line in seen if secret in line]
