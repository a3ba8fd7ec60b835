"""One temporary PostgreSQL server for the session, one scratch database per test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString, cast

import pytest

import validation
from tests.support.postgres.scratch_server import Database, Server, running

SAMPLE = Path(validation.__file__).parent / "selftest" / "sample.sql"


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def sample(server: Server) -> str:
    """The name of a database with the sample's tables and rows, as a template for others."""
    with server.connect() as connection:
        connection.execute("create database sample")
    with server.connect("sample") as connection:
        connection.execute(cast(LiteralString, SAMPLE.read_text()))
    return "sample"


@pytest.fixture
def database(server: Server, sample: str) -> Iterator[Database]:
    """A copy of the sample."""
    with server.database(sample) as database:
        yield database


@pytest.fixture
def source(server: Server, sample: str) -> Iterator[Database]:
    """A second copy of the sample, to compare with."""
    with server.database(sample) as database:
        yield database


@pytest.fixture
def empty_database(server: Server) -> Iterator[Database]:
    with server.database("template1") as database:
        yield database
