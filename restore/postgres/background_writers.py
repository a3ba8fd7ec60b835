"""What writes to a server without a client's session: pg_cron's jobs, subscriptions, pg_partman's worker."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from psycopg import sql

from restore.postgres.connection import Connection

SUBSCRIPTIONS = """
select s.subname::text, d.datname::text from pg_subscription s join pg_database d on d.oid = s.subdbid
where s.subenabled order by 1
"""
SETTINGS = """
select coalesce(current_setting('cron.database_name', true), ''),
       case when current_setting('shared_preload_libraries', true) ~ 'pg_partman_bgw'
            then coalesce(current_setting('pg_partman_bgw.dbname', true), '') else '' end
"""
"""Where the extensions work: pg_cron README, "Setting up pg_cron"; pg_partman README, "Background Worker". Without them
the settings aren't there. cron.database_name is shown to members of pg_monitor."""
CRON_TABLE = """
select from pg_class c join pg_namespace n on n.oid = c.relnamespace
join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
join pg_extension e on d.refclassid = 'pg_extension'::regclass and e.oid = d.refobjid and e.extname = 'pg_cron'
where n.nspname = 'cron' and c.relname = 'job' and c.relkind = 'r'
"""
"""The extension's own table: another object of this name could run anything when it is read."""
JOBS = """
select jobid, coalesce(nullif(to_jsonb(job) ->> 'jobname', ''), jobid::text), database
from ONLY cron.job as job where active order by jobid
"""
HIDDEN_JOBS = """
select greatest(0, s.n_live_tup - (select count(*) from ONLY cron.job))
from pg_stat_user_tables s where s.schemaname = 'cron' and s.relname = 'job' and row_security_active('cron.job')
"""
"""Jobs of other users, which the table's row security hides; estimated by the statistics."""
OTHERS = "of other users"


class WriterKind(StrEnum):
    """As the names of problems have it."""

    CRON = "cron"
    SUBSCRIPTION = "subscription"
    PARTMAN = "partman"


@dataclass(frozen=True)
class BackgroundWriter:
    """Something that writes without a session."""

    kind: WriterKind
    name: str
    database: str
    """Where it writes."""
    home: str
    """The database in which `statement` is to be run."""
    statement: str
    """What stops it; empty where no SQL does."""


def list_subscriptions(connection: Connection) -> list[BackgroundWriter]:
    """Reads the enabled subscriptions of all databases of the server."""
    return [
        BackgroundWriter(
            WriterKind.SUBSCRIPTION, str(name), str(database), str(database), build_disable_statement(str(name))
        )
        for name, database in connection.execute(SUBSCRIPTIONS).fetchall()
    ]


def build_disable_statement(subscription: str) -> str:
    """Returns the statement that disables a subscription, to be run in its database."""
    return sql.SQL("ALTER SUBSCRIPTION {} DISABLE").format(sql.Identifier(subscription)).as_string()


def read_settings(connection: Connection) -> tuple[str, list[BackgroundWriter]]:
    """Reads where pg_cron keeps its jobs ("" where it isn't loaded), and the databases of pg_partman's worker."""
    row = connection.execute(SETTINGS).fetchone()
    cron, partman = row if row else ("", "")
    databases = [name.strip() for name in str(partman).split(",") if name.strip()]
    return str(cron), [BackgroundWriter(WriterKind.PARTMAN, name, name, name, "") for name in databases]


def list_cron_jobs(connection: Connection, home: str) -> list[BackgroundWriter]:
    """Reads the active jobs of pg_cron in its own database, which the connection is to; none where it isn't created."""
    if connection.execute(CRON_TABLE).fetchone() is None:
        return []
    jobs = [
        BackgroundWriter(
            WriterKind.CRON, str(name), str(database), home, f"SELECT cron.alter_job({int(job)}, active := false)"
        )
        for job, name, database in connection.execute(JOBS).fetchall()
    ]
    hidden = connection.execute(HIDDEN_JOBS).fetchone()
    if hidden and hidden[0]:
        statement = "SELECT cron.alter_job(jobid, active := false) FROM cron.job WHERE active"
        jobs.append(BackgroundWriter(WriterKind.CRON, OTHERS, home, home, statement))
    return jobs
