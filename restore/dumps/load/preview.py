"""What a target will refuse of a dump, asked before anything is loaded. It changes nothing.

What takes no function of the dump's to run is tried in a transaction that is rolled back: the server itself knows best
which locales, versions and rights it has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import LiteralString

import psycopg

from restore.dumps.check.demands import LANGUAGE, LOCALE, SETTING, STATEMENT
from restore.dumps.check.needs import Needs
from restore.dumps.connections import PINNED, LoadSession, build_failure
from restore.dumps.load import ledger
from restore.dumps.load.free_storage import Storage
from restore.dumps.load.not_loaded import build_reason
from restore.dumps.load.target_checks import judge
from restore.dumps.model import Demand, NotLoaded, Options, Scan, TargetPreview
from restore.dumps.sql.allow_list import classify
from restore.dumps.sql.role_names import rename_roles
from restore.dumps.sql.splitter import Statement
from validation.connect.target import Target

COLLATION_NAME = re.compile(r"(CREATE COLLATION )(?:.*?)( \()", re.DOTALL)
LANGUAGES: LiteralString = """
select lanname::text from pg_catalog.pg_language
"""
LOCALES: LiteralString = """
select collname::text from pg_catalog.pg_collation
where collencoding in (-1, pg_catalog.pg_char_to_encoding(pg_catalog.getdatabaseencoding()))
"""
SETTINGS: LiteralString = "select name from pg_catalog.pg_settings"
LARGE_OBJECTS: LiteralString = """
select p.oid::pg_catalog.regprocedure::text from pg_catalog.pg_proc p
where p.oid in ('pg_catalog.lo_create(oid)'::pg_catalog.regprocedure,
                'pg_catalog.lo_open(oid, integer)'::pg_catalog.regprocedure,
                'pg_catalog.lowrite(integer, bytea)'::pg_catalog.regprocedure)
  and not pg_catalog.has_function_privilege('public', p.oid, 'EXECUTE')
order by 1
"""


def preview_target(target: Target, scan: Scan, options: Options, storage: Storage | None = None) -> TargetPreview:
    """Asks the target why it wouldn't take the dump, and what of it. Raises PermanentError, TemporaryError."""
    try:
        with closing(LoadSession(target, {**PINNED, "default_transaction_read_only": "off"})) as session:
            needs = Needs(
                roles=set(scan.roles),
                owners=set(scan.owners),
                extensions=set(scan.extensions),
                server_version=scan.server_version,
                bytes=scan.target_bytes,
            )
            problems, _ = judge(session, needs, options, storage, empty=not ledger.exists(session))
            return TargetPreview(tuple(problems), tuple(_list_refusals(session, scan, options)))
    except psycopg.Error as error:
        raise build_failure(error, f"target {target}") from error


def _list_refusals(session: LoadSession, scan: Scan, options: Options) -> Iterator[NotLoaded]:
    known = {
        LANGUAGE: _names(session, LANGUAGES) | set(scan.extensions),
        LOCALE: _names(session, LOCALES),
        SETTING: _names(session, SETTINGS),
    }
    for demand in scan.demands:
        refusal = _try(session, demand, options.role_map) if demand.kind == STATEMENT else _find_missing(demand, known)
        if refusal is not None:
            yield refusal
    for function in _names(session, LARGE_OBJECTS) if scan.large_objects else ():
        reason = f"PUBLIC may not execute {function}, so the load's own role may not"
        yield NotLoaded("large_objects", "of the dump", reason, 0)


def _names(session: LoadSession, query: LiteralString) -> set[str]:
    return {str(name) for (name,) in session.query(query)}


MISSING: Mapping[str, Callable[[str], tuple[str, str]]] = {
    LANGUAGE: lambda name: ("languages", f"the server has no language {name}: its functions are not loaded"),
    LOCALE: lambda name: ("types", f"the server has no collation {name}: what is sorted by it is not loaded"),
    SETTING: lambda _: ("settings", "this version doesn't know it: left out"),
}


def _find_missing(demand: Demand, known: Mapping[str, set[str]]) -> NotLoaded | None:
    if demand.name in known[demand.kind]:
        return None
    kind, reason = MISSING[demand.kind](demand.name)
    return NotLoaded(kind, demand.name, reason, demand.line)


def _try(session: LoadSession, demand: Demand, role_map: Mapping[str, str]) -> NotLoaded | None:
    """Runs a statement and rolls it back. A role that isn't there yet says nothing: it will be made."""
    sql = rename_roles(classify(Statement(demand.sql.encode(), 0, 0, demand.line)), role_map)
    sql = COLLATION_NAME.sub(r"\1pg_temp.tried\2", sql.decode(), count=1).encode()
    try:
        with session.connection.transaction(force_rollback=True):
            session.run(sql)
    except psycopg.errors.UndefinedObject as error:
        if "role" in (error.diag.message_primary or ""):
            return None
        return _build_refused(demand, error)
    except psycopg.Error as error:
        if session.connection.closed:
            raise
        return _build_refused(demand, error)
    return None


def _build_refused(demand: Demand, error: psycopg.Error) -> NotLoaded:
    kind, _, name = demand.name.partition(" ")
    return NotLoaded(kind, name, build_reason(error), demand.line, demand.sql)
