"""`python -m restore when`: what may have done it, to the second, and what nobody can have recorded. Reads only."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, reduce
from operator import add

from restore.aws import Aws, Rds, Secrets
from restore.cli.stack_settings import read_settings
from restore.errors import PermanentError, Problem, Refused
from restore.gates.validated import read_expectations
from restore.kubernetes import Api, Namespace
from restore.model.rds import Instance
from restore.model.request import Settings
from restore.postgres import Connection, connect
from restore.pulumi_stack.automation import OperatorStack
from restore.when import aws_sources, cluster_sources, database_sources, render
from restore.when.aws_sources import ask
from restore.when.model import Coverage, Period, Reach, Reading
from validation.baseline import latest
from validation.baseline.model import Baseline, BaselineError
from validation.connect import urls
from validation.document_store import S3
from validation.expectations.model import PRISMA_MIGRATIONS
from validation.expectations.table_names import Table

POSTGRES = "postgres"
DAY = timedelta(days=1)
MOST_SHOWN = 40
STATEMENT_SECONDS = 120.0
"""A table is read in one pass where its created_at has no index."""
Readers = Mapping[str, Callable[[], Reading]]


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds what `when` takes."""
    command.add_argument("--since", type=parse_moment, help="RFC 3339 with zone (default: a day before --until)")
    command.add_argument("--until", type=parse_moment, help="RFC 3339 with zone (default: now)")
    command.add_argument("--table", type=Table.parse, help="all writes to this table, and the gaps in its created_at")
    command.add_argument("--json", action="store_true", help="all of it as JSON")


def parse_moment(text: str) -> datetime:
    """Reads RFC 3339. Raises ArgumentTypeError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not RFC 3339 with a zone, such as 2026-11-22T14:30:00Z")
    return moment.astimezone(UTC)


def make_period(since: datetime | None, until: datetime | None, now: datetime) -> Period:
    """Returns the period asked for. Raises Refused when it ends before it begins."""
    end = min(until or now, now)
    begin = since or end - DAY
    if begin >= end:
        found = f"{begin.isoformat()}, and the period ends at {end.isoformat()}"
        fix = "python -m restore when --since 2026-11-22T14:00:00Z --until 2026-11-22T15:00:00Z"
        raise Refused([Problem("option --since", found, "a moment before --until and before now", fix)])
    return Period(begin, end)


def tell_when(stack: OperatorStack, arguments: argparse.Namespace, now: datetime) -> str:
    """Returns what each source recorded, as text or JSON. Raises Refused for a configuration that can't be read."""
    period = make_period(arguments.since, arguments.until, now)
    settings = read_settings(stack, now)
    look = Look(settings, period, arguments.table, now)
    readers = look.list_readers()
    with ThreadPoolExecutor(len(readers), thread_name_prefix="when") as pool:
        reading = reduce(add, pool.map(ask, readers.keys(), readers.values()))
    if arguments.json:
        return render.render_document(settings.source, period, reading)
    return render.render(settings.source, period, reading, MOST_SHOWN)


@dataclass(frozen=True)
class Look:
    """One question to all sources."""

    settings: Settings
    period: Period
    table: Table | None
    now: datetime

    @cached_property
    def aws(self) -> Aws:
        return Aws.of(self.settings)

    @cached_property
    def api(self) -> Api:
        return Api(self.settings.kubeconfig, self.settings.context)

    def list_readers(self) -> Readers:
        """Returns what reads each source, by the source's name."""
        settings, period, now = self.settings, self.period, self.now
        table, namespace, source = self.table, settings.namespace, settings.source
        readers: dict[str, Callable[[], Reading]] = {
            "settings of the source": lambda: aws_sources.read_settings(self.aws, self.find_source(), period, now),
            "server log": lambda: aws_sources.read_log(self.aws, source, period, _format_name(table)),
            aws_sources.EVENTS: lambda: aws_sources.read_events(self.aws, source, period, now),
            aws_sources.TRAIL: lambda: aws_sources.read_trail(self.aws, self.look_for_source(), source, period, now),
            cluster_sources.ROLLOUTS: lambda: cluster_sources.read_rollouts(self.api, namespace, period),
            cluster_sources.JOBS: lambda: cluster_sources.read_jobs(self.api, namespace, period),
            cluster_sources.EVENTS: lambda: cluster_sources.read_events(self.api, namespace, period),
            database_sources.MIGRATIONS: self.read_migrations,
        }
        if table:
            readers[f"{database_sources.ROWS} of {table}"] = lambda: self.read_missing_rows(table)
        else:
            text = "the gaps in a table's created_at are looked for with --table"
            unasked = Reading((Coverage(database_sources.ROWS, Reach.NOT_ASKED, text),))
            readers[database_sources.ROWS] = lambda: unasked
        return readers

    def look_for_source(self) -> Instance | None:
        """Returns the source, None when it is gone."""
        return Rds(self.aws, self.settings.tunnel).find_instance(self.settings.source)

    def find_source(self) -> Instance:
        """Returns the source. Raises PermanentError when it is gone."""
        instance = self.look_for_source()
        if instance is None:
            fix = "python -m restore options"
            raise PermanentError.of(
                Problem(f"instance {self.settings.source}", "there is no such instance", "one that answers", fix)
            )
        return instance

    def read_migrations(self) -> Reading:
        """Reads the migrations table of the expectations, Prisma's where they name none."""
        declared = read_expectations(self.settings).migrations
        with self.connect() as connection:
            table = declared.table if declared else PRISMA_MIGRATIONS
            return database_sources.read_migrations(connection, table, self.period)

    def read_missing_rows(self, table: Table) -> Reading:
        """Reads a table's gaps, and its rows against the newest baseline of before the period's end."""
        baseline = self.find_baseline()
        with self.connect() as connection:
            found = baseline if isinstance(baseline, Baseline) else None
            reading = database_sources.read_missing_rows(connection, table, found, self.period)
        if isinstance(baseline, BaselineError):
            text = f"{baseline.found}: recorded by `python -m validation baseline record`"
            reading += Reading((Coverage("baseline", Reach.NOT_RECORDED, text),))
        return reading

    def find_baseline(self) -> Baseline | BaselineError | None:
        """Returns the newest baseline of the application's database, None where the configuration has no place."""
        place = self.settings.validation.baseline
        if place is None:
            return None
        try:
            s3 = self.aws.open_client("s3") if place.startswith(S3) else None
            return latest.find_latest(latest.open_baselines(place, s3), self.database, self.period.until)
        except BaselineError as error:
            return error

    @cached_property
    def database(self) -> str:
        """The application's database: as configured, otherwise as its URL says."""
        if self.settings.login.database:
            return self.settings.login.database
        secret = Namespace(self.api, self.settings.namespace).read_connection_secret(self.settings.secret)
        url = secret.url if secret else None
        try:
            return (urls.read_parameters(url).get("dbname") if url else "") or POSTGRES
        except urls.UrlError:
            return POSTGRES

    @contextmanager
    def connect(self) -> Generator[Connection]:
        """Connects to the source as the operator, reading only. Raises PermanentError, TemporaryError."""
        source = self.find_source()
        if source.endpoint is None:
            fix = "python -m restore status"
            raise PermanentError.of(
                Problem(f"instance {source.identifier}", f"it is {source.status}", "an endpoint to connect to", fix)
            )
        settings = self.settings
        credential = Secrets(self.aws).read_login(settings.login, source.endpoint)
        with connect(
            source.endpoint, credential, settings.tls, self.database, statement_seconds=STATEMENT_SECONDS
        ) as connection:
            yield connection


def _format_name(table: Table | None) -> str:
    return f"{table.schema}.{table.name}" if table else ""
