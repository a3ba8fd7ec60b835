"""A password that everybody can guess shuts no gate; it is told, without being shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from restore.errors import PermanentError
from restore.evidence import Store
from restore.model.inventory import Inventory
from restore.plan import make
from restore.preflight.public_names import list_found_names, list_public_names
from restore.redaction import declare_public, forget_secrets, redact, register_secret
from tests.support.worlds import PASSWORD, RUNNING, SOURCE_HOST, URL, inventory, secret, settings

STRONG = "kx8Tz!vRq2"


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    forget_secrets()
    yield
    forget_secrets()


def with_password(password: str) -> Inventory:
    return inventory(cluster=replace(RUNNING, secret=secret(URL.replace(PASSWORD, password))))


def warnings(password: str) -> list[str]:
    return [note for note in make(settings(), with_password(password)).notes if "password" in note]


@pytest.mark.parametrize("password", ["postgres", "shop_app", "database-credentials", "shop-prod", "api"])
def test_a_password_that_is_a_public_name_keeps_no_evidence_out(password: str, tmp_path: Path) -> None:
    register_secret(password)
    declare_public(list_public_names(settings()) | list_found_names(with_password(password)))
    store = Store.open(str(tmp_path))
    store.write("prod", "inc-1", "run", {"image": "postgres:17", "names": [password, f"{password}:17"]})
    assert redact(f"role {password} is missing") == f"role {password} is missing"


def test_a_password_that_is_no_name_is_still_a_leak(tmp_path: Path) -> None:
    register_secret(STRONG)
    declare_public(list_public_names(settings()) | list_found_names(with_password(STRONG)))
    with pytest.raises(PermanentError, match="secret value"):
        Store.open(str(tmp_path)).write("prod", "inc-1", "run", {"text": f"as {STRONG}"})
    assert STRONG not in redact(f"as {STRONG}")


@pytest.mark.parametrize("password", ["postgres", "shop_app", "4711"])
def test_a_weak_password_is_told_in_the_preview_and_not_shown(password: str) -> None:
    (warning,) = warnings(password)
    assert "give its role another one" in warning
    assert f" {password} " not in warning


def test_a_good_password_is_not_complained_of() -> None:
    assert warnings(PASSWORD) == []
    assert SOURCE_HOST in list_found_names(inventory())
