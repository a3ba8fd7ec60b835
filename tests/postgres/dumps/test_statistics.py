"""A loaded database whose planner knows nothing answers its first questions at a crawl."""

from __future__ import annotations

import gzip

import pytest

from tests.support.dumps.bucket import Bucket
from tests.support.dumps.dump_loading import loaded
from tests.support.dumps.dump_server import DumpServer

PARTITIONED = b"""
CREATE TABLE people (id int PRIMARY KEY, name text);
CREATE TABLE visits (at date NOT NULL, person int REFERENCES people, PRIMARY KEY (at, person)) PARTITION BY RANGE (at);
CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
CREATE TABLE visits_2 PARTITION OF visits FOR VALUES FROM ('2026-07-01') TO ('2027-01-01');
CREATE TABLE notes (at date, person int, body text, FOREIGN KEY (at, person) REFERENCES visits);
CREATE INDEX people_name ON people (lower(name));
CREATE INDEX visits_month ON visits (extract(month FROM at));
INSERT INTO people SELECT g, 'Name ' || g % 70 FROM generate_series(1, 900) g;
INSERT INTO visits SELECT date '2026-01-01' + g % 360, g FROM generate_series(1, 900) g;
INSERT INTO notes SELECT at, person, repeat('x', person % 9) FROM visits;
"""
KNOWN = """
  SELECT array_agg(known ORDER BY known) FROM (
    SELECT concat_ws(' ', schemaname, tablename, attname, inherited) FROM pg_stats
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
    UNION ALL
    SELECT concat_ws(' ', stxname, stxdinherit, cardinality(stxdexpr))
    FROM pg_statistic_ext JOIN pg_statistic_ext_data ON stxoid = pg_statistic_ext.oid
  ) AS all_of_it(known)
"""


@pytest.fixture(params=["with statistics of its own", "without"])
def dump(request: pytest.FixtureRequest, server: DumpServer, plain: bytes) -> bytes:
    if request.param != "without":
        assert b"CREATE STATISTICS" in plain
        return plain
    with server.database() as name:
        server.psql(name, PARTITIONED)
        return server.dump(name)


def test_the_planner_knows_as_much_as_after_an_analyze_of_everything(
    server: DumpServer, bucket: Bucket, dump: bytes, target: str
) -> None:
    loaded(server, bucket, bucket.put("statistics.sql.gz", gzip.compress(dump, 1)), target)
    with server.database() as other:
        server.psql(other, dump + b"\nANALYZE;\n")
        wanted = server.value(other, KNOWN)
    assert wanted, "nothing was compared"
    assert server.value(target, KNOWN) == wanted
