"""`python -m validation baseline record|show|diff`: what a database holds when all is well, kept with its date."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime

from validation.baseline import diff, latest
from validation.baseline.model import Baseline, as_json
from validation.baseline.record import record
from validation.checks.recorded import list_fault_lists
from validation.commands import common
from validation.commands.common import Command
from validation.document_store import DocumentStore
from validation.terminal import format_size, make_printable
from validation.times import format_rfc3339_micros

PLACE = "directory, or s3://bucket/prefix"


def declare(command: argparse.ArgumentParser) -> None:
    """Adds the actions record, show and diff, each with its options."""
    actions = command.add_subparsers(required=True, metavar="record|show|diff")
    _record(actions.add_parser("record", help="read a database and keep what it holds"))
    _show(actions.add_parser("show", help="print a kept baseline, or list them"))
    _add_diff(
        actions.add_parser("diff", help="what changed between two baselines, or since one; exit code 1 if anything")
    )


def _record(command: argparse.ArgumentParser) -> None:
    common.add_url(command, "from", "the database", required=True, variable="--from")
    command.add_argument("--to", required=True, metavar="PLACE", help=PLACE)
    common.add_limits(command)
    command.set_defaults(action=_act_record)


def _show(command: argparse.ArgumentParser) -> None:
    _add_choice(command)
    command.add_argument("--at", metavar="T", help="the newest taken by then (default: the newest of all)")
    command.add_argument("--list", action="store_true", help="list what is kept")
    command.add_argument("--json", action="store_true", help="print JSON instead of text")
    command.set_defaults(action=_act_show)


def _add_diff(command: argparse.ArgumentParser) -> None:
    _add_choice(command)
    command.add_argument("--old", metavar="T", help="the newest taken by then (default: the one before the new)")
    command.add_argument("--new", metavar="T", help="the newest taken by then (default: the newest of all)")
    common.add_url(command, "from", "a database to compare with, instead of --new", required=False, variable="--from")
    common.add_limits(command)
    command.set_defaults(action=_act_diff)


def _add_choice(command: argparse.ArgumentParser) -> None:
    command.add_argument("place", metavar="PLACE", help=PLACE)
    command.add_argument("--database", metavar="NAME", help="needed when the place has baselines of several")


def act(options: argparse.Namespace) -> int:
    """Carries out the chosen action and returns its exit code. Raises UsageError, BaselineError, Unread."""
    return options.action(options)


def _act_record(options: argparse.Namespace) -> int:
    store = latest.open_baselines(options.to)
    baseline = _read_live(options)
    where = latest.save(store, baseline)
    sys.stdout.write(
        f"{where}: {len(baseline.tables):,} tables, {baseline.rows:,} rows, {format_size(baseline.bytes)}\n"
    )
    return common.DONE


def _read_live(options: argparse.Namespace) -> Baseline:
    return record(common.require_target(options, "from"), common.read_limits(options), list_fault_lists)


def _act_show(options: argparse.Namespace) -> int:
    store = latest.open_baselines(options.place)
    if options.list:
        lines = [
            f"{format_rfc3339_micros(stored.taken)}  {stored.database}  {stored.name}"
            for stored in latest.list_baselines(store, options.database)
        ]
        sys.stdout.write(make_printable("".join(f"{line}\n" for line in lines)) or f"no baseline in {store}\n")
        return common.DONE if lines else common.INCONCLUSIVE
    baseline = latest.find_latest(store, options.database, common.parse_moment(options.at, "--at"))
    text = json.dumps(as_json(baseline), indent=2) + "\n" if options.json else make_printable(diff.render(baseline))
    sys.stdout.write(text)
    return common.DONE


def _act_diff(options: argparse.Namespace) -> int:
    store = latest.open_baselines(options.place)
    live = options.from_env is not None or options.from_file is not None
    if live and options.new:
        raise common.UsageError("--new: either --new or --from; --from compares with the database as it is now")
    if live:
        new = _read_live(options)
        old = latest.find_latest(store, options.database or new.database, common.parse_moment(options.old, "--old"))
    else:
        new = latest.find_latest(store, options.database, common.parse_moment(options.new, "--new"))
        old = _find_before(store, new, common.parse_moment(options.old, "--old"))
    sys.stdout.write(make_printable(diff.as_text(old, new)))
    return common.FAILED if diff.compare_baselines(old, new) or diff.compare_schemas(old, new) else common.DONE


def _find_before(store: DocumentStore, new: Baseline, until: datetime | None) -> Baseline:
    """The last one before the new one, of those taken by then. Raises BaselineError."""
    earlier = [stored for stored in latest.list_baselines(store, new.database) if stored.taken < new.taken]
    fit = [stored for stored in earlier if until is None or stored.taken <= until]
    if not fit:
        found = (
            f"none before that of {format_rfc3339_micros(new.taken)}"
            if not earlier
            else f"the oldest of {format_rfc3339_micros(earlier[0].taken)}"
        )
        fix = "python -m validation baseline diff --help"
        raise latest.NoBaselineError(str(store), found, "an earlier baseline", fix)
    return latest.load(store, fit[-1].name)


COMMAND = Command("baseline", "record, show or compare baselines", declare, act)
