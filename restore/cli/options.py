"""`python -m restore options`: the runbook's decision tree, over what really exists."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from restore.aws import Aws
from restore.cli.stack_settings import read_settings
from restore.errors import Problem, Refused, RestoreError
from restore.inventory import dump_lookup, gather
from restore.model.dump import DumpObject
from restore.model.request import LATEST, Method, Request, Settings, Traffic
from restore.pulumi_stack.automation import OperatorStack
from restore.recovery_points import ranking as ranking

LOOK = Request(id="options", method=Method.PITR, traffic=Traffic.SOURCE, time=LATEST)
"""Has the inventory read every backup; nothing is ever restored by it."""


def list_options(stack: OperatorStack, time: str | None, now: datetime) -> str:
    """Returns the recovery points ranked by data lost, for an 80-column terminal."""
    moment = parse_time(time) if time else None
    settings = read_settings(stack, now)
    inventory = gather.gather(replace(settings, request=LOOK), now, room=False)
    dumps, unread = list_dumps(settings)
    ranked = ranking.rank(replace(inventory, dumps=dumps), moment, settings.source)
    return "\n\n".join([ranking.render(ranked, moment), *unread])


def list_dumps(settings: Settings) -> tuple[tuple[DumpObject, ...], list[str]]:
    """Returns the dumps, and why they couldn't be read: a site may have none, and the other points count all the
    same."""
    if not settings.backups.bucket:
        return (), ["dumps were not looked for: pulumi config set --path backups.bucket <bucket>"]
    try:
        return dump_lookup.list_dumps(settings, Aws.of(settings)), []
    except RestoreError as error:
        where = f"s3://{settings.backups.bucket}/{settings.backups.prefix}"
        return (), [f"dumps in {where} could not be listed (set the key backups where they are elsewhere):\n{error}"]


def parse_time(text: str) -> datetime:
    """Raises Refused for a time that is no RFC 3339 with a zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Refused(
            [
                Problem(
                    "option --time",
                    text,
                    "RFC 3339 with a zone",
                    "python -m restore options --time 2026-11-22T14:30:00Z",
                )
            ]
        )
    return moment.astimezone(UTC)
