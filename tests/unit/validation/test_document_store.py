"""A document is there whole or not at all, and never takes the place of another by chance."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from validation.document_store import AlreadyExistsError, DirectoryStore, DocumentStoreError, NotFoundError


def test_a_document_that_came_between_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DirectoryStore(tmp_path)
    sync = os.fsync

    def another_run_writes_it_first(handle: int) -> None:
        (tmp_path / "a.json").write_bytes(b"theirs")
        sync(handle)

    monkeypatch.setattr(os, "fsync", another_run_writes_it_first)
    with pytest.raises(AlreadyExistsError):
        store.put("a.json", b"ours")
    assert store.get("a.json") == b"theirs"
    assert store.list_names() == ["a.json"]


def no_links(*_: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


def test_a_file_system_without_links_keeps_documents_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "hardlink_to", no_links)
    store = DirectoryStore(tmp_path)
    store.put("a/b.json", b"1")
    with pytest.raises(AlreadyExistsError):
        store.put("a/b.json", b"2")
    assert (store.list_names("a/"), store.get("a/b.json")) == (["a/b.json"], b"1")


def test_what_is_asked_to_replace_replaces(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    store.put("a.json", b"1")
    store.put("a.json", b"2", replace=True)
    assert (store.list_names(), store.get("a.json")) == (["a.json"], b"2")


def test_a_document_that_cannot_be_written_leaves_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DocumentStoreError, match="No space left"):
        DirectoryStore(tmp_path).put("a.json", b"1")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_told_from_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        DirectoryStore(tmp_path / "nowhere").list_names()
    assert DirectoryStore(tmp_path).list_names() == []
