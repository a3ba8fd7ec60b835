"""Old tools, a wrong clock, another account, a closed network: each is found on a quiet day, not in the incident."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from restore.doctor import databases, logins, stores, tools
from restore.doctor.finding import State
from restore.model.aws_account import Caller as AwsCaller
from restore.model.network import Caller, Ingress, Network, Target
from sandbox.machine.layout import CHECKOUT
from tests.support import worlds as w

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a program on PATH, which has no other, that prints something and ends with a code."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def make(name: str, prints: str, code: int = 0) -> None:
        file = tmp_path / name
        file.write_text(f"#!/bin/sh\nprintf '%s' '{prints}'\nexit {code}\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)

    return make


@pytest.mark.parametrize(
    ("prints", "state"), [("v3.272.0\n", State.OK), ("v3.100.0\n", State.PROBLEM), ("oops", State.PROBLEM)]
)
def test_a_pulumi_that_is_too_old_is_found(program: Any, prints: str, state: State) -> None:
    program("pulumi", prints)
    finding = tools.examine_pulumi_cli(CHECKOUT)
    assert finding.state is state
    assert bool(finding.fix) is (state is State.PROBLEM)


def test_a_missing_program_is_a_problem(program: Any) -> None:
    assert tools.examine_pulumi_cli(CHECKOUT).found == "no pulumi on PATH"
    assert tools.examine_pg_restore("17.10").found == "no pg_restore on PATH"
    program("pulumi", "", 1)
    assert "failed" in tools.examine_pulumi_cli(CHECKOUT).found


def test_a_plugin_of_another_version_than_the_sdk_s_is_found(program: Any) -> None:
    wanted = metadata.version("pulumi-aws")
    program("pulumi", f'[{{"name": "aws", "kind": "resource", "version": "{wanted}"}}]')
    assert tools.examine_plugin("aws").state is State.OK
    program("pulumi", '[{"name": "aws", "kind": "resource", "version": "6.0.0"}]')
    finding = tools.examine_plugin("aws")
    assert (finding.found, finding.needed) == ("installed: 6.0.0", wanted)
    assert finding.fix == f"pulumi plugin install resource aws {wanted}"
    assert tools.examine_plugin("kubernetes").found == "installed: none"


def test_packages_outside_the_allowed_versions_are_named() -> None:
    assert tools.find_unfit(Requirement("packaging>=1")) is None
    assert tools.find_unfit(Requirement("packaging>=9999")) == f"packaging {metadata.version('packaging')}"
    assert tools.find_unfit(Requirement("no-such-package")) == "no-such-package is not installed"
    assert tools.examine_packages().state is State.OK


@pytest.mark.parametrize(
    ("prints", "state"),
    [
        ("pg_restore (PostgreSQL) 17.6 (Debian 17.6-1)", State.OK),
        ("pg_restore (PostgreSQL) 18.0", State.OK),
        ("pg_restore (PostgreSQL) 15.18", State.PROBLEM),
    ],
)
def test_a_pg_restore_older_than_the_source_is_found(program: Any, prints: str, state: State) -> None:
    program("pg_restore", prints)
    assert tools.examine_pg_restore("17.10").state is state


@pytest.mark.parametrize(
    ("seconds", "state"), [(0, State.OK), (-59, State.OK), (61, State.OK), (-70, State.PROBLEM), (300, State.PROBLEM)]
)
def test_a_clock_that_is_off_is_found_however_slow_the_answer(seconds: int, state: State) -> None:
    """The answer takes 5 s; the header has whole seconds."""
    clock = iter([NOW, NOW + timedelta(seconds=5)])
    assert logins.examine_clock("clock", lambda: NOW + timedelta(seconds=seconds), lambda: next(clock)).state is state


def test_a_server_that_tells_no_time_is_no_problem() -> None:
    assert logins.examine_clock("clock", lambda: None).state is State.NOTE


def test_a_plugin_in_another_account_is_found() -> None:
    looked = AwsCaller("1", "arn:aws:sts::1:assumed-role/a/me")
    assert logins.examine_account(looked, AwsCaller("2", "arn:aws:sts::2:assumed-role/a/me")).state is State.PROBLEM
    assert logins.examine_account(looked, AwsCaller("1", "arn:aws:sts::1:assumed-role/b/me")).state is State.NOTE
    assert logins.examine_account(looked, AwsCaller("1", "arn:aws:sts::1:assumed-role/a/pulumi")).state is State.OK


def findings_of(network: Network | None) -> list[tuple[str, State]]:
    return [(item.subject, item.state) for item in databases.examine_network_path(w.inventory(network=network))]


def test_who_gets_through_is_told_as_far_as_it_is_known() -> None:
    """What is closed is told by preflight's rule, which the doctor asks as well."""
    target = Target("shop-doctor", 5432, ("sg-1",), ingress=(Ingress("10.0.0.0/8"),))
    pods, here = (Caller("api-1", ("10.1.2.3",)),), (Caller("this machine", ("192.168.1.1",)),)
    network = Network((target,), pods, here, unasked={"network ACLs": "denied"})
    assert findings_of(network) == [
        ("path from the pods", State.OK),
        ("path from here", State.NOTE),
        ("network path", State.NOTE),
    ]
    assert findings_of(None) == [("network path", State.NOTE)]


def test_an_evidence_folder_that_cant_be_written_is_found_and_a_good_one_is_not_made(tmp_path: Path) -> None:
    aws: Any = None
    place = tmp_path / "new" / "evidence"
    (finding,) = stores.examine_evidence(w.settings(evidence=str(place)), aws)
    assert finding.state is State.OK
    assert not place.exists()
    (tmp_path / "file").write_text("")
    (finding,) = stores.examine_evidence(w.settings(evidence=str(tmp_path / "file" / "evidence")), aws)
    assert finding.state is State.PROBLEM


def test_a_file_without_certificates_is_found(tmp_path: Path) -> None:
    for content in ("", "no certificate"):
        file = tmp_path / "ca.pem"
        file.write_text(content)
        (finding,) = stores.examine_certificates(w.settings(tls=w.Tls("verify-full", str(file))))
        assert finding.state is State.PROBLEM, content
        assert "pulumi config set --path tls.rootCertificate rds.pem" in finding.fix
    (finding,) = stores.examine_certificates(w.settings(tls=w.Tls("verify-full", str(tmp_path / "missing.pem"))))
    assert finding.state is State.PROBLEM
