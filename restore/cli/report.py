"""`python -m restore report`: the page and the terminal summary, made of the evidence of one restore."""

from __future__ import annotations

import tempfile
import webbrowser
from datetime import datetime
from pathlib import Path

from restore.aws import Aws
from restore.cli.stack_settings import read_settings
from restore.errors import Problem, Refused
from restore.evidence import Store, publish
from restore.pulumi_stack.automation import OperatorStack
from restore.report import page, terminal, view_model


def report(stack: OperatorStack, restore_id: str | None, now: datetime, *, color: bool, browser: bool) -> str:
    """Writes evidence.json and report.html again and returns the summary.

    Of the configured restore, or of any earlier one by its id. Raises Refused when there is none, or no record of it.
    """
    settings = read_settings(stack, now)
    reported_id = restore_id or (settings.request.id if settings.request else None)
    if reported_id is None:
        fix = "name one: python -m restore report <id> (each is a folder of the evidence)"
        raise Refused([Problem("config id", "not set: no restore is configured", "the id of a restore", fix)])
    store = Store.open(settings.evidence, Aws.of(settings))
    document, where = publish.publish(store, settings.stack, reported_id)
    if not document["records"]:
        place = f"{settings.evidence.rstrip('/')}/{settings.stack}/{reported_id}"
        raise Refused(
            [Problem(f"restore {reported_id}", f"no record below {place}", "a restore that was run", "pulumi up")]
        )
    view = view_model.build(document)
    opened = open_copy(page.render(view), reported_id) if browser else ""
    return f"{terminal.render(view, color=color)}\nreport: {where}{opened}"


def open_copy(html: str, restore_id: str) -> str:
    """Opens a copy of this machine: the evidence may be in S3, which browsers can't read."""
    folder = Path(tempfile.mkdtemp(prefix=f"restore-{restore_id}-"))  # 0700
    file = folder / "report.html"
    file.write_text(html, encoding="utf-8", errors="replace")
    if webbrowser.open(file.as_uri()):
        return f"\nopened: {file}"
    return f"\nno browser was found; open it yourself: {file}"
