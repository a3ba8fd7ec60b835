"""Writes records, and after each one makes again what is made of them: evidence.json, report.html, and the history of
durations."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from restore.evidence import Store
from restore.evidence.history import keep_durations
from restore.report import document, view_model

_publishing = threading.Lock()
"""Gates end in parallel: without it, a page made earlier could replace one that knows more."""


def record(
    store: Store, stack: str, restore_id: str, step: str, content: Mapping[str, Any], warn: Callable[[str], object]
) -> str:
    """Writes one record and returns where. The report is made of the records, so its failure loses nothing and is a
    warning. Raises RestoreError when the record can't be kept."""
    where = store.write(stack, restore_id, step, content)
    try:
        publish(store, stack, restore_id)
    except Exception as error:  # noqa: BLE001
        warn(f"the report could not be written (the evidence is): {error or type(error).__name__}")
    return where


def publish(store: Store, stack: str, restore_id: str) -> tuple[dict[str, Any], str]:
    """Makes evidence.json, report.html and the stack's history of all records there are; returns the document and where
    the page is. Writes nothing when there is no record. Raises RestoreError."""
    from restore.report import page  # its templates cost a tenth of a second that a preview need not pay

    with _publishing:
        whole = document.assemble(stack, restore_id, store.read_all(stack, restore_id))
        if not whole["records"]:
            return whole, ""
        where = store.publish(stack, restore_id, whole, page.render(view_model.build(whole)))
        keep_durations(store, stack, restore_id, whole["records"])
        return whole, where
