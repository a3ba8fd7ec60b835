"""The command line `python -m restore`.

Exit codes: 0 done, 1 failed or refused, 2 wrong usage, 130 interrupted; `status --exit-code` has more.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from restore.aws.metrics import MOST_DAYS
from restore.cli import adopt, approve, close, credentials, doctor, people, prevention, report, status
from restore.cli import drill as drill_command
from restore.cli import options as options_command
from restore.cli import rescue as rescue_command
from restore.cli import retire as retire_command
from restore.cli import rollback as rollback_command
from restore.cli import when as when_command
from restore.cutover import rollback
from restore.doctor import render
from restore.errors import Problem, Refused, RestoreError
from restore.gates.runner import probe, work
from restore.pulumi_stack.automation import OperatorStack
from restore.report.people import RECONCILED, TOLD
from restore.rescue.model import Wish
from validation.expectations.table_names import Table


def build_parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser("python -m restore", description="What an operator runs besides `pulumi`.")
    top.add_argument("--stack", help="stack name (default: the selected one)")
    top.add_argument("--project", type=Path, default=Path.cwd(), help="folder of Pulumi.yaml (default: this one)")
    commands = top.add_subparsers(dest="command", required=True)
    options_command.add_options(
        commands.add_parser("options", help="what the source can be restored from, ranked by data lost")
    )
    when_command.add_options(commands.add_parser("when", help="when it happened: what may have done it, to the second"))
    status.add_options(
        commands.add_parser("status", help="who serves, what goes on, what is safe, what is next; changes nothing")
    )
    examination = commands.add_parser(
        "doctor", help="asks on a quiet day for all that a restore needs; changes nothing"
    )
    examination.add_argument("--json", action="store_true", help="the findings as JSON")
    drill_command.add_options(
        commands.add_parser("drill", help="rehearse a restore on copies of the applications; traffic stays where it is")
    )
    gate = commands.add_parser("gate", help="a gate's work, where a Job of runner kubernetes runs it")
    gate.add_argument("--job", required=True, help="name of the Job")
    gate.add_argument("--uid", required=True, help="its uid")
    probe_command = commands.add_parser("probe", help="a login to a database, where a Job of doctor tries it")
    for command in (gate, probe_command):
        command.add_argument("--request", type=Path, required=True, help="the file with what is asked")
        command.add_argument("--root-certificate", type=Path, help="the certificates to trust")
    for name, text in (
        (TOLD, "note who was told of the restore; without a name: who still must be"),
        (RECONCILED, "note what was reconciled after the restore; without a name: what still must be"),
    ):
        ticking = commands.add_parser(name, help=text)
        ticking.add_argument("names", nargs="*", help="as the configuration lists it")
        ticking.add_argument("--restore", help="the id (default: the configured restore)")
    page = commands.add_parser("report", help="verdict, timeline, checks and losses of a restore; writes the page")
    page.add_argument("id", nargs="?", help="the restore (default: the configured one)")
    page.add_argument("--open", action="store_true", help="open the page in a browser")
    passwords = commands.add_parser("credentials", help="passwords after a breach").add_subparsers(
        dest="action", required=True
    )
    rotation = passwords.add_parser("rotate", help="new passwords on candidate and source, while traffic is frozen")
    rotation.add_argument("--leave-source", action="store_true", help="the source can't be asked: only the candidate")
    rotation.add_argument("--yes", action="store_true", help="don't ask")
    adoption = commands.add_parser("adopt", help="a lost state is made again; nothing in AWS or the cluster changes")
    adoption.add_argument("id", nargs="?", help="the restore, where several are open")
    adoption.add_argument("--yes", action="store_true", help="don't ask")
    approval = commands.add_parser("approve", help="say yes to a switch as its second person (key approvals)")
    approval.add_argument("--yes", action="store_true", help="don't ask")
    add_prevention(
        commands.add_parser("check-backups", help="how old the newest backup of each kind is; changes nothing"),
        commands.add_parser("dump", help="dump the database into the bucket of `backups`, and read it back"),
        commands.add_parser("snapshot", help="take a snapshot of the source, and wait: before a migration"),
        commands.add_parser("expire", help="delete what this program made and is past its time; shown first"),
    )
    add_rescue(commands.add_parser("rescue", help="bring rows of one table back into the source, without a cutover"))
    add_retire(commands.add_parser("retire", help="delete a candidate or an old source that nobody needs any more"))
    for name, text in (
        ("rollback", "go back to the source: an earlier configuration, applied through frozen"),
        ("close", "leave a restore that is over: out of the state, databases untouched"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("id", nargs="?", help="the restore; refused unless it is the configured one")
        command.add_argument("--yes", action="store_true", help="don't ask")
        if name == "rollback":
            add_rollback(command)
    return top


def add_rollback(command: argparse.ArgumentParser) -> None:
    writes = command.add_mutually_exclusive_group()
    writes.add_argument("--carry", action="store_true", help="take along what was written since the switch")
    writes.add_argument("--accept-loss", action="store_true", help="leave behind what was written since the switch")


def add_prevention(
    check: argparse.ArgumentParser,
    dump: argparse.ArgumentParser,
    snapshot: argparse.ArgumentParser,
    expire: argparse.ArgumentParser,
) -> None:
    check.add_argument("--publish", action="store_true", help="publish the ages as CloudWatch metrics")
    check.add_argument("--json", action="store_true", help="the ages as JSON")
    for command in (check, dump):
        command.add_argument("--settings", type=Path, help="in a pod of the schedule: the mounted settings")
        command.add_argument("--root-certificate", type=Path, help="with --settings: the certificates to trust")
    snapshot.add_argument("--reason", required=True, help="why; it stands in the snapshot's name and tags")
    snapshot.add_argument("--days", type=int, default=30, metavar="N", help="`expire` offers it after N (default: 30)")
    expire.add_argument("--yes", action="store_true", help="don't ask")


def add_retire(command: argparse.ArgumentParser) -> None:
    command.add_argument("resource_id", metavar="DbiResourceId", help="of the instance, in full: db-...")
    command.add_argument(
        "--days", type=int, choices=range(1, MOST_DAYS + 1), default=7, metavar="N",
        help=f"nobody may have been connected for so long, 1 to {MOST_DAYS} (default: 7)",
    )  # fmt: skip
    command.add_argument("--not-asked", default="", metavar="REASON", help="why it need not be known who connected")
    command.add_argument("--yes", action="store_true", help="don't ask")


def add_rescue(command: argparse.ArgumentParser) -> None:
    command.add_argument("--table", required=True, type=Table.parse, help="schema.table; without a schema: public")
    command.add_argument("--where", default="", help="which rows, as SQL about the candidate's; default: all")
    command.add_argument(
        "--written-by", action="append", default=[], metavar="TRANSACTION",
        help="overwrite rows that differ as this transaction wrote them; may be repeated",
    )  # fmt: skip
    command.add_argument(
        "--damaged", default="", metavar="SQL", help="overwrite the source's rows for which it is true"
    )
    command.add_argument("--column", action="append", default=[], help="compare and overwrite these columns alone")
    command.add_argument("--overwrite-later-writes", action="store_true", help="overwrite every row that differs")
    command.add_argument("--with-children", action="store_true", help="also rows that refer to missing ones")
    command.add_argument("--fire-triggers", action="store_true", help="let the table's triggers fire")
    command.add_argument("--undo", type=Path, help="new file for the script that takes it back")
    command.add_argument("--apply", action="store_true", help="do it; without, what would be done is shown")
    command.add_argument("--yes", action="store_true", help="don't ask")


def rescue(stack: OperatorStack, arguments: argparse.Namespace) -> bool:
    wish = Wish(
        arguments.table,
        where=arguments.where,
        written_by=tuple(arguments.written_by),
        damaged=arguments.damaged,
        overwrite=arguments.overwrite_later_writes,
        columns=tuple(arguments.column),
        with_children=arguments.with_children,
        fire_triggers=arguments.fire_triggers,
    )
    confirm = make_confirmer(yes=arguments.yes) if arguments.apply else None
    return rescue_command.rescue(stack, wish, arguments.undo, confirm)


def make_confirmer(*, yes: bool) -> Callable[[str], bool]:
    """Shows what is about to happen, and asks; without a terminal --yes is needed."""

    def confirm(text: str) -> bool:
        print(text, flush=True)
        if yes:
            return True
        if not sys.stdin.isatty():
            print(
                "nothing was done: there is no terminal to ask on\n  fix: docs/operate.md: the same command with --yes",
                file=sys.stderr,
            )
            return False
        return input("Go on? [yes/no] ").strip().lower() in ("y", "yes")

    return confirm


def roll_back(stack: OperatorStack, arguments: argparse.Namespace) -> bool:
    done = rollback_command.roll_back(
        stack,
        make_confirmer(yes=arguments.yes),
        bring_along=arguments.carry,
        accept_loss=arguments.accept_loss,
        yes=arguments.yes,
    )
    if done:
        print("The applications serve from the source again. When the restore is over: python -m restore close")
    return done


def close_restore(stack: OperatorStack, confirm: Callable[[str], bool]) -> bool:
    closed = close.run(stack, confirm)
    if closed:
        print("Closed. The databases are untouched.")
    return closed


def adopt_restore(stack: OperatorStack, arguments: argparse.Namespace) -> bool:
    adopted = adopt.run(stack, arguments.id, make_confirmer(yes=arguments.yes))
    if adopted:
        print("Adopted. Next: pulumi preview; pulumi up")
    return adopted


def approve_switch(stack: OperatorStack, confirm: Callable[[str], bool]) -> bool:
    approved = approve.approve(stack, confirm)
    if approved:
        print("Approved. Next, by somebody else: pulumi config set traffic restored; pulumi up")
    return approved


def rotate_credentials(stack: OperatorStack, confirm: Callable[[str], bool], *, leave_source: bool) -> bool:
    done = credentials.rotate(stack, confirm, leave_source=leave_source)
    if done:
        print("Rotated: the old passwords are dead. Next: pulumi config set traffic restored; pulumi up")
    return done


def refuse_other(stack: OperatorStack, named: str | None) -> None:
    """Raises Refused when the restore that is named isn't the configured one."""
    configured = rollback.read_text(stack.read_config(), rollback.ID)
    if named and named != configured:
        fix = f"pulumi config set id {named} (with its method and recovery point), then again"
        raise Refused([Problem("config id", f"the configuration is of restore {configured or '(none)'}", named, fix)])


def examine(arguments: argparse.Namespace) -> int:
    """Returns the exit code: 0 when there is no problem; what can't be known from here is a note, and no problem."""
    findings = doctor.examine(arguments.project, arguments.stack)
    print(render.render_document(findings) if arguments.json else render.render_table(findings))
    return 0 if render.is_all_well(findings) else 1


def tell(stack: OperatorStack, arguments: argparse.Namespace, now: datetime) -> str:
    """Returns the answer of a command that only looks."""
    match arguments.command:
        case "options":
            return options_command.tell_options(stack, arguments, now)
        case _:
            return when_command.tell_when(stack, arguments, now)


def run_in_job(arguments: argparse.Namespace) -> int:
    if arguments.command == "gate":
        return work.run(arguments.request, arguments.root_certificate, arguments.job, arguments.uid)
    return probe.answer(arguments.request, arguments.root_certificate)


def retire(stack: OperatorStack, arguments: argparse.Namespace) -> bool:
    confirm, reason = make_confirmer(yes=arguments.yes), arguments.not_asked.strip()
    return retire_command.retire(stack, arguments.resource_id, confirm, days=arguments.days, not_asked=reason)


def run(arguments: argparse.Namespace) -> int:
    if arguments.command == "doctor":
        return examine(arguments)
    if arguments.command in ("gate", "probe"):
        return run_in_job(arguments)
    if arguments.command in prevention.COMMANDS:
        confirm = make_confirmer(yes=getattr(arguments, "yes", False))
        return prevention.run(lambda: OperatorStack(arguments.project, arguments.stack), arguments, confirm)
    stack = OperatorStack(arguments.project, arguments.stack)
    if arguments.command == "status":
        return status.tell_status(stack, arguments)
    if arguments.command == "drill":
        return drill_command.run(stack, arguments)
    return run_on_stack(stack, arguments)


def run_on_stack(stack: OperatorStack, arguments: argparse.Namespace) -> int:
    match arguments.command:
        case "told" | "reconciled" as step:
            print(people.tick_off(stack, step, arguments.names, arguments.restore, datetime.now(UTC)))
        case "options" | "when":
            print(tell(stack, arguments, datetime.now(UTC)))
        case "report":
            color = sys.stdout.isatty()
            now = datetime.now(UTC)
            print(report.report(stack, arguments.id, now, color=color, browser=arguments.open))
        case _:
            return 0 if act(stack, arguments) else 1
    return 0


def act(stack: OperatorStack, arguments: argparse.Namespace) -> bool:
    """Runs a command that changes something, on a yes; returns False when it was not confirmed."""
    match arguments.command:
        case "credentials":
            confirm = make_confirmer(yes=arguments.yes)
            return rotate_credentials(stack, confirm, leave_source=arguments.leave_source)
        case "rescue":
            return rescue(stack, arguments)
        case "adopt":
            return adopt_restore(stack, arguments)
        case "approve":
            return approve_switch(stack, make_confirmer(yes=arguments.yes))
        case "retire":
            return retire(stack, arguments)
        case "rollback":
            refuse_other(stack, arguments.id)
            return roll_back(stack, arguments)
        case _:
            refuse_other(stack, arguments.id)
            return close_restore(stack, make_confirmer(yes=arguments.yes))


def main(words: Sequence[str] | None = None) -> int:
    arguments = build_parser().parse_args(words)
    try:
        return run(arguments)
    except RestoreError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; `python -m restore status` tells where things stand", file=sys.stderr)
        return 130
