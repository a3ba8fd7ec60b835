"""The roles that a dump gives its objects to: made, joined and judged before anything is loaded.

Whoever owns an object lends its rights to the functions that hang on it: autovacuum, CREATE INDEX and REFRESH run them
as the owner, and so does everybody who calls a SECURITY DEFINER function. So an owner may have no rights beyond the
database that is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import psycopg
from psycopg import errors, sql

from restore.dumps.connections import LoadSession
from restore.dumps.load.temporary_role import PREFIXES, compose_grant
from restore.dumps.model import Options
from restore.errors import Problem
from restore.model.dump_kinds import PRIVILEGED_OWNER

DANGEROUS = ("pg_execute_server_program", "pg_read_server_files", "pg_write_server_files")
"""Whoever is a member reaches the server's files and programs, and so would a check constraint's function."""
RIGHTS = """
with this as (
  select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()
), ours as (
  select r.oid, r.rolname, m.oid as group_oid, m.rolname::text as group_name,
         array_remove(array[
           case when m.rolsuper then 'SUPERUSER' end, case when m.rolcreaterole then 'CREATEROLE' end,
           case when m.rolcreatedb then 'CREATEDB' end, case when m.rolreplication then 'REPLICATION' end,
           case when m.rolbypassrls then 'BYPASSRLS' end,
           case when m.rolname ~ '^(pg|rds)_' and r.oid <> m.oid then 'member of ' || m.rolname
                when m.rolname ~ '^(pg|rds)_' then 'a role of the server''s own' end
         ], null) || array(
           select distinct case
             when d.classid = 'pg_catalog.pg_database'::regclass then 'owns or may use database ' || b.datname
             when d.dbid <> 0 then 'has objects or grants in database ' || o.datname
             else 'has tablespaces or parameters' end
           from pg_catalog.pg_shdepend d
           left join pg_catalog.pg_database b on d.classid = 'pg_catalog.pg_database'::regclass and b.oid = d.objid
           left join pg_catalog.pg_database o on o.oid = d.dbid, this
           where d.refclassid = 'pg_catalog.pg_authid'::regclass and d.refobjid = m.oid
             and d.classid <> 'pg_catalog.pg_auth_members'::regclass
             and case when d.dbid <> 0 then d.dbid <> this.oid
                      else d.classid <> 'pg_catalog.pg_database'::regclass or d.objid <> this.oid end
         ) as rights
  from pg_catalog.pg_roles r join pg_catalog.pg_roles m on pg_catalog.pg_has_role(r.oid, m.oid, 'MEMBER')
  where r.rolname = any (%s) and m.rolname not in ('pg_database_owner', 'rds_iam')
)
select rolname::text,
       coalesce(bool_or('SUPERUSER' = any (rights) or group_name = any (%s)), false),
       string_agg(distinct case when group_oid = oid or "right" like 'member of %%' then "right"
                                else "right" || ', by ' || group_name end, ', ')
from ours left join lateral pg_catalog.unnest(rights) as one ("right") on true
group by rolname having count("right") > 0
"""
"""rds_iam lets its members log in by IAM, nothing more (RDS User Guide, "IAM database authentication")."""
NOT_ADMIN = """
select r.rolname::text from pg_catalog.pg_roles r
where r.rolname = any (%s) and not pg_catalog.pg_has_role(current_user, r.oid, 'MEMBER WITH ADMIN OPTION') order by 1
"""


def read_rights(session: LoadSession, owners: Iterable[str]) -> Mapping[str, tuple[bool, str]]:
    """Returns the owners with rights beyond this database: whether they reach the server itself, and which rights."""
    rows = session.query(RIGHTS, (sorted(owners), list(DANGEROUS)))
    return {str(name): (bool(dangerous), str(held)) for name, dangerous, held in rows}


def list_refusals(owners: Mapping[str, tuple[bool, str]], options: Options) -> list[Problem]:
    """Returns the problems of owners that a load must not give anything. Pure."""
    if options.superuser:
        return []
    refused = {name: rights for name, (dangerous, rights) in owners.items() if dangerous}
    if PRIVILEGED_OWNER not in options.allow:
        refused |= {name: rights for name, (_, rights) in owners.items()}
    return [_build_privileged(name, rights, owners[name][0]) for name, rights in sorted(refused.items())]


def _build_privileged(name: str, held: str, dangerous: bool) -> Problem:
    trust = "--superuser" if dangerous else f"--allow {PRIVILEGED_OWNER}"
    fix = f"give it to another role (--map {name}=<role>), or for a dump you trust: {trust}"
    needed = "an owner without rights beyond this database: the dump's functions run with its rights"
    return Problem(f"role {name}", f"owns something in the dump, and: {held}", needed, fix)


def list_reserved(names: Iterable[str]) -> list[Problem]:
    """Returns the problems of names that the loader takes for itself. Pure."""
    fix = 'docs/dumps.md, "A dump by hand": rename it on the source, or --map it'
    needed = f"no role whose name begins with {' or '.join(PREFIXES)}"
    return [
        Problem(f"role {name}", "named by the dump", needed, fix) for name in sorted(names) if name.startswith(PREFIXES)
    ]


def build_lacking(names: Sequence[str]) -> Problem:
    """Returns the problem of roles that the server doesn't have. Pure."""
    fix = 'docs/dumps.md, "A dump by hand": --roles create (without login), --map old=new, or --roles skip'
    return Problem("roles", f"the server lacks {', '.join(names)}", "the roles that the dump names", fix)


def create(session: LoadSession, names: Sequence[str], problems: list[Problem]) -> tuple[str, ...]:
    """Makes the roles without login and returns those that weren't there; what is not allowed is added to
    `problems`."""
    created: list[str] = []
    for name in names:
        try:
            session.connection.execute(sql.SQL("create role {} nologin").format(sql.Identifier(name)))
        except errors.DuplicateObject:
            continue
        except errors.InsufficientPrivilege as error:
            user = session.target.user
            fix = f'ALTER ROLE "{user}" CREATEROLE; or as another role: CREATE ROLE "{name}" NOLOGIN'
            problems.append(Problem(f"role {name}", describe_error(error), f"the right of {user} to create it", fix))
            continue
        created.append(name)
    return tuple(created)


def join(session: LoadSession, names: Iterable[str], version: int, problems: list[Problem]) -> None:
    """Makes the operator a member of the roles: who compares and validates the database later reads it with that. What
    the server refuses is added to `problems`."""
    for name in names:
        try:
            session.connection.execute(compose_grant(sql.Identifier(name), sql.SQL("current_user"), version))
        except (errors.InsufficientPrivilege, errors.InvalidGrantOperation) as error:
            problems.append(_build_not_joined(session, name, describe_error(error)))


def list_admin_problems(session: LoadSession, names: Iterable[str], version: int) -> list[Problem]:
    """Returns the problems of owners whose membership the operator can't hand on to the load's own role; `version` is
    the server_version_num."""
    if version < 160000:
        return []  # CREATEROLE is enough there
    rows = session.query(NOT_ADMIN, (sorted(names),))
    return [
        _build_not_joined(session, str(name), f"{session.target.user} has no ADMIN OPTION on it") for (name,) in rows
    ]


def _build_not_joined(session: LoadSession, name: str, found: str) -> Problem:
    user = session.target.user
    fix = f'as who made it: GRANT "{name}" TO "{user}" WITH ADMIN OPTION'
    return Problem(f"role {name}", found, f"the right of {user} to make the load's role its member", fix)


def describe_error(error: psycopg.Error) -> str:
    """Returns the server's message on one line."""
    return " ".join(str(error).split())
