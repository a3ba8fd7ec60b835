"""Baselines are kept whole, never overwritten, and the right one is chosen."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import boto3
import pytest
from moto import mock_aws

from validation.baseline import diff, latest
from validation.baseline.faults import Fault, Faults
from validation.baseline.model import Baseline, BaselineError, Position, TableState, as_json, from_json
from validation.checks.baseline import find_behind
from validation.document_store import DirectoryStore
from validation.expectations.table_names import Table
from validation.schema.snapshot import SchemaSnapshot

AT = datetime(2026, 11, 22, 14, 30, 0, 123456, UTC)
USERS = Table("public", 'odd "name".x')
SEQUENCE = Table("public", "users_id_seq")
BASELINE = Baseline(
    AT,
    "ghost/protocol",
    "17.10",
    {USERS: TableState(500, 8192, {"created_at": AT})},
    {SEQUENCE: Position(500)},
    SchemaSnapshot({"columns": {"public.users.id": "text"}}),
    {"faults:indexes": Faults(2, (Fault("a1", {}), Fault("b2", {})))},
)


def test_what_is_written_is_read_back() -> None:
    assert from_json(json.loads(json.dumps(as_json(BASELINE))), "x") == BASELINE


def test_a_baseline_of_an_earlier_version_is_read_and_excuses_nothing() -> None:
    earlier = as_json(BASELINE)
    del earlier["faults"]
    assert from_json(earlier, "x") == replace(BASELINE, faults={})


def test_a_check_that_finds_more_than_before_is_told() -> None:
    more = replace(BASELINE, faults={"faults:indexes": Faults(3)})
    assert [str(line) for line in diff.compare_baselines(BASELINE, more)] == ["check indexes: 2 wrong -> 3 wrong"]
    assert "2 wrong" in diff.render(BASELINE)


def damaged(**changed: Any) -> dict[str, Any]:
    return {**as_json(BASELINE), **changed}


@pytest.mark.parametrize(
    "data",
    [
        [],
        {},
        damaged(baseline=2),
        damaged(taken="2026-11-22T14:30:00"),
        damaged(tables={"a.b.c": {"rows": 1, "bytes": 1, "newest": {}}}),
        damaged(tables={"a": {"rows": "many", "bytes": 1, "newest": {}}}),
        damaged(sequences=[1]),
        damaged(faults={"faults:indexes": {"count": 1}}),
        damaged(schema={"sha256": "0" * 64, "sections": {"columns": {}}}),
    ],
)
def test_a_damaged_baseline_is_refused_and_never_half_read(data: object) -> None:
    with pytest.raises(BaselineError, match="found"):
        from_json(data, "x")


def test_a_baseline_is_never_overwritten(tmp_path: Path) -> None:
    store = latest.open_baselines(str(tmp_path / "new" / "folder"))
    where = Path(latest.save(store, BASELINE))
    before = where.read_bytes()
    with pytest.raises(BaselineError, match="another document"):
        latest.save(store, replace(BASELINE, server_version="18"))
    assert where.read_bytes() == before
    assert [path.name for path in where.parent.iterdir()] == [where.name]


def test_the_newest_baseline_of_the_database_by_then_is_taken(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    day = timedelta(days=1)
    for database, taken in (("a", AT), ("a", AT + day), ("a", AT + 2 * day), ("b", AT + day)):
        latest.save(store, replace(BASELINE, database=database, taken=taken))
    (tmp_path / "notes.txt").write_text("no baseline")
    assert latest.find_latest(store, "a").taken == AT + 2 * day
    assert latest.find_latest(store, "a", AT + day).taken == AT + day
    assert latest.find_latest(store, "b", AT + 3 * day).database == "b"
    with pytest.raises(latest.NoBaselineError, match="the oldest of 2026-11-22"):
        latest.find_latest(store, "a", AT - day)
    with pytest.raises(latest.NoBaselineError, match="baselines of a, b"):
        latest.find_latest(store)
    with pytest.raises(latest.NoBaselineError, match="none of c"):
        latest.find_latest(store, "c")


def test_a_place_that_is_not_there_is_a_mistake_and_not_an_empty_place(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="No such file"):
        latest.find_latest(latest.open_baselines(str(tmp_path / "nowhere")), "a")
    (tmp_path / "file").write_text("")
    with pytest.raises(BaselineError, match="a folder that can be"):
        latest.save(latest.open_baselines(str(tmp_path / "file")), BASELINE)
    with pytest.raises(BaselineError, match="no bucket"):
        latest.open_baselines("s3:///prefix")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    where = Path(latest.save(DirectoryStore(tmp_path), BASELINE))
    where.write_bytes(where.read_bytes()[:-20])
    with pytest.raises(BaselineError, match="no JSON"):
        latest.find_latest(DirectoryStore(tmp_path))


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    """A prefix of a bucket of moto's S3, reached as a person's own boto3 would."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    name, mock = f"kept-{uuid4()}", mock_aws()
    mock.start(reset=False)  # the process has one moto: other tests' buckets are in it too
    try:
        cast("Any", boto3).client("s3").create_bucket(Bucket=name)
        yield f"s3://{name}/baselines"
    finally:
        mock.stop(remove_data=False)


def test_in_s3_too_nothing_is_overwritten_and_the_newest_is_found(bucket: str) -> None:
    store = latest.open_baselines(bucket)
    where = latest.save(store, BASELINE)
    assert where == f"{bucket}/ghost%2Fprotocol-20261122T143000.123456Z.json"
    with pytest.raises(BaselineError, match="another document"):
        latest.save(store, replace(BASELINE, server_version="18"))
    latest.save(store, replace(BASELINE, taken=AT + timedelta(days=1)))
    latest.save(latest.open_baselines(f"{bucket}/deeper"), replace(BASELINE, taken=AT + timedelta(days=2)))
    assert latest.find_latest(store) == replace(BASELINE, taken=AT + timedelta(days=1))
    assert latest.find_latest(store, BASELINE.database, AT) == BASELINE


def test_a_bucket_that_is_not_there_says_what_to_look_at(bucket: str) -> None:
    assert bucket
    with pytest.raises(BaselineError, match=r"NoSuchBucket.*aws s3 ls"):
        latest.find_latest(latest.open_baselines("s3://nowhere/x"))


def test_a_difference_says_how_it_was_and_is() -> None:
    later = replace(
        BASELINE,
        tables={USERS: TableState(490, 16384, {}), Table("public", "new"): TableState(0, 0)},
        sequences={},
        schema=SchemaSnapshot({"columns": {}}),
    )
    assert [str(one) for one in diff.compare_baselines(BASELINE, later)] == [
        "public.new: no table -> 0 rows",
        'public."odd ""name"".x": 500 rows -> 490 rows (-10, 16.4 kB)',
        'public."odd ""name"".x".created_at: newest 2026-11-22T14:30:00.123456Z -> no newest value',
        "sequence public.users_id_seq: at 500 -> no value",
    ]
    assert "public.users.id missing" in diff.as_text(BASELINE, later)
    assert diff.compare_baselines(BASELINE, BASELINE) == ()
    assert "500 rows" in diff.render(BASELINE)


@pytest.mark.parametrize(
    ("last", "increment", "found", "wrong"),
    [
        (10, 1, 10, False),
        (10, 1, 11, False),
        (10, 1, 9, True),
        (10, 1, None, True),
        (-10, -1, -11, False),
        (-10, -1, -9, True),
    ],
)
def test_a_sequence_is_behind_its_baseline_in_its_own_direction(
    last: int, increment: int, found: int | None, wrong: bool
) -> None:
    row = {"schema": "public", "name": "users_id_seq", "readable": True, "last": found}
    assert bool(find_behind({SEQUENCE: Position(last, increment)}, [row])[0]) is wrong


def test_a_sequence_that_cannot_be_read_is_not_said_to_be_behind() -> None:
    row = {"schema": "public", "name": "users_id_seq", "readable": False, "last": None}
    assert find_behind({SEQUENCE: Position(1)}, [row]) == ([], ["public.users_id_seq"])
    assert find_behind({SEQUENCE: Position(1)}, []) == (["public.users_id_seq is missing"], [])
