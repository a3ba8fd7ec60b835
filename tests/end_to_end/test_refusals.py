"""Bad input is refused in the preview, all at once, and nothing is touched."""

from __future__ import annotations

from sandbox.application import names
from sandbox.aws import ACCOUNT
from tests.support.sandbox.harness import Project, Sandbox


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_touched(sandbox: Sandbox, project: Project) -> None:
    before, url = sandbox.replicas(), sandbox.url
    project.config(id="inc-1", method="pitr", time="2020-01-01T00:00:00Z", traffic="restored")
    sandbox.put_url(url.replace("@127", "@10"))
    refused = project.up().failed("refused, nothing was touched", "2020-01-01T00:00:00Z", "DATABASE_URL", "traffic")
    assert refused.text.count("needed:") >= 3
    assert sandbox.replicas() == before
    assert set(sandbox.instances()) == {names.INSTANCE}


def test_misspelt_keys_and_times_without_zone_are_refused_with_the_nearest(project: Project) -> None:
    project.config(id="inc-1", method="pitr", time="2026-11-22T14:30:00", trafic="frozen")
    project.preview().failed("trafic", "traffic", "zone")


def test_the_recovery_point_of_an_existing_restore_never_changes(sandbox: Sandbox, project: Project) -> None:
    project.config(id="inc-1", method="pitr", time="latest")
    project.up().ok()
    made = sandbox.instances()
    project.config(method="snapshot", snapshot="latest")
    project.unset("time")
    project.preview().failed("recovery point")
    project.pulumi("config", "rm", "id").ok()
    project.pulumi("config", "rm", "method").ok()
    project.pulumi("config", "rm", "snapshot").ok()
    project.up().failed("inc-1", "close")
    assert sandbox.instances() == made


def test_the_account_is_shown_and_a_login_of_another_name_is_obeyed_by_all_or_refused(project: Project) -> None:
    project.config(id="inc-1", method="pitr", time="latest")
    shown = project.preview().ok().text
    assert f"account: {ACCOUNT}, region {names.REGION}, as arn:aws:" in shown
    assert "the Pulumi plugin calls AWS as" not in shown
    project.pulumi("config", "set", "aws:profile", "nobody").ok()
    project.preview().failed("AWS credentials", "nobody")
