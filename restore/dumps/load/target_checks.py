"""Whether a dump can go into a target: all that is missing is said together, before anything is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from restore.dumps.check.needs import Needs, list_undecided
from restore.dumps.connections import LoadSession
from restore.dumps.load import owner_rights
from restore.dumps.load.free_storage import Storage
from restore.dumps.load.load_role import LoadRole
from restore.dumps.load.owner_rights import DANGEROUS
from restore.dumps.model import LoadLogin, Options, Roles
from restore.errors import Problem, Refused
from restore.model.dump_kinds import PRIVILEGED_OWNER
from validation.connect.target import Target

FOUND = """
select r.rolname, pg_catalog.pg_has_role(current_user, r.oid, 'USAGE')
from pg_catalog.pg_roles r where r.rolname = any (%s)
"""


DATABASE_OWNER = """
select pg_catalog.pg_get_userbyid(datdba)::text from pg_catalog.pg_database
where datname = pg_catalog.current_database()
"""


RIGHTS = """
select r.rolsuper,
       array(select d.rolname::text from pg_catalog.pg_roles d
             where d.rolname = any (%s) and pg_catalog.pg_has_role(r.oid, d.oid, 'MEMBER')),
       pg_catalog.pg_has_role(r.oid, b.datdba, 'USAGE'),
       current_setting('server_version_num')::int,
       current_setting('server_version')
from pg_catalog.pg_roles r, pg_catalog.pg_database b
where r.rolname = current_user and b.datname = pg_catalog.current_database()
"""


CONTENT = """
with ours as (
  select n.oid, n.nspname from pg_catalog.pg_namespace n
  where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and n.nspname !~ '^pg_(toast_)?temp_'
), of_extensions as (select classid, objid from pg_catalog.pg_depend where deptype = 'e')
select format('schema %I', nspname) from ours
where nspname <> 'public' and ('pg_catalog.pg_namespace'::regclass, oid) not in (select * from of_extensions)
union all
select format('relation %s', c.oid::regclass) from pg_catalog.pg_class c join ours on ours.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f', 'c')
  and ('pg_catalog.pg_class'::regclass, c.oid) not in (select * from of_extensions)
union all
select format('function %s', p.oid::regprocedure) from pg_catalog.pg_proc p join ours on ours.oid = p.pronamespace
where ('pg_catalog.pg_proc'::regclass, p.oid) not in (select * from of_extensions)
union all
select format('type %s', t.oid::regtype) from pg_catalog.pg_type t join ours on ours.oid = t.typnamespace
where t.typtype in ('d', 'e', 'r') and ('pg_catalog.pg_type'::regclass, t.oid) not in (select * from of_extensions)
union all
select format('large object %s', oid) from pg_catalog.pg_largeobject_metadata
limit 5
"""


SIZE = "select pg_catalog.pg_database_size(pg_catalog.current_database())"


EXTENSIONS = """
select wanted, exists (select from pg_catalog.pg_available_extensions a where a.name = wanted)
from pg_catalog.unnest(%s::text[]) as wanted
"""


@dataclass(frozen=True)
class Prepared:
    """The target as the loader may use it."""

    version: int
    """server_version_num."""
    settings: frozenset[str]
    """Names that the server knows: newer pg_dumps set newer ones."""
    missing: frozenset[str]
    """Roles whose statements are left out."""
    powerful: frozenset[str]
    """Roles that the schema `public` is not given to."""
    created: tuple[str, ...]
    user: str
    """The operator's."""
    target: Target
    """The login that the dump's statements run with."""
    load_role: LoadRole | None
    """It belongs to; None where it is the operator's own."""
    heir: str | None
    """Who comes to own what the dump gives to the operator, or to nobody; None: nobody may."""


@dataclass(frozen=True)
class JudgedRoles:
    """The dump's roles, under the names that they have in the target."""

    version: int
    """server_version_num."""
    user: str
    """The operator's."""
    owning: frozenset[str]
    existing: Mapping[str, bool]
    """Whether the operator can act as it."""
    missing: tuple[str, ...]
    powerful: frozenset[str]
    load_role: LoadRole | None
    heir: str | None


def prepare(
    session: LoadSession, needs: Needs, options: Options, storage: Storage | None = None, *, empty: bool
) -> Prepared:
    """Creates and joins roles as asked. `empty`: nothing may be there yet. Raises Refused with all problems."""
    problems, roles = judge(session, needs, options, storage, empty=empty)
    if problems:
        raise Refused(problems)
    return _make_roles(session, options, roles)


def judge(
    session: LoadSession, needs: Needs, options: Options, storage: Storage | None = None, *, empty: bool
) -> tuple[list[Problem], JudgedRoles]:
    """Returns why the dump can't go into the target, and its roles there. Changes nothing. `empty`: nothing may be
    there yet."""
    superuser, dangerous, owner, version, text = session.query(RIGHTS, (list(DANGEROUS),))[0]
    problems = list_undecided(needs, options)
    if (superuser or dangerous) and not options.superuser:
        problems.append(_build_too_much(session, ["superuser"] if superuser else dangerous))
    if not owner and not superuser:
        problems.append(_build_not_owner(session))
    if empty:
        problems.extend(_check_content(session))
    problems.extend(_check_extensions(session, needs.extensions))
    problems.extend(_check_version(needs.server_version, text))
    problems.extend(_check_storage(session, needs.bytes, storage))
    roles = _judge_roles(session, needs, options, version, problems)
    return problems, roles


def _build_too_much(session: LoadSession, rights: Sequence[str]) -> Problem:
    fix = 'docs/dumps.md, "A dump by hand": log in without these rights, or --superuser for a dump you trust'
    needed = "a role that can't reach the server's files or programs, whatever the dump's own functions do"
    return Problem(f"role {session.target.user}", f"member of {', '.join(rights)}", needed, fix)


def _build_not_owner(session: LoadSession) -> Problem:
    name, user = session.target.dbname, session.target.user
    fix = f'ALTER DATABASE "{name}" OWNER TO "{user}"'
    return Problem(f"role {user}", f"not the owner of database {name}", "its owner, or a member of that role", fix)


def _check_content(session: LoadSession) -> list[Problem]:
    content = [str(row[0]) for row in session.query(CONTENT)]
    if not content:
        return []
    fix = 'docs/dumps.md, "A dump by hand": load into an empty database; a load never mixes with what is there'
    return [Problem(f"target {session.target}", f"not empty: {', '.join(content)}", "an empty database", fix)]


def _check_extensions(session: LoadSession, names: Iterable[str]) -> list[Problem]:
    rows = session.query(EXTENSIONS, (sorted(names),))
    return [
        Problem(f"extension {name}", "the server doesn't have it", "an available extension", _build_skip_fix(str(name)))
        for name, available in rows
        if not available
    ]


def _build_skip_fix(extension: str) -> str:
    return (
        f"--skip extension:{extension} leaves it out with all that depends on it, or choose a version that has it"
        ' (RDS: SHOW rds.extensions; docs/dumps.md, "A dump by hand")'
    )


def _check_version(of_dump: str, of_target: str) -> list[Problem]:
    if not of_dump or _parse_major(of_target) >= _parse_major(of_dump):
        return []
    fix = 'docs/dumps.md, "A dump by hand": load into a server of the same major version or a newer one'
    return [Problem("server version", of_target, f"{of_dump} or newer: the dump is from there", fix)]


def _check_storage(session: LoadSession, needed: int, storage: Storage | None) -> list[Problem]:
    """What an earlier attempt has loaded takes its room already."""
    if not storage or not needed:
        return []
    lack = storage.find_lack(needed - int(session.query(SIZE)[0][0]))
    return [lack] if lack else []


def _parse_major(version: str) -> int:
    digits = re.match(r"\d+", version)
    return int(digits.group()) if digits else 0


def _judge_roles(
    session: LoadSession, needs: Needs, options: Options, version: int, problems: list[Problem]
) -> JudgedRoles:
    """The dump's roles as the target has them; what speaks against them is added to `problems`."""
    user = str(session.query("select current_user::text")[0][0])
    named = {options.role_map.get(name, name) for name in needs.roles if not name.startswith("pg_") and name}
    owning = {options.role_map.get(name, name) for name in needs.owners if name}
    public = {options.role_map.get(name, name) for name in needs.public_owners} - owning
    heir = _choose_heir(session, user, owning, options)
    rights = owner_rights.read_rights(session, owning | public | {heir})
    powerful = frozenset(
        name for name in public & rights.keys() - {user} if owner_rights.list_refusals({name: rights[name]}, options)
    )
    judged = (owning or {heir}) - ({user} if options.login is LoadLogin.OWN else set())
    problems.extend(
        owner_rights.list_refusals({name: rights[name] for name in sorted(judged) if name in rights}, options)
    )
    problems.extend(owner_rights.list_reserved(named | owning))
    owning |= public - powerful
    existing = {str(name): bool(usable) for name, usable in session.query(FOUND, (sorted(named | owning),))}
    missing = sorted((named | owning) - existing.keys())
    if missing and options.roles is Roles.REFUSE:
        problems.append(owner_rights.build_lacking(missing))
    load_role = LoadRole.of(session) if options.login is LoadLogin.SEPARATE else None
    handed_on = owning & existing.keys() - {user}
    if load_role:
        problems.extend(load_role.list_problems() or owner_rights.list_admin_problems(session, handed_on, version))
    inherits = options.superuser or PRIVILEGED_OWNER in options.allow or heir not in rights
    return JudgedRoles(
        version, user, frozenset(owning), existing, tuple(missing), powerful, load_role, heir if inherits else None
    )


def _make_roles(session: LoadSession, options: Options, roles: JudgedRoles) -> Prepared:
    problems: list[Problem] = []
    created = owner_rights.create(session, roles.missing, problems) if options.roles is Roles.CREATE else ()
    usable = {name for name, usable in roles.existing.items() if usable}
    left_out = frozenset(roles.missing) if options.roles is Roles.SKIP else frozenset[str]()
    if not problems:
        owner_rights.join(session, sorted(roles.owning - usable - left_out), roles.version, problems)
    if problems:
        raise Refused(problems)
    settings = frozenset(str(name) for (name,) in session.query("select name from pg_catalog.pg_settings"))
    load_role, groups = roles.load_role, roles.owning - left_out - {roles.user}
    target = load_role.renew(groups, roles.version) if load_role else session.target
    return Prepared(
        roles.version, settings, left_out, roles.powerful, created, roles.user, target, load_role, roles.heir
    )


def _choose_heir(session: LoadSession, user: str, owning: set[str], options: Options) -> str:
    """Who comes to own what the dump gives to the operator, or to nobody."""
    if options.login is LoadLogin.OWN or user in owning or options.superuser or PRIVILEGED_OWNER in options.allow:
        return user
    return str(session.query(DATABASE_OWNER)[0][0])
