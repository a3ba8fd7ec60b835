"""The stand-in engine is a test double: what is not a sandbox, and what it doesn't do, it refuses."""

from __future__ import annotations

import pytest

from sandbox.standins.engine.errors import Refusal
from sandbox.standins.engine.loopback import is_loopback
from sandbox.standins.engine.property_values import Props
from sandbox.standins.engine.providers import loopback_guard
from tests.support.standins.engine_project import INSTANCE, PLUGINS, Workspace


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.3.2.1:4566", True),
        ("https://localhost:6443", True),
        ("http://[::1]:80", True),
        ("https://rds.us-east-1.amazonaws.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://10.0.0.1", False),
        ("", False),
    ],
)
def test_only_a_loopback_address_counts_as_a_sandbox(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback


def test_a_provider_without_endpoints_is_never_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with pytest.raises(Refusal, match="AWS itself would be called"):
        loopback_guard.check_provider("aws", {"region": "us-east-1"})
    loopback_guard.check_provider("aws", {"endpoints": '[{"rds": "http://127.9.9.9:4566"}]'})


def test_one_foreign_endpoint_among_loopback_ones_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    endpoints: Props = {"rds": "http://127.0.0.1:1", "s3": "https://s3.amazonaws.com"}
    with pytest.raises(Refusal, match=r"s3\.amazonaws\.com is not a loopback"):
        loopback_guard.check_provider("aws", {"endpoints": [endpoints]})


def test_a_foreign_cluster_is_refused() -> None:
    text = "clusters:\n- name: prod\n  cluster:\n    server: https://10.1.2.3:6443\n"
    with pytest.raises(Refusal, match=r"10\.1\.2\.3"):
        loopback_guard.check_provider("kubernetes", {"kubeconfig": text})


def test_a_backend_that_is_no_folder_is_refused_with_how_to_install_the_real_cli(workspace: Workspace) -> None:
    result = workspace.run("preview", PULUMI_BACKEND_URL="https://api.pulumi.com")
    assert result.code == 1
    assert "file:// backends only" in result.err
    assert "https://www.pulumi.com/docs" in result.err


def test_a_project_that_the_real_cli_refuses_is_refused_here_too(workspace: Workspace) -> None:
    workspace.write("name: sample\nruntime: python\nconfig:\n  secret:\n    type: object\n    default: {}\n", "")
    result = workspace.run("preview")
    assert result.code != 0
    assert "#/config/secret: expected boolean, but got object" in result.err


def test_a_stack_on_real_aws_is_refused_before_its_program_runs(workspace: Workspace) -> None:
    workspace.write("name: sample\nruntime: python\n", "raise Exception('the program ran')")
    workspace.ok("config", "set", "aws:region", "us-east-1")
    result = workspace.run("preview")
    assert result.code == 1
    assert "serves a sandbox only" in result.err
    assert "the program ran" not in result.out + result.err


def test_real_credentials_in_the_environment_are_refused(workspace: Workspace) -> None:
    result = workspace.run("preview", AWS_ACCESS_KEY_ID="AKIA")
    assert result.code == 1
    assert "AWS itself would be called" in result.err


def test_a_resource_of_aws_without_endpoints_is_refused(workspace: Workspace) -> None:
    workspace.write("name: sample\nruntime: python\n", INSTANCE)
    result = workspace.run("up", "--yes", "--skip-preview", PATH=f"{PLUGINS}:{workspace.env['PATH']}")
    assert result.code == 1
    assert "AWS itself would be called" in result.out
    assert not (workspace.root / "aws.json").exists()


@pytest.mark.parametrize(
    ("project", "problem"),
    [
        ("name: sample\nruntime: go\n", "Python programs only"),
        ("name: sample\nruntime: python\nstackConfigDir: x\n", "stackConfigDir is not served"),
        ("runtime: python\n", "missing a 'name'"),
        ("name: sample\nruntime:\n  name: python\n  options:\n    toolchain: uv\n", "toolchain: uv"),
        ("name: sample\nruntime: python\nplugins:\n  languages: []\n", "plugins.languages is not served"),
    ],
)
def test_what_a_project_asks_for_and_is_not_served_is_refused(workspace: Workspace, project: str, problem: str) -> None:
    workspace.write(project, "")
    result = workspace.run("preview")
    assert result.code == 1
    assert problem in result.err


@pytest.mark.parametrize(
    "words",
    [("up", "--yes", "--replace", "x"), ("import", "a", "b", "c"), ("stack", "tag", "ls"), ("preview", "--polic-pack")],
)
def test_an_unknown_flag_or_command_is_never_ignored(workspace: Workspace, words: tuple[str, ...]) -> None:
    result = workspace.run(*words)
    assert result.code == 1
    assert "the stand-in engine serves what" in result.err


def test_a_resource_option_that_is_not_served_fails_the_preview(workspace: Workspace) -> None:
    program = """
import pulumi
pulumi.Stash("a", input=1, opts=pulumi.ResourceOptions(hide_diffs=["input"]))
"""
    workspace.write("name: sample\nruntime: python\n", program)
    result = workspace.run("preview")
    assert result.code == 1
    assert "doesn't serve the option hide_diffs" in result.out


def test_every_operation_says_that_it_is_a_stand_in(workspace: Workspace) -> None:
    result = workspace.run("preview")
    assert "warning: stand-in engine (sandbox test double); not the Pulumi CLI" in result.err
    assert "stand-in" in workspace.ok("about")
    assert workspace.ok("version").strip() == "v3.272.0"


def test_nobody_to_ask_is_a_refusal_and_changes_nothing(workspace: Workspace) -> None:
    result = workspace.run("up")
    assert result.code == 1
    assert "--yes" in result.err
    assert workspace.resources() == {}
