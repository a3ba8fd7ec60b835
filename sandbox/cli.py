"""The command line: python -m sandbox up|down|status|env|rights|pace|incident|dump|trouble|region|alarms|doctor."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sandbox.machine.layout import CHECKOUT, Layout, default_directory


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; a problem is one message on stderr and exit code 1."""
    options = parser().parse_args(arguments)
    layout = Layout.at(options.dir)
    try:
        return int(options.command(layout, options))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        raise  # the caller ends quietly: nobody reads this any more
    except Exception as error:
        if options.debug:
            raise
        print(f"sandbox: {error}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="python -m sandbox", description="AWS, Kubernetes and an application, here")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--dir", type=Path, default=default_directory(), help="the state directory")
    common.add_argument("--debug", action="store_true", help="show tracebacks")
    commands = root.add_subparsers(required=True, metavar="command")

    starting = commands.add_parser("up", parents=[common], help="start what does not run, and wait until pods write")
    starting.add_argument("--pace", type=float, default=0.0, help="least seconds of each phase of an RDS operation")
    starting.add_argument("--no-app", action="store_true", help="AWS and Kubernetes only")
    starting.add_argument("--stack", default="sandbox", help="name of the Pulumi stack")
    starting.add_argument("--project", type=Path, default=CHECKOUT, help="where Pulumi.<stack>.yaml is written")
    starting.set_defaults(command=up)

    stopping = commands.add_parser("down", parents=[common], help="stop everything")
    stopping.add_argument("--purge", action="store_true", help="and remove its state")
    stopping.set_defaults(command=down)

    commands.add_parser("status", parents=[common], help="what runs").set_defaults(command=status)
    exporting = commands.add_parser("env", parents=[common], help="shell lines to eval, with the operator's rights")
    exporting.add_argument("--admin", action="store_true", help="with every right, to look at the sandbox itself")
    exporting.set_defaults(command=env)
    ruling = commands.add_parser("rights", parents=[common], help="what the operator may do; take rights away")
    ruling.add_argument(
        "--without", nargs="*", metavar="RIGHT", help="exactly these are missing from now on; none: all are back"
    )
    ruling.set_defaults(command=rights)
    pacing = commands.add_parser("pace", parents=[common], help="how long RDS takes from now on")
    pacing.add_argument(
        "steps", nargs="*", metavar="STEP=SECONDS", help="restore=10 take_snapshot=3; none: as fast as it can"
    )
    pacing.set_defaults(command=pace)
    commands.add_parser("incident", parents=[common], help="break the data").set_defaults(command=incident)
    dumping = commands.add_parser("dump", parents=[common], help="the nightly pg_dump into S3, now")
    dumping.set_defaults(command=dump)
    troubling = commands.add_parser("trouble", parents=[common], help="the real world's troubles: list, play, end")
    troubling.add_argument("name", nargs="?", help="the trouble to play; without it all are listed")
    troubling.add_argument("--off", action="store_true", help="end it")
    troubling.add_argument("--instance", help="the RDS instance that suffers; the source, unless said")
    troubling.set_defaults(command=trouble)
    placing = commands.add_parser(
        "region", parents=[common], help="a second region; one that goes dark, and comes back"
    )
    placing.add_argument("action", choices=["prepare", "dark", "back", "lag", "replicate"])
    placing.add_argument("name", nargs="?", default="", help="the region; of lag the seconds")
    placing.add_argument("--refuse", action="store_true", help="dark: connections are refused, and don't hang")
    placing.add_argument("--stack", default="sandbox-west", help="prepare: name of the Pulumi stack there")
    placing.add_argument("--project", type=Path, default=CHECKOUT, help="prepare: where its Pulumi.<stack>.yaml goes")
    placing.set_defaults(command=region)
    alarming = commands.add_parser("alarms", parents=[common], help="evaluate CloudWatch's alarms, and send messages")
    alarming.add_argument("--at", type=datetime.fromisoformat, help="as of this moment, with zone (default: now)")
    alarming.set_defaults(command=alarms)
    commands.add_parser("doctor", parents=[common], help="what is real here").set_defaults(command=doctor)
    return root


def up(layout: Layout, options: argparse.Namespace) -> int:
    from sandbox.runtime import environment, lifecycle

    begun = time.monotonic()
    lifecycle.start(layout, options.pace, say)
    fresh = environment.prepare_pulumi(layout)
    file = environment.write_stack(layout, options.project, options.stack, fresh=fresh)
    if not options.no_app:
        from sandbox.application.deploy import Application

        Application(layout, say).deploy()
    say("sandbox", time.monotonic() - begun, f"{layout.root}; configuration in {file}")
    print('Next: eval "$(python -m sandbox env)" and then pulumi stack select --create ' + options.stack)
    return 0


def down(layout: Layout, options: argparse.Namespace) -> int:
    from sandbox.runtime import lifecycle

    begun = time.monotonic()
    stopped = lifecycle.stop(layout)
    say("sandbox", time.monotonic() - begun, f"stopped {', '.join(stopped)}" if stopped else "was not running")
    if options.purge:
        lifecycle.purge(layout)
        say("sandbox", time.monotonic() - begun, f"removed {layout.root}")
    return 0


def status(layout: Layout, _: argparse.Namespace) -> int:
    """Exit code 0 when all parts run, otherwise 3."""
    from sandbox.runtime.status import describe, running

    print(describe(layout))
    return 0 if running(layout) else 3


def env(layout: Layout, options: argparse.Namespace) -> int:
    from sandbox.runtime.environment import exports

    print(exports(layout, admin=options.admin))
    return 0


def rights(layout: Layout, options: argparse.Namespace) -> int:
    from sandbox.application.operator_rights import OperatorRights

    operator = OperatorRights.of(layout)
    if options.without is not None:
        operator.remove(options.without)
    print(operator.describe())
    return 0


def pace(layout: Layout, options: argparse.Namespace) -> int:
    from sandbox.aws.client import clients

    pairs = (str(item).partition("=") for item in options.steps)
    steps = {name: float(seconds) for name, _, seconds in pairs}
    clients(layout).post("pace", steps=steps)
    print(f"RDS takes at least: {', '.join(options.steps) or 'no time'}")
    return 0


def incident(layout: Layout, _: argparse.Namespace) -> int:
    from sandbox.application import incident as breaking

    print(breaking.as_json(breaking.run(layout)))
    return 0


def dump(layout: Layout, _: argparse.Namespace) -> int:
    from sandbox.application import nightly_dump

    print(nightly_dump.as_json(nightly_dump.run(layout)))
    return 0


def trouble(layout: Layout, options: argparse.Namespace) -> int:
    from sandbox.application.names import INSTANCE
    from sandbox.trouble import catalogue

    if options.name is None:
        print(catalogue.listing(layout))
    elif options.off:
        catalogue.end(layout, options.name)
        print(f"{options.name} is over")
    else:
        catalogue.play(layout, options.name, options.instance or INSTANCE)
        print(f"{catalogue.find(options.name).says}\nTo end it: {catalogue.undo(options.name)}")
    return 0


def region(layout: Layout, options: argparse.Namespace) -> int:
    from sandbox.application import second_region

    match options.action:
        case "prepare":
            from sandbox.application.stack_config import configuration_of_second_region
            from sandbox.runtime import environment

            second_region.prepare(layout)
            wanted = configuration_of_second_region(layout)
            file = environment.write_stack(layout, options.project, options.stack, fresh=True, wanted=wanted)
            print(f"{second_region.REGION} is ready; configuration in {file}")
        case "lag":
            second_region.set_lag(layout, float(options.name or 0))
        case "replicate":
            print("\n".join(second_region.replicate_dumps(layout)) or "nothing to replicate")
        case action:
            how = "" if action == "back" else "refuse" if options.refuse else "hang"
            second_region.make_dark(layout, options.name or second_region.FIRST, how)
    return 0


def alarms(layout: Layout, options: argparse.Namespace) -> int:
    from sandbox.aws.alarms import evaluate_all
    from sandbox.aws.client import clients

    for name, state in evaluate_all(clients(layout), options.at or datetime.now(UTC)).items():
        print(f"{state:18} {name}")
    return 0


def doctor(_layout: Layout, _: argparse.Namespace) -> int:
    from sandbox.runtime.doctor import examine, table
    from sandbox.trouble.catalogue import not_played

    print(f"{table(examine())}\n\n{not_played()}")
    return 0


def say(part: str, seconds: float, text: str) -> None:
    print(f"{part:12} {seconds:6.1f} s  {text}", flush=True)
