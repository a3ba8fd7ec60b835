"""The plugins as the engine meets them: processes that print a port, and refuse what they can't stand in for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.machine.processes import ProcessId, wait_until
from tests.support.standins.plugin_client import BIN, CallFailed, Plugin, urn

INSTANCE = urn("aws:rds/instance:Instance", "candidate")
NOBODY = {"endpoints": '[{"rds": "http://127.0.0.1:1"}]', "region": "us-east-1", "maxRetries": "1"}
ENGINE_PATIENCE_SECONDS = 5
"""For all plugins together (pkg/host/host.go, ReleaseContext): who is not told by then counts as crashed."""
KEYS = {"AWS_ACCESS_KEY_ID": "AKIASANDBOX", "AWS_SECRET_ACCESS_KEY": "x", "AWS_EC2_METADATA_DISABLED": "true"}


@pytest.mark.parametrize(
    ("package", "token"), [("aws", "aws:s3/bucket:Bucket"), ("kubernetes", "kubernetes:core/v1:Secret")]
)
def test_another_type_is_refused_with_what_to_install(start: Callable[..., Plugin], package: str, token: str) -> None:
    with pytest.raises(CallFailed, match=f"stand-in provider has no type {token}: install the real plugin"):
        start(package).check(urn(token, "x"), {})


def test_functions_are_refused(start: Callable[..., Plugin]) -> None:
    with pytest.raises(CallFailed, match="stand-in provider has no function aws:rds/getInstance:getInstance"):
        start("aws").invoke("aws:rds/getInstance:getInstance")


def test_a_child_of_a_component_has_its_own_type(start: Callable[..., Plugin]) -> None:
    where = "urn:pulumi:test::restore::restore:index:Candidate$aws:rds/instance:Instance::candidate"
    plugin = start("aws")
    plugin.configure(**NOBODY)
    assert plugin.check(where, {"instanceClass": "db.t4g.micro"})[1] == []


def test_nothing_is_done_without_a_loopback_endpoint(start: Callable[..., Plugin]) -> None:
    plugin = start("aws", **KEYS)
    with pytest.raises(CallFailed, match="test double"):
        plugin.configure(region="us-east-1")
    with pytest.raises(CallFailed, match="not configured"):
        plugin.create(INSTANCE, {"identifier": "x", "instanceClass": "y"})


def test_previews_need_no_server_and_updates_say_that_there_is_none(start: Callable[..., Plugin]) -> None:
    plugin = start("aws", **KEYS)
    plugin.configure(**NOBODY)
    inputs, failures = plugin.check(INSTANCE, {"instanceClass": "db.t4g.micro", "snapshotIdentifier": "a"})
    assert not failures
    assert plugin.create(INSTANCE, inputs, preview=True)[0] == ""
    with pytest.raises(CallFailed, match="operation error RDS: RestoreDBInstanceFromDBSnapshot, exceeded maximum"):
        plugin.create(INSTANCE, inputs)


def test_ctrl_c_to_the_group_is_left_to_the_engine(start: Callable[..., Plugin]) -> None:
    plugin = start("aws", **KEYS)
    plugin.configure(**NOBODY)
    plugin.process.send_signal(signal.SIGINT)
    assert plugin.check(INSTANCE, {"instanceClass": "db.t4g.micro"})[1] == []
    assert plugin.process.poll() is None


def test_the_engines_interrupt_after_cancel_ends_the_plugin_before_it_is_called_crashed(
    start: Callable[..., Plugin],
) -> None:
    plugin = start("aws", **KEYS)
    plugin.configure(**NOBODY)
    plugin.cancel()
    plugin.process.send_signal(signal.SIGINT)
    assert plugin.process.wait(ENGINE_PATIENCE_SECONDS) == 0


def test_credentials_are_not_looked_for_on_the_network(start: Callable[..., Plugin], tmp_path: Path) -> None:
    role = tmp_path / "config"
    role.write_text("[default]\nrole_arn = arn:aws:iam::123456789012:role/x\ncredential_source = Ec2InstanceMetadata\n")
    plugin = start("aws", HOME=str(tmp_path), AWS_CONFIG_FILE=str(role))
    plugin.configure(**NOBODY)
    with pytest.raises(CallFailed, match="Unable to locate credentials"):
        plugin.read(INSTANCE, "db-ABCDEFGH")


ENGINE = """
import subprocess, sys
plugin = subprocess.Popen([sys.argv[1], "127.0.0.1:1"], stdout=subprocess.PIPE, text=True)
print(plugin.pid, plugin.stdout.readline().strip(), flush=True)
plugin.wait()
"""


def test_a_plugin_ends_with_its_engine() -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = [sys.executable, "-c", ENGINE, str(BIN / "pulumi-resource-kubernetes")]
    with subprocess.Popen(command, env={"PATH": path}, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        plugin = ProcessId.of(int(engine.stdout.readline().split()[0]))
        engine.kill()
    assert plugin is not None
    wait_until(lambda: not plugin.alive, 30, "the plugin's end")
