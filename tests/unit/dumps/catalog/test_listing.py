"""The right dump is chosen, and exactly its bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from restore.dumps import output
from restore.dumps.catalog import filenames, listing
from restore.errors import PermanentError, Refused

DAY = datetime(2026, 11, 20, tzinfo=UTC)


def item(key: str, *, size: int = 10, day: int = 20, **more: Any) -> dict[str, Any]:
    return {"Key": key, "Size": size, "LastModified": DAY.replace(day=day), "ETag": f'"{key}"', **more}


def test_a_copy_made_later_does_not_make_an_old_dump_the_latest() -> None:
    found = listing.group_objects(
        "b", [item("x-20261118-040000.sql.gz", day=25), item("x-20261119-040000.sql.gz", day=19)]
    )
    assert listing.choose(found, "latest").key == "x-20261119-040000.sql.gz"


def test_an_empty_or_foreign_object_is_never_the_latest() -> None:
    found = listing.group_objects(
        "b", [item("a-20261118.dump"), item("b-20261125.dump", size=0), item("c-20261126.log")]
    )
    assert [dump.key for dump in found] == ["a-20261118.dump"]


def test_a_folder_without_its_table_of_contents_is_no_dump() -> None:
    found = listing.group_objects("b", [item("half/1.dat.gz"), item("whole/1.dat.gz"), item("whole/toc.dat")])
    assert [(dump.key, dump.size, len(dump.parts)) for dump in found] == [("whole/", 20, 2)]


def test_an_archived_dump_is_refused_with_the_request_to_make() -> None:
    found = listing.group_objects("b", [item("a.sql", StorageClass="GLACIER")])
    with pytest.raises(Refused, match=r"aws s3api restore-object --bucket b --key a\.sql"):
        listing.choose(found, "latest")
    assert "archived" in output.render_list(found, DAY)


@pytest.mark.parametrize(
    ("status", "readable"),
    [
        ({"IsRestoreInProgress": True}, False),
        ({"IsRestoreInProgress": False, "RestoreExpiryDate": DAY}, True),
        ({}, False),
    ],
)
def test_only_a_finished_restore_makes_an_archived_dump_readable(status: dict[str, Any], readable: bool) -> None:
    (dump,) = listing.group_objects("b", [item("a.sql", StorageClass="DEEP_ARCHIVE", RestoreStatus=status)])
    assert dump.readable is readable


def test_no_dump_is_said_and_a_wrong_key_names_what_is_there() -> None:
    with pytest.raises(Refused, match="no dump below the prefix"):
        listing.choose((), "latest")
    with pytest.raises(Refused, match=r"a-20261118\.dump"):
        listing.choose(listing.group_objects("b", [item("a-20261118.dump")]), "a.dump")


@pytest.mark.parametrize(
    ("key", "taken"),
    [
        ("db/prod-20251115-040000.sql.gz", datetime(2025, 11, 15, 4, tzinfo=UTC)),
        ("2024/01/prod_2025-11-15T04-30.dump", datetime(2025, 11, 15, 4, 30, tzinfo=UTC)),
        ("prod-20250230.sql", None),
        ("prod-123456789012.sql", None),
        ("prod.sql", None),
    ],
)
def test_the_time_in_a_key_is_read_or_not_there(key: str, taken: datetime | None) -> None:
    assert filenames.read_time(key) == taken


class Closed:
    """An S3 that lets nobody look."""

    def head_object(self, **_: object) -> None:
        answer: Any = {"Error": {"Code": "403"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
        raise ClientError(answer, "HeadObject")


def test_a_dump_that_may_not_be_there_is_not_only_called_a_missing_right() -> None:
    with pytest.raises(PermanentError) as caught:
        listing.find(cast("Any", Closed()), "backups", "postgresql/nightly.dump")
    problem = caught.value.problem
    assert problem
    assert "denied, or not there" in problem.found
    assert "s3://backups/postgresql/" in problem.needed
    assert problem.fix.startswith("aws s3 ls s3://backups/postgresql/")
