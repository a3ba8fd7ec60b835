"""`python -m restore check-backups`, `dump`, `snapshot` and `expire`: what keeps backups, and shows that they are kept.

The first two also run on a schedule in the cluster, where no stack can be asked: there they read their settings from a
mounted file (restore/prevention/document.py).
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from restore.aws import Aws, Rds, Secrets
from restore.aws.metrics import publish
from restore.cli.stack_settings import read_settings
from restore.cutover.connection_url import name_database
from restore.errors import PermanentError, Problem, Refused, list_problems
from restore.evidence import Store
from restore.kubernetes import Api, Namespace
from restore.model.prevention import METRICS_NAMESPACE, PreventionSettings
from restore.model.rds import Endpoint
from restore.model.request import Settings
from restore.postgres import connect
from restore.prevention import ages, document, expiry, nightly
from restore.prevention.alarms import DIMENSION
from restore.prevention.check import BackupCheck, list_values
from restore.prevention.nightly import DumpSource
from restore.prevention.snapshots import WantedSnapshot, take_snapshot
from restore.prevention.stored_dumps import DAMAGED, WHOLE, StoredDumps
from restore.pulumi_stack.automation import OperatorStack
from restore.units import TIME_FORMAT, format_duration, format_size

STOPPED = 143
COMMANDS = ("check-backups", "dump", "snapshot", "expire")


@dataclass(frozen=True)
class Quiet:
    """What a command works with: the settings, and the prevention's own, or its defaults."""

    settings: Settings
    prevention: PreventionSettings

    @property
    def aws(self) -> Aws:
        return Aws.of(self.settings)

    @property
    def dumps(self) -> StoredDumps:
        return StoredDumps(self.aws, self.settings.backups)


def open_settings(open_stack: Callable[[], OperatorStack], arguments: argparse.Namespace, now: datetime) -> Quiet:
    """Returns the settings: from the mounted file where one is named, else of the stack. Raises Refused,
    PermanentError."""
    file = getattr(arguments, "settings", None)
    settings = document.read_settings(file, arguments.root_certificate) if file else read_settings(open_stack(), now)
    return Quiet(settings, settings.prevention or PreventionSettings())


def run(open_stack: Callable[[], OperatorStack], arguments: argparse.Namespace, confirm: Callable[[str], bool]) -> int:
    """Runs one of COMMANDS; returns the exit code."""
    now = datetime.now(UTC)
    quiet = open_settings(open_stack, arguments, now)
    match arguments.command:
        case "check-backups":
            return check(quiet, now, publishes=arguments.publish, as_json=arguments.json)
        case "dump":
            return dump(quiet, now)
        case "snapshot":
            return snapshot(quiet, arguments.reason, arguments.days, now)
        case _:
            return 0 if expire(quiet, confirm, now) else 1


def check(quiet: Quiet, now: datetime, *, publishes: bool, as_json: bool) -> int:
    """Shows how old the backups are; publishes it. Returns 1 where one is late: of a published one the alarm tells."""
    aws, settings = quiet.aws, quiet.settings
    backups = BackupCheck(
        settings,
        quiet.prevention,
        Rds(aws),
        quiet.dumps.list,
        lambda: Store.open(settings.evidence, aws),
        lambda: Rds(Aws.of_region(settings, quiet.prevention.replicate_to or settings.region)),
    )
    measured = backups.measure()
    values = list_values(measured, now)
    if as_json:
        late = {str(age.kind): age.is_late(now) for age in measured}
        print(json.dumps({"stack": settings.stack, "at": f"{now:{TIME_FORMAT}}", "seconds": values, "late": late}))
    else:
        print(ages.render(measured, settings.source, now))
    if publishes:
        if values:
            publish(aws, METRICS_NAMESPACE, (DIMENSION, settings.stack), values, now)
        return 0
    return 1 if any(age.is_late(now) for age in measured) else 0


def dump(quiet: Quiet, now: datetime) -> int:
    """Takes a dump, reads it back, marks it, and deletes this stack's dumps that are past their time. Returns 1 for one
    that isn't whole. Raises Refused without a bucket, PermanentError, TemporaryError."""
    settings = quiet.settings
    place = settings.backups
    if not place.bucket:
        needed = "the bucket that gets the dump"
        raise Refused(
            [Problem("config backups.bucket", "not set", needed, "pulumi config set --path backups.bucket <name>")]
        )
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(STOPPED))  # so that the upload is aborted
    source = find_source(quiet)
    key = nightly.name_dump(place, settings.source, now)
    part = nightly.choose_part_size(measure_database(source))
    with nightly.open_dump(source) as stream:
        nightly.upload(quiet.aws, place, key, stream, part)
    print(f"dumped {source.database} of {settings.source} to s3://{place.bucket}/{key}: {format_size(stream.count)} in "
          f"{format_duration(datetime.now(UTC) - now)}; reading it back", flush=True)  # fmt: skip
    scanned = nightly.read_back(quiet.aws, place, key)
    whole = scanned.complete and not scanned.problems
    quiet.dumps.mark(key, scanned.dump.version_id, settings.stack, WHOLE if whole else DAMAGED)
    if not whole:
        print(f"the dump can't be restored as it is:\n{list_problems(scanned.problems)}")
        return 1
    print(f"whole: {len(scanned.tables)} tables, PostgreSQL {scanned.server_version}")
    expired = expiry.find_expired(
        (),
        quiet.dumps.list(None),
        settings.stack,
        now,
        snapshot_days=1,
        dump_days=place.days,
        living=(),
        open_ids=expiry.list_open_ids(Rds(quiet.aws).list_instances(), settings.stack),
    )
    for old in expired.dumps:
        quiet.dumps.delete(old.key)
    print(expiry.render(expired, now))
    return 0


def find_source(quiet: Quiet) -> DumpSource:
    """Returns the database to dump and the operator's login to it. Raises PermanentError where it has no endpoint."""
    settings, aws = quiet.settings, quiet.aws
    instance = Rds(aws, settings.tunnel).find_instance(settings.source)
    if instance is None or instance.endpoint is None:
        found = f"{instance.status}: no endpoint" if instance else "not there"
        fix = f"aws rds describe-db-instances --db-instance-identifier {settings.source}"
        raise PermanentError.of(Problem(f"instance {settings.source}", found, "a database that answers", fix))
    credential = Secrets(aws).read_login(settings.login, instance.endpoint)
    return DumpSource(instance.endpoint, credential, settings.tls, find_database(settings))


def find_database(settings: Settings) -> str:
    """Returns the database to dump; the cluster is asked only where the configuration doesn't say."""
    if settings.login.database:
        return settings.login.database
    api = Api(settings.kubeconfig, settings.context)
    cluster = Namespace(api, settings.namespace).read_cluster([], settings.secret)
    return name_database(settings, cluster)


def measure_database(source: DumpSource) -> int:
    """Returns the database's bytes."""
    endpoint: Endpoint = source.endpoint
    with connect(endpoint, source.credential, source.tls, source.database) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    return int(row[0]) if row else 0


def snapshot(quiet: Quiet, reason: str, days: int, now: datetime) -> int:
    """Takes a snapshot of the source and waits for its end."""
    wanted = WantedSnapshot(quiet.settings.stack, quiet.settings.source, reason.strip(), days)
    taken = take_snapshot(Rds(quiet.aws), wanted, now, lambda text: print(text, flush=True))
    print(f"snapshot {taken.identifier} is available; `python -m restore expire` offers to delete it after {days} days")
    return 0


def expire(quiet: Quiet, confirm: Callable[[str], bool], now: datetime) -> bool:
    """Shows what this program made and is past its time, asks, deletes it; False when not confirmed."""
    settings, rds = quiet.settings, Rds(quiet.aws)
    dumps = quiet.dumps.list(None) if settings.backups.bucket else ()
    instances = rds.list_instances()
    configured = {settings.request.id} if settings.request else set[str]()
    expired = expiry.find_expired(
        rds.list_snapshots(identifier=settings.source),
        dumps,
        settings.stack,
        now,
        snapshot_days=quiet.prevention.keep_days,
        dump_days=settings.backups.days,
        living={item.resource_id for item in instances},
        open_ids=expiry.list_open_ids(instances, settings.stack) | configured,
    )
    if not expired:
        print(expiry.render(expired, now))
        return True
    if not confirm(expiry.render(expired, now)):
        return False
    for item in expired.snapshots:
        rds.delete_snapshot(item.identifier)
    for item in expired.dumps:
        quiet.dumps.delete(item.key)
    print(f"deleted {len(expired.snapshots)} snapshots and {len(expired.dumps)} dumps")
    return True
