"""The stack's configuration as the program takes it from the SDK."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pulumi.runtime import config as runtime

from restore.config.settings import collect
from restore.program import stack_config


@pytest.fixture(autouse=True)
def _configuration() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    before = dict(runtime.CONFIG.get())
    values = {"restore:methd": "pitr", "restore:login": '{"user": "ops"}', "aws:region": "eu-west-1"}
    runtime.set_all_config(values, ["restore:login"])
    yield
    runtime.set_all_config(before, [])


def test_a_misspelt_key_reaches_the_program_though_pulumi_config_reads_only_keys_by_name() -> None:
    assert stack_config.read_entries() == {
        "aws:region": "eu-west-1",
        "restore:login": '{"user": "ops"}',
        "restore:methd": "pitr",
    }


def test_which_keys_are_secret_goes_along_with_their_values() -> None:
    entries = collect(stack_config.read_entries(), "prod", {}, stack_config.list_secret_names())
    assert (entries.secret_keys, entries.region) == (frozenset({"login"}), "eu-west-1")
