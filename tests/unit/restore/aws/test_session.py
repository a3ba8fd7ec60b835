"""Preflight looks with the credentials that the plugin uses: profile, keys, files, roles one after the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from restore.aws.session import build_assume_role_request, open_session
from restore.model.aws_account import AssumedRole, AwsLogin, parse_seconds
from restore.redaction import forget_secrets, redact

ROLE = "arn:aws-us-gov:iam::123456789012:role/restore"
HUB = "arn:aws:iam::210987654321:role/hub"


class Sts:
    """Answers AssumeRole with keys named after role and count, and remembers with whose keys it was asked."""

    def __init__(self, lasting: timedelta = timedelta(hours=1)):
        self.lasting = lasting
        self.asked: list[tuple[str, str]] = []

    def assume(self, session: Any, request: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((key_of(session), request["RoleArn"]))
        name = f"{request['RoleArn'].rpartition('/')[2]}-{len(self.asked)}"
        keys = {"AccessKeyId": name, "SecretAccessKey": f"{name}-secret", "SessionToken": f"{name}-token"}
        return {**keys, "Expiration": datetime.now(UTC) + self.lasting}


def key_of(session: Any) -> str:
    return session.get_credentials().get_frozen_credentials().access_key


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keys in the environment, and profiles in files of this machine."""
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = DEFAULT\naws_secret_access_key = x\n"
        "[prod]\naws_access_key_id = PROD\naws_secret_access_key = x\n"
    )
    (tmp_path / "other").write_text("[prod]\naws_access_key_id = OTHER\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


def key(login: AwsLogin, sts: Sts | None = None) -> str:
    return key_of(open_session("us-east-1", login, (sts or Sts()).assume))


def test_a_configured_profile_counts_before_the_keys_of_the_environment() -> None:
    assert (key(AwsLogin()), key(AwsLogin(profile="prod"))) == ("ENVIRONMENT", "PROD")


def test_configured_keys_and_files_are_those_that_are_used(tmp_path: Path) -> None:
    assert key(AwsLogin(access_key="GIVEN", secret_key="x-long-secret", profile="prod")) == "GIVEN"
    assert redact("with x-long-secret") == "with [secret]"
    forget_secrets()
    assert key(AwsLogin(profile="prod", credentials_file=str(tmp_path / "other"))) == "OTHER"


def test_each_role_is_assumed_with_the_credentials_of_the_one_before_it() -> None:
    sts = Sts()
    login = AwsLogin(profile="prod", roles=(AssumedRole(HUB), AssumedRole(ROLE)))
    assert key(login, sts) == "restore-2"
    assert sts.asked == [("PROD", HUB), ("hub-1", ROLE)]
    assert redact("restore-2-secret restore-2-token") == "[secret] [secret]"
    forget_secrets()


def test_no_role_is_assumed_before_something_is_called() -> None:
    sts = Sts()
    open_session("us-east-1", AwsLogin(roles=(AssumedRole(ROLE),)), sts.assume)
    assert sts.asked == []


def test_a_restore_of_hours_outlives_the_credentials_of_its_role() -> None:
    sts = Sts(lasting=timedelta(seconds=30))
    session = open_session("us-east-1", AwsLogin(roles=(AssumedRole(ROLE),)), sts.assume)
    assert [key_of(session), key_of(session)] == ["restore-1", "restore-2"]


def test_every_field_of_a_role_reaches_sts_as_the_plugin_sends_it() -> None:
    role = AssumedRole(
        role_arn=ROLE,
        session_name="on-call",
        external_id="42",
        duration="1h30m",
        policy="{}",
        policy_arns=("arn:aws:iam::aws:policy/ReadOnlyAccess",),
        source_identity="alice",
        tags={"team": "shop"},
        transitive_tag_keys=("team",),
    )
    assert build_assume_role_request(role) == {
        "RoleArn": ROLE,
        "RoleSessionName": "on-call",
        "ExternalId": "42",
        "DurationSeconds": 5400,
        "Policy": "{}",
        "PolicyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}],
        "SourceIdentity": "alice",
        "Tags": [{"Key": "team", "Value": "shop"}],
        "TransitiveTagKeys": ["team"],
    }
    assert build_assume_role_request(AssumedRole(ROLE)) == {"RoleArn": ROLE, "RoleSessionName": "pulumi-restore"}


@pytest.mark.parametrize(("text", "meant"), [("1h", 3600), ("45m", 2700), ("900s", 900), ("1h0m30s", 3630)])
def test_a_duration_is_read_as_go_writes_it(text: str, meant: int) -> None:
    assert parse_seconds(text) == meant
