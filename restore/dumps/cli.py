"""The command line `python -m restore.dumps`.

Exit codes: 0 done, 1 failed, refused, different or not all loaded that matters, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from restore.aws.client import Aws
from restore.dumps import output
from restore.dumps.catalog import listing
from restore.dumps.check import scan_file
from restore.dumps.check.progress_output import JsonLines, Lines
from restore.dumps.check.scan import scan
from restore.dumps.check.verify import verify
from restore.dumps.load import free_storage
from restore.dumps.load.free_storage import Storage
from restore.dumps.load.loader import load
from restore.dumps.load.not_loaded import render_script
from restore.dumps.load.preview import preview_target
from restore.dumps.model import (
    Dump,
    LoadLogin,
    LoadResult,
    OnError,
    Options,
    ProgressCallback,
    Roles,
    Scan,
    TargetPreview,
)
from restore.errors import PermanentError, Problem, RestoreError
from restore.model.dump_kinds import ALLOWABLE, SKIPPABLE, find_allow_fault, find_skip_fault
from restore.model.request import LATEST
from restore.redaction import register_secret
from validation.connect.target import Target
from validation.connect.urls import UrlError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SCHEME = "s3://"


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser of all commands and their options."""
    top = argparse.ArgumentParser("python -m restore.dumps", description="Dumps in S3: what is in them, and back.")
    commands = top.add_subparsers(dest="command", required=True)
    for name, text in (
        ("list", "the dumps below a prefix, newest first"),
        ("plan", "what is in a dump and what it needs; changes nothing"),
        ("load", "load a dump into an empty database; run it again after a failure and it goes on"),
        ("verify", "compare a database with its dump: rows, sequences, indexes, constraints"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("url", help="s3://bucket/key; a prefix ending in / for a directory dump or with --latest")
        command.add_argument("--region", default=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"))
        command.add_argument("--endpoint-url", help="another S3 than Amazon's")
        command.add_argument("--json", action="store_true", help="the result as JSON, progress as JSON lines on stderr")
        if name != "list":
            _add_dump_arguments(command)
        if name == "plan":
            command.add_argument("--save", metavar="PATH", type=Path, help="keep the plan for load and verify")
        if name != "list":
            _add_target_arguments(command, required=name != "plan")
        if name in ("load", "verify"):
            command.add_argument("--plan", metavar="PATH", type=Path, help="of `plan --save`: spares the check")
        if name in ("plan", "load"):
            _add_role_arguments(command)
        if name == "load":
            _load_arguments(command)
    return top


def _add_dump_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--latest", action="store_true", help="the newest dump below the prefix")
    command.add_argument("--pg-restore", metavar="PATH", help="pg_restore for archive formats (default: PATH's)")
    command.add_argument(
        "--skip",
        action="append",
        default=[],
        metavar="KIND[:NAME]",
        help=f"leave out, with all that depends on it: {', '.join(SKIPPABLE)}; or one object, as extension:postgis",
    )
    allowed = ", ".join(ALLOWABLE)
    command.add_argument("--allow", action="append", default=[], metavar="KIND", help=f"run statements: {allowed}")


def _add_target_arguments(command: argparse.ArgumentParser, *, required: bool) -> None:
    where = command.add_mutually_exclusive_group(required=required)
    where.add_argument("--to-env", metavar="NAME", help="environment variable with the target's URL")
    where.add_argument("--to-file", metavar="PATH", type=Path, help="file with the target's URL")
    command.add_argument(
        "--login",
        choices=[choice.value for choice in LoadLogin],
        default=LoadLogin.SEPARATE.value,
        help="own: the dump's functions run with all rights of the URL's user; for a dump you trust, where that user"
        " can't make roles (default: with those of a role made for it and dropped at the end)",
    )


def _add_role_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--roles", choices=[choice.value for choice in Roles], default=Roles.REFUSE.value)
    command.add_argument(
        "--map", action="append", default=[], metavar="OLD=NEW", help="another role for one of the dump"
    )
    command.add_argument("--superuser", action="store_true", help="load although the role can do more than it should")


def _load_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--workers", type=int, default=0, help="sessions (default: this machine's processors, 2-8)")
    command.add_argument("--no-check", action="store_true", help="load at once: tell what is wrong only when met")
    command.add_argument(
        "--on-error",
        choices=[choice.value for choice in OnError],
        default=OnError.CONTINUE.value,
        help="what a refused statement does: continue (default: everything else is loaded) or stop",
    )
    command.add_argument(
        "--script", metavar="PATH", type=Path, help="file for the SQL of what was refused, to be run later"
    )
    command.add_argument(
        "--search-path",
        metavar="SCHEMAS",
        default="",
        help="where functions of the dump look for names without a schema, as public,extensions",
    )
    command.add_argument(
        "--instance",
        metavar="IDENTIFIER",
        help="RDS instance of the target, where the URL has another host (tunnel, alias): its free storage counts",
    )
    command.add_argument("--no-storage-check", action="store_true", help="load whatever storage the target has free")


def main(words: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0, 1 after an error or a difference, 130 when interrupted; errors go
    to stderr."""
    arguments = build_parser().parse_args(words)
    stop = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda number, frame: stop.set())  # noqa: ARG005 - signal's signature
    try:
        return run(arguments, stop)
    except RestoreError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; run the same command again: a load goes on where it was", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGTERM, before)


def run(arguments: argparse.Namespace, stop: threading.Event) -> int:
    """Runs the parsed command and returns its exit code. Raises RestoreError; `stop` ends a load or a scan early."""
    bucket, key = split(arguments.url)
    arguments.region = _choose_region(arguments.region)
    s3 = _open_s3(arguments.region, arguments.endpoint_url)
    if arguments.command == "list":
        dumps = listing.list_dumps(s3, bucket, key)
        _say(arguments, [output.dump_as_json(dump) for dump in dumps], output.render_list(dumps))
        return 0
    dump = _find_dump(s3, bucket, key, latest=arguments.latest)
    options = read_options(arguments)
    if arguments.command == "plan":
        with _report_progress(as_json=arguments.json) as report:
            scanned = scan(s3, dump, options, progress=report, stop=stop)
        preview = preview_target(read_target(arguments), scanned, options) if _has_target(arguments) else None
        return _finish_plan(arguments, scanned, options, preview)
    target, planned = read_target(arguments), read_saved_plan(arguments, dump, options)
    if arguments.command == "load":
        room = measure_storage(arguments, target)
        with _report_progress(as_json=arguments.json) as report:
            result = load(s3, dump, target, options, scan=planned, storage=room, progress=report, stop=stop)
        _say(arguments, result.as_json(), output.render_load(result, str(arguments.script or "")))
        if arguments.script and not result.already_loaded:
            write_script(arguments.script, result)
        return 0 if result.is_whole and not result.server_changes else 1
    with _report_progress(as_json=arguments.json) as report:
        compared = verify(s3, dump, target, options, scan=planned, progress=report, stop=stop)
    _say(arguments, compared.as_json(), output.render_verification(compared))
    return 0 if compared.passed else 1


def _finish_plan(arguments: argparse.Namespace, result: Scan, options: Options, preview: TargetPreview | None) -> int:
    facts = result.as_json() | ({"target": preview.as_json()} if preview else {})
    _say(arguments, facts, output.render_plan(result, preview))
    if arguments.save:
        scan_file.save_plan(arguments.save, result, options)
    return 1 if result.problems or (preview and preview.problems) else 0


def _has_target(arguments: argparse.Namespace) -> bool:
    return bool(arguments.to_env or arguments.to_file)


def write_script(path: Path, result: LoadResult) -> None:
    """Writes the SQL of what was not loaded. Raises PermanentError where it can't be written."""
    try:
        path.write_text(render_script(result.not_loaded, result.dump.url))
    except OSError as error:
        fix = "python -m restore.dumps load --help (--json has the same statements, under notLoaded)"
        raise PermanentError.of(Problem("--script", str(error), "a file to write", fix)) from error


def split(url: str) -> tuple[str, str]:
    """Splits an S3 URL into bucket and key. Raises PermanentError."""
    bucket, _, key = url.removeprefix(SCHEME).partition("/")
    if not url.startswith(SCHEME) or not bucket:
        raise PermanentError.of(Problem("url", url, "s3://bucket/key", "python -m restore.dumps --help"))
    return bucket, key


def _find_dump(s3: S3Client, bucket: str, key: str, *, latest: bool) -> Dump:
    if latest:
        return listing.pin_dump(s3, listing.choose(listing.list_dumps(s3, bucket, key), LATEST))
    return listing.find(s3, bucket, key)


def _refuse_unknown(flag: str, unknown: Iterable[str], known: Sequence[str]) -> None:
    if names := ", ".join(unknown):
        needed, fix = f"one of {', '.join(known)}", "python -m restore.dumps load --help"
        raise PermanentError.of(Problem(flag, names, needed, fix))


def read_options(arguments: argparse.Namespace) -> Options:
    """Returns the options of the command. Raises PermanentError for kinds that don't exist, and for a map that is
    none."""
    _refuse_unknown("--skip", filter(find_skip_fault, arguments.skip), SKIPPABLE)
    _refuse_unknown("--allow", filter(find_allow_fault, arguments.allow), ALLOWABLE)
    pairs = [pair.partition("=") for pair in getattr(arguments, "map", [])]
    if any(not (old and new) for old, _, new in pairs):
        raise PermanentError.of(Problem("--map", "a value without =", "OLD=NEW", "python -m restore.dumps load --help"))
    return Options(
        workers=getattr(arguments, "workers", 0),
        roles=Roles(getattr(arguments, "roles", Roles.REFUSE)),
        role_map={old: new for old, _, new in pairs},
        skip=frozenset(arguments.skip),
        allow=frozenset(arguments.allow),
        on_error=OnError(getattr(arguments, "on_error", OnError.CONTINUE)),
        search_path=tuple(filter(None, getattr(arguments, "search_path", "").replace(" ", "").split(","))),
        check_first=not getattr(arguments, "no_check", False),
        login=LoadLogin(getattr(arguments, "login", LoadLogin.SEPARATE)),
        superuser=getattr(arguments, "superuser", False),
        pg_restore=arguments.pg_restore,
    )


def read_target(arguments: argparse.Namespace) -> Target:
    """Returns the database to load into. Raises PermanentError, never with any of the URL in its message."""
    source = f"${arguments.to_env}" if arguments.to_env else str(arguments.to_file)
    try:
        text = os.environ[arguments.to_env] if arguments.to_env else arguments.to_file.read_text()
        register_secret(text.strip())
        return Target.from_url(text.strip())
    except (KeyError, OSError, UrlError) as error:
        found = "not set" if isinstance(error, KeyError) else str(error)
        needed = "postgresql://user:password@host:port/database?sslrootcert=..."
        raise PermanentError.of(
            Problem(f"target URL in {source}", found, needed, "python -m restore.dumps load --help")
        ) from error


def read_saved_plan(arguments: argparse.Namespace, dump: Dump, options: Options) -> Scan | None:
    """Returns the saved plan, or None. Raises PermanentError for a file that is no plan of this dump with these
    flags."""
    return scan_file.read_plan(arguments.plan, dump, options) if arguments.plan else None


def _choose_region(option: str | None) -> str:
    import boto3.session

    region = option or boto3.session.Session().region_name
    if not region:
        raise PermanentError.of(
            Problem(
                "region",
                "none",
                "the bucket's region",
                "python -m restore.dumps list s3://<bucket>/<prefix>/ --region <region>; or set AWS_REGION",
            )
        )
    return region


def _open_s3(region: str, endpoint: str | None) -> S3Client:
    return cast("S3Client", Aws(region, {"s3": endpoint} if endpoint else {}).open_client("s3"))


def measure_storage(arguments: argparse.Namespace, target: Target) -> Storage | None:
    """Measures and prints the target's free storage, or why it isn't known. Raises RestoreError only if --instance was
    given."""
    if arguments.no_storage_check:
        return None
    try:
        storage = free_storage.measure(target.host, arguments.instance, arguments.region, Aws)
    except RestoreError as error:
        if arguments.instance:
            raise
        why = f"{error.problem.found}; {error.problem.fix}" if error.problem else str(error)
        _say_aside(arguments, {"storage": None, "why": why}, f"storage: not checked: {why}")
        return None
    _say_aside(arguments, {"storage": storage.as_json()}, f"storage: {storage}")
    return storage


def _say_aside(arguments: argparse.Namespace, facts: object, text: str) -> None:
    """Prints what is not the result: on stderr, like progress."""
    print(json.dumps(facts) if arguments.json else text, file=sys.stderr, flush=True)


@contextmanager
def _report_progress(*, as_json: bool) -> Generator[ProgressCallback]:
    if as_json:
        yield JsonLines(sys.stderr)
    elif sys.stderr.isatty():
        from restore.dumps.check.progress_bar import Bar

        with Bar(sys.stderr) as bar:
            yield bar
    else:
        yield Lines(lambda text: print(text, file=sys.stderr, flush=True))


def _say(arguments: argparse.Namespace, facts: object, text: str) -> None:
    print(json.dumps(facts) if arguments.json else text)
