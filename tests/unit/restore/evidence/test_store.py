"""Evidence is whole, private, never replaced, and never holds a secret."""

from __future__ import annotations

import json
import stat
from collections.abc import Generator, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import boto3
import pytest
from moto import mock_aws

from restore.errors import PermanentError
from restore.evidence import Store
from restore.redaction import MASK, forget_secrets, redact, register_secret
from validation.document_store import S3Store, open_store
from validation.verdict import Verdict

SECRET = "p@ss/w%rd word"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(str(tmp_path / "evidence"))


@pytest.fixture(autouse=True)
def known() -> Iterator[None]:
    forget_secrets()
    register_secret(SECRET)
    yield
    forget_secrets()


def test_what_was_written_is_read_again(store: Store) -> None:
    store.write("prod", "inc-1", "quiesced", {"verdict": Verdict.PASS, "at": datetime(2026, 11, 22, tzinfo=UTC)})
    found = store.read_latest("prod", "inc-1", "quiesced")
    assert found
    assert (found["schema"], found["stack"], found["id"], found["step"]) == (1, "prod", "inc-1", "quiesced")
    assert (found["verdict"], found["at"]) == ("PASS", "2026-11-22T00:00:00+00:00")
    assert datetime.fromisoformat(found["written"]).tzinfo == UTC


def test_each_attempt_is_kept_and_the_newest_counts(store: Store) -> None:
    for number in range(3):
        store.write("prod", "inc-1", "validated", {"attempt": number})
    store.write("prod", "inc-1", "switched", {"attempt": 9})
    assert [item["attempt"] for item in store.read_all("prod", "inc-1")] == [0, 1, 2, 9]
    found = store.read_latest("prod", "inc-1", "validated")
    assert found
    assert found["attempt"] == 2


def test_a_gate_is_not_taken_for_another_with_the_same_ending(store: Store) -> None:
    store.write("prod", "inc-1", "re-validated", {})
    assert store.read_latest("prod", "inc-1", "validated") is None


def test_restores_and_stacks_do_not_mix(store: Store) -> None:
    store.write("prod", "inc-1", "quiesced", {})
    assert store.read_all("prod", "inc-2") == ()
    assert store.read_all("staging", "inc-1") == ()


def test_only_the_operator_can_read_it(store: Store, tmp_path: Path) -> None:
    written = Path(store.write("prod", "inc-1", "quiesced", {}))
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    folders = [folder for folder in written.parents if folder.is_relative_to(tmp_path / "evidence")]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700] * 3


def test_no_draft_is_left_or_read(store: Store) -> None:
    written = Path(store.write("prod", "inc-1", "quiesced", {}))
    assert [item.name for item in written.parent.iterdir()] == [written.name]
    (written.parent / ".draft-1").write_text("{")
    assert len(store.read_all("prod", "inc-1")) == 1


@pytest.mark.parametrize(
    "document",
    [
        {"found": f"password is {SECRET}!"},
        {"deep": [{"er": [SECRET]}]},
        {"url": "postgresql://u:p%40ss%2Fw%25rd%20word@h/d"},
        {SECRET: 1},
    ],
)
def test_a_secret_is_refused_by_its_path_and_not_repeated(store: Store, document: dict[str, object]) -> None:
    with pytest.raises(PermanentError, match="a secret value in") as caught:
        store.write("prod", "inc-1", "quiesced", document)
    assert SECRET not in str(caught.value)
    assert store.read_all("prod", "inc-1") == ()


def test_a_short_secret_is_refused_as_a_value_but_not_found_by_chance(store: Store) -> None:
    register_secret("abc")
    store.write("prod", "inc-1", "quiesced", {"words": "alphabet abcdef"})
    with pytest.raises(PermanentError):
        store.write("prod", "inc-1", "quiesced", {"password": "abc"})


def test_a_name_never_leaves_its_folder(store: Store) -> None:
    for name in ("../x", "a/b", "", ".hidden"):
        with pytest.raises(PermanentError):
            store.write("prod", name, "quiesced", {})


def test_a_damaged_record_is_told_and_not_skipped(store: Store) -> None:
    written = Path(store.write("prod", "inc-1", "quiesced", {}))
    written.write_text('{"schema": 1')
    with pytest.raises(PermanentError, match="a readable record"):
        store.read_all("prod", "inc-1")
    written.write_text(json.dumps({"schema": 99}))
    with pytest.raises(PermanentError, match="schema 1"):
        store.read_latest("prod", "inc-1", "quiesced")


def test_a_place_that_can_not_be_written_to_is_told_with_another_to_choose(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PermanentError, match="pulumi config set evidence"):
        Store.open(str(tmp_path / "file")).write("prod", "inc-1", "quiesced", {})


def test_known_secrets_are_masked_in_what_is_said() -> None:
    assert redact(f"login with {SECRET} failed") == f"login with {MASK} failed"


def test_a_document_beside_the_records_is_replaced_and_is_no_record(store: Store) -> None:
    for text in ("first", "second"):
        where = Path(store.keep("prod", "inc-1", "take-over.txt", text))
    assert where.read_text() == "second"
    assert stat.S_IMODE(where.stat().st_mode) == 0o600
    assert store.read_all("prod", "inc-1") == ()
    with pytest.raises(PermanentError, match="secret"):
        store.keep("prod", "inc-1", "take-over.txt", f"terraform import {SECRET}")


def test_what_a_job_found_is_no_record_and_of_limited_size(store: Store) -> None:
    store.write_result("prod", "inc-1", "restore-validated-inc-1-0-uid", {"verdict": "PASS"})
    assert store.read_all("prod", "inc-1") == ()
    found = store.read_result("prod", "inc-1", "restore-validated-inc-1-0-uid", 1000)
    assert json.loads(found or b"") == {"verdict": "PASS"}
    assert store.read_result("prod", "inc-1", "another", 1000) is None
    with pytest.raises(PermanentError, match="more than 3 bytes"):
        store.read_result("prod", "inc-1", "restore-validated-inc-1-0-uid", 3)


@pytest.fixture
def stored_in_s3(monkeypatch: pytest.MonkeyPatch) -> Generator[Store]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    name, mock = f"evidence-{uuid4()}", mock_aws()
    mock.start(reset=False)  # the process has one moto: other tests' buckets are in it too
    try:
        client = cast("Any", boto3).client("s3")
        client.create_bucket(Bucket=name)
        yield Store(open_store(f"s3://{name}/restores", client))
    finally:
        mock.stop(remove_data=False)


@pytest.mark.parametrize("place", ["store", "stored_in_s3"])
def test_every_restore_of_a_stack_is_listed_and_nothing_else(place: str, request: pytest.FixtureRequest) -> None:
    store = cast("Store", request.getfixturevalue(place))
    assert store.list_ids("prod") == ()
    assert store.read_of_stack("prod", "history.json") is None
    store.write("prod", "inc-2", "run", {})
    store.write("prod", "inc-1", "run", {})
    store.write("staging", "inc-3", "run", {})
    store.keep_of_stack("prod", "history.json", {"phases": []})
    assert store.list_ids("prod") == ("inc-1", "inc-2")
    kept = store.read_of_stack("prod", "history.json")
    assert kept == {"schema": 1, "stack": "prod", "phases": []}


class Head:
    """S3 as it answers HeadObject, with a clock of its own."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers

    def head_object(self, **_: str) -> dict[str, Any]:
        changed = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
        return {"LastModified": changed, "ResponseMetadata": {"HTTPHeaders": self.headers}}


@pytest.mark.parametrize(
    ("headers", "age"),
    [
        ({"date": "Sun, 22 Nov 2026 14:33:05 GMT"}, timedelta(minutes=3, seconds=5)),
        ({"date": "Sun, 22 Nov 2026 14:29:59 GMT"}, timedelta()),
        ({"date": "soon"}, None),
        ({}, None),
    ],
)
def test_a_document_in_s3_is_as_old_as_s3_says(headers: dict[str, str], age: timedelta | None) -> None:
    store = Store(S3Store(lambda: cast("Any", Head(headers)), "b", "p", nullcontext))
    assert store.read_age_of_stack("prod", "current-run.json") == age
