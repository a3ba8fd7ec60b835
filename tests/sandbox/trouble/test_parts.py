"""The pure parts: when External Secrets reads its store again, and how a container is told its database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from sandbox.application.connection_url import for_libpq, of_environment
from sandbox.application.database import application_password
from sandbox.trouble.catalogue import GROUPS, TROUBLES
from sandbox.trouble.clients import JDBC_KEY, jdbc_url, separate_keys
from sandbox.trouble.controllers.external_secrets import due, duration, version_of

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("1h0m0s", 3600), ("30s", 30), ("1m30s", 90), ("500ms", 0.5), ("1.5h", 5400)]
)
def test_a_duration_is_read_as_go_writes_it(text: str, seconds: float) -> None:
    assert duration(text) == timedelta(seconds=seconds)


def external(policy: str, interval: str, *, age: float = 60, changed: bool = False) -> dict[str, Any]:
    item: dict[str, Any] = {
        "metadata": {"generation": 1},
        "spec": {"refreshPolicy": policy, "refreshInterval": interval},
    }
    synced = "0-other" if changed else version_of(item)
    refreshed = (NOW - timedelta(seconds=age)).isoformat()
    return {**item, "status": {"syncedResourceVersion": synced, "refreshTime": refreshed}}


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (external("Periodic", "30s"), True),
        (external("Periodic", "1h"), False),
        (external("Periodic", "0"), False),
        (external("Periodic", "0", changed=True), True),
        (external("OnChange", "30s"), False),
        (external("OnChange", "30s", changed=True), True),
        (external("CreatedOnce", "30s", changed=True), False),
        ({"metadata": {"generation": 1}, "spec": {"refreshPolicy": "CreatedOnce"}}, True),
    ],
)
def test_the_store_is_read_again_when_its_policy_says_so(item: dict[str, Any], expected: bool) -> None:
    assert due(item, NOW) is expected


def test_every_form_tells_the_same_login() -> None:
    password = application_password()
    url = for_libpq(
        of_environment({"DB_HOST": "h", "DB_PORT": "5432", "DB_NAME": "d", "DB_USER": "u", "DB_PASSWORD": password})
    )
    for variables in (separate_keys(url), {JDBC_KEY: jdbc_url(url)}):
        told = urlsplit(for_libpq(of_environment(variables)))
        assert (told.hostname, told.port, told.path, told.username) == ("h", 5432, "/d", "u")
        assert unquote(told.password or "") == password


def test_every_trouble_has_a_name_and_a_sentence_of_its_own() -> None:
    listed = [trouble for group in GROUPS.values() for trouble in group]
    assert len(listed) == len(TROUBLES)
    assert all(trouble.says.endswith(".") for trouble in listed)
