"""One server like RDS for the session, the source with every kind of object, and an S3 of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.machine.layout import CHECKOUT
from tests.support.dumps.bucket import Bucket, serving
from tests.support.dumps.dump_server import DumpServer, make_source, running

SMALL = CHECKOUT / "tests" / "support" / "dumps" / "small.sql"


@pytest.fixture(scope="session")
def server() -> Iterator[DumpServer]:
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def source(server: DumpServer) -> Iterator[str]:
    """The name of a database with every kind of object."""
    with server.database() as name:
        make_source(server, name)
        yield name


@pytest.fixture(scope="session")
def plain(server: DumpServer, source: str) -> bytes:
    return server.dump(source)


@pytest.fixture(scope="session")
def small(server: DumpServer) -> bytes:
    """A plain dump of little, that damaged and hostile ones are made of."""
    with server.database() as name:
        server.psql(name, SMALL.read_bytes())
        return server.dump(name)


@pytest.fixture(scope="session")
def bucket() -> Iterator[Bucket]:
    with serving() as bucket:
        yield bucket


@pytest.fixture
def target(server: DumpServer) -> Iterator[str]:
    """An empty database."""
    with server.database() as name:
        yield name
