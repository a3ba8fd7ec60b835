"""The operator's password is found in either form, and never shown."""

from __future__ import annotations

import json

import pytest

from restore.aws import Credential
from restore.aws.login import parse_secret
from restore.errors import PermanentError


def test_a_plain_string_is_the_password_of_the_configured_user() -> None:
    assert parse_secret("name", "p@ss", "ghostadmin") == Credential("ghostadmin", "p@ss")


def test_the_json_of_rds_holds_user_and_password_together() -> None:
    text = json.dumps({"username": "postgres", "password": "p@ss"})
    assert parse_secret("name", text, "ghostadmin") == Credential("postgres", "p@ss")


def test_json_without_a_user_is_of_the_configured_one() -> None:
    assert parse_secret("name", json.dumps({"password": "p"}), "ghostadmin").user == "ghostadmin"


def test_a_password_that_only_looks_like_json_is_a_password() -> None:
    assert parse_secret("name", "{not json", "u") == Credential("u", "{not json")


@pytest.mark.parametrize("text", ["", "{}", json.dumps({"password": ""}), json.dumps({"password": 5})])
def test_an_empty_password_is_refused_and_not_tried(text: str) -> None:
    with pytest.raises(PermanentError, match="no password"):
        parse_secret("name", text, "u")


def test_a_password_is_in_no_repr() -> None:
    assert "p@ss" not in repr(Credential("u", "p@ss"))


def test_what_could_not_be_read_is_not_in_the_message() -> None:
    with pytest.raises(PermanentError) as caught:
        parse_secret("name", json.dumps({"other": "hidden-value"}), "u")
    assert "hidden-value" not in str(caught.value)
