"""`python -m restore options`: the runbook's decision tree, over what really exists; and one of its points tried."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

from restore import plan
from restore.aws import Aws
from restore.cli.option_list import OptionList, render, render_json
from restore.cli.stack_settings import read_settings
from restore.errors import Problem, Refused, RestoreError
from restore.evidence import Store
from restore.evidence.history import read_history
from restore.gates.validated import read_expectations
from restore.inventory import access, dump_lookup, gather
from restore.inventory.elsewhere import list_regions, read_elsewhere, read_shared
from restore.model.dump import DumpObject
from restore.model.planned import Plan
from restore.model.request import LATEST, Method, Request, Settings, Traffic
from restore.pulumi_stack.automation import OperatorStack
from restore.recovery_points.ranking import Option, Site, rank
from restore.units import TIME_FORMAT

LOOK = Request(id="options", method=Method.PITR, traffic=Traffic.SOURCE, time=LATEST)
"""Has the inventory read every backup; nothing is ever restored by it."""
CHECKED_ID = "check"
"""The id with which a point is tried, as a new restore; nothing of that name is ever made."""


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    command.add_argument("--time", help="the moment wanted, RFC 3339 with zone (default: as late as possible)")
    command.add_argument(
        "--region", action="append", default=[], metavar="REGION",
        help="look in this region too, besides those to which the source is replicated; may be repeated",
    )  # fmt: skip
    command.add_argument("--json", action="store_true", help="the list as JSON")
    command.add_argument(
        "--check", type=int, metavar="N", help="preflight number N of the list: what `pulumi preview` would say of it"
    )


def tell_options(stack: OperatorStack, arguments: argparse.Namespace, now: datetime) -> str:
    """Returns the ranked recovery points, or what a preview would say of one of them. Changes nothing.

    Raises Refused with every reason why that one can't be restored.
    """
    found = find_options(stack, parse_time(arguments.time) if arguments.time else None, arguments.region, now)
    if arguments.check is not None:
        return describe_check(stack, choose(found, arguments.check), now)
    return render_json(found) if arguments.json else render(found)


def find_options(stack: OperatorStack, moment: datetime | None, regions: list[str], now: datetime) -> OptionList:
    """Returns the recovery points of the stack's source, wherever they are kept."""
    settings = read_settings(stack, now)
    with ThreadPoolExecutor(3, thread_name_prefix="options") as pool:
        listed = pool.submit(list_dumps, settings)
        shared = pool.submit(read_shared, settings)
        store = Store.open(settings.evidence, Aws.of(settings))
        history = pool.submit(read_history, store, settings.stack, rebuild=True)
        inventory = gather.gather(replace(settings, request=LOOK), now, room=False)
        elsewhere = read_elsewhere(settings, list_regions(settings, inventory, regions))
        (dumps, unread), (snapshots, silence) = listed.result(), shared.result()
    if silence:
        unread = [*unread, f"snapshots that other accounts share could not be asked for: {silence}"]
    unread += [f"region {item.name} could not be looked at: {item.silence}" for item in elsewhere if item.silence]
    own = {snapshot.arn for snapshot in inventory.snapshots}
    every = (*inventory.snapshots, *(snapshot for snapshot in snapshots if snapshot.arn not in own))
    site = Site(settings.source, settings.region, settings.source_region or "", settings.copy.kms_key_id or "")
    options = rank(replace(inventory, snapshots=every, dumps=dumps), moment, site, elsewhere)
    return OptionList(options, history.result(), moment, tuple(unread))


def choose(found: OptionList, number: int) -> Option:
    """Returns the option of this number. Raises Refused for one that isn't there, or can't be restored here."""
    if not 1 <= number <= len(found.options):
        needed = f"a number from 1 to {len(found.options)}" if found.options else "a recovery point: there is none"
        raise Refused([Problem("option --check", str(number), needed, "python -m restore options")])
    option = found.options[number - 1]
    if option.obstacle:
        raise Refused([Problem("option --check", option.obstacle, "a point that can be restored", "docs/options.md")])
    return option


def describe_check(stack: OperatorStack, option: Option, now: datetime) -> str:
    """Returns what a preview says of a freeze and a restore from this point. Raises Refused, as a preview does."""
    notes = plan_option(stack, option, now).notes
    lines = [
        f"This can be restored: {option.description}, data of {option.at:{TIME_FORMAT}}. A new restore would say:",
        *(f"  {note}" for note in notes if not note.startswith("next: ")),
        "Nothing was set. To choose it:",
        *(f"  {command}" for command in option.commands),
    ]
    return "\n".join(lines)


def plan_option(stack: OperatorStack, option: Option, now: datetime) -> Plan:
    """Returns the plan that a preview would make of this point, with the applications stopped. Raises Refused."""
    # Here, not above: the plugin's SDK takes a second to load, which no other command needs
    from restore.program.aws_plugin import read_plugin_caller

    settings = read_settings(stack, now, build_checked_keys(option))
    read_expectations(settings)
    with ThreadPoolExecutor(1, thread_name_prefix="check") as pool:
        reading = pool.submit(gather.gather, settings, now)
        caller = stack.ask(read_plugin_caller)
        inventory = replace(reading.result(), plugin_caller=caller)
    return plan.make(settings, replace(inventory, rights=access.ask_rights(settings, inventory)))


def build_checked_keys(option: Option) -> Mapping[str, str]:
    """Returns the keys of a new restore from this point, by their full names; those of other points are blank."""
    given = {"id": CHECKED_ID, "traffic": str(Traffic.FROZEN), **option.config}
    return {f"restore:{key}": value for key, value in (dict.fromkeys(option.unset, "") | given).items()}


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
