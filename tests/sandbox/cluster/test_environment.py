"""What the sandbox hands to Pulumi and to the application."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
import yaml
from psycopg.conninfo import conninfo_to_dict

from sandbox.application import names
from sandbox.application.connection_url import connection_url, for_libpq
from sandbox.application.stack_config import configuration
from sandbox.machine.layout import Layout
from sandbox.runtime.environment import (
    STAND_INS,
    extended_path,
    passphrase_file,
    prepare_pulumi,
    quoted,
    variables,
    write_stack,
)

AWKWARD = "a%2F:/?#[]@!$&'()*+,;= \"b"


def test_a_password_full_of_url_characters_reaches_postgresql_unchanged() -> None:
    url = connection_url("ghost_app", AWKWARD, "127.1.2.3", 5432, "ghost_protocol", Path("/sandbox/tls/ca.pem"))
    assert "schema=public" in url
    found = conninfo_to_dict(for_libpq(url))
    assert found == {
        "user": "ghost_app",
        "password": AWKWARD,
        "host": "127.1.2.3",
        "port": "5432",
        "dbname": "ghost_protocol",
        "sslmode": "verify-full",
        "sslrootcert": "/sandbox/tls/ca.pem",
    }


def test_the_real_programs_win_over_the_stand_ins() -> None:
    parts = extended_path("/real/bin:/usr/bin").split(os.pathsep)
    assert parts.index("/real/bin") < min(parts.index(str(folder)) for folder in STAND_INS)
    assert extended_path(os.pathsep.join(parts)) == os.pathsep.join(parts)


def test_boto3_needs_nothing_but_the_exported_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    layout = Layout.at(tmp_path)
    for name, value in variables(layout, "/usr/bin").items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    client = cast("Any", boto3.Session()).client("rds")
    assert (client.meta.region_name, client.meta.endpoint_url) == (names.REGION, layout.aws_endpoint)


def test_a_shell_reads_back_what_was_quoted() -> None:
    assert quoted("it's $HOME") == "'it'\\''s $HOME'"


def test_a_second_up_keeps_what_the_operator_set_and_the_salt(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path / "sandbox")
    file = write_stack(layout, tmp_path, "sandbox", fresh=True)
    found = yaml.safe_load(file.read_text())
    assert found == {"config": configuration(layout)}
    assert "restore:id" not in found["config"]
    found["config"]["restore:id"] = "inc-1"
    file.write_text(yaml.safe_dump({"encryptionsalt": "v1:salt", **found}))
    again = yaml.safe_load(write_stack(layout, tmp_path, "sandbox", fresh=False).read_text())
    assert again["encryptionsalt"] == "v1:salt"
    assert again["config"]["restore:id"] == "inc-1"
    renewed = yaml.safe_load(write_stack(layout, tmp_path, "sandbox", fresh=True).read_text())
    assert renewed == {"config": configuration(layout)}


def test_the_passphrase_is_private_and_made_once(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path)
    assert prepare_pulumi(layout)
    made = passphrase_file(layout)
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    before = made.read_text()
    assert len(before) > 30
    assert not prepare_pulumi(layout)
    assert made.read_text() == before
