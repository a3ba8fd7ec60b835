"""Every place of a password gets the new one, and no other byte changes."""

from __future__ import annotations

import json

import pytest

from restore.credentials.password_texts import change_values, read_login, replace_password
from restore.model.rds import Credential
from validation.connect.urls import UrlError

OLD = Credential("shop_app", "p@ss/w%rd ?")
URL = "postgresql://shop_app:p%40ss%2Fw%25rd%20%3F@db:5432/shop?schema=public&connection_limit=5"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (OLD.password, "new"),
        (f"{OLD.password}\n", "new\n"),
        (URL, "postgresql://shop_app:new@db:5432/shop?schema=public&connection_limit=5"),
        (f" {URL}\n", " postgresql://shop_app:new@db:5432/shop?schema=public&connection_limit=5\n"),
        (
            "jdbc:postgresql://db/shop?user=shop_app&password=p%40ss%2Fw%25rd%20%3F&ssl=true",
            "jdbc:postgresql://db/shop?user=shop_app&password=new&ssl=true",
        ),
    ],
)
def test_the_password_is_replaced_and_nothing_else(text: str, expected: str) -> None:
    assert replace_password(text, OLD, "new") == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a text with p@ss/w%rd ? in its middle",
        URL.replace("shop_app", "another"),
        URL.replace("p%40ss", "other"),
        "postgresql://shop_app@db/shop",
        "https://shop_app:p%40ss%2Fw%25rd%20%3F@queue/",
        '{"password": "another"}',
        '["p@ss/w%rd ?"]',
    ],
)
def test_what_holds_another_login_stays_byte_for_byte(text: str) -> None:
    assert replace_password(text, OLD, "new") == text


def test_the_json_of_secrets_manager_keeps_its_other_fields() -> None:
    text = json.dumps({"username": "shop_app", "password": OLD.password, "url": URL, "port": 5432})
    replaced = json.loads(replace_password(text, OLD, "new"))
    assert replaced["password"] == "new"
    assert read_login(replaced["url"]).password == "new"
    assert (replaced["username"], replaced["port"]) == ("shop_app", 5432)


def test_every_key_of_the_secret_that_holds_the_login_changes_and_no_other() -> None:
    values = {"DATABASE_URL": URL, "DB_PASSWORD": OLD.password, "JWT_SECRET": "s3cr3t", "HOST": "db"}
    assert change_values(values, OLD, "new").keys() == {"DATABASE_URL", "DB_PASSWORD"}


def test_a_url_that_is_none_is_no_login() -> None:
    with pytest.raises(UrlError):
        read_login("not a url")
