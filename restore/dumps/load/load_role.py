"""The role that a dump is loaded with: whatever functions the dump brings along run with its rights, and it has few.

It may create in this database and is a member of the dump's owners; temporary_role.py says how it comes and goes.
"""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

from restore.dumps.load.temporary_role import LOAD_PREFIX, TemporaryRole
from restore.errors import PermanentError, Problem
from restore.model.dump_kinds import PRIVILEGED_OWNER

BATCH = 50
"""Tables that change hands in one transaction: each costs locks until its end."""
MAY_CREATE = "select rolcreaterole or rolsuper from pg_catalog.pg_roles where rolname = current_user"
ATTRIBUTES = """
select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls
from pg_catalog.pg_roles where rolname = %s
"""
PUBLIC = """
select pg_catalog.pg_get_userbyid(nspowner)::text, pg_catalog.pg_has_role(current_user, nspowner, 'USAGE')
from pg_catalog.pg_namespace where nspname = 'public'
"""
DATABASE_OWNERS = 140000
"""server_version_num of the first with the role pg_database_owner."""
SCHEMAS = """
select nspname::text from pg_catalog.pg_namespace
where pg_catalog.pg_get_userbyid(nspowner) = %s and nspname <> 'public' order by 1
"""
TABLES = """
select n.nspname::text, c.relname::text
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and pg_catalog.pg_get_userbyid(c.relowner) = %s order by 1
"""
LEFT = """
select pg_catalog.pg_describe_object(s.classid, s.objid, s.objsubid)
from pg_catalog.pg_shdepend s join pg_catalog.pg_database d on d.oid = s.dbid
where d.datname = pg_catalog.current_database() and s.deptype = 'o'
  and s.refclassid = 'pg_catalog.pg_authid'::regclass and pg_catalog.pg_get_userbyid(s.refobjid) = %s
limit 5
"""
ACCESS = """
with arguments as (select %(extension)s::text as extension, %(role)s::text as role), members as (
  select d.classid, d.objid from pg_catalog.pg_depend d
  join pg_catalog.pg_extension e on d.refclassid = 'pg_catalog.pg_extension'::regclass and d.refobjid = e.oid
  where d.deptype = 'e' and e.extname = (select extension from arguments)
)
select format('grant usage on schema %%I to %%I', nspname, role) from pg_catalog.pg_namespace n, arguments
where ('pg_catalog.pg_namespace'::regclass, n.oid) in (select classid, objid from members)
  and pg_catalog.pg_has_role(current_user, nspowner, 'USAGE')
union all
select format('grant usage on foreign data wrapper %%I to %%I', fdwname, role)
from pg_catalog.pg_foreign_data_wrapper w, arguments
where ('pg_catalog.pg_foreign_data_wrapper'::regclass, w.oid) in (select classid, objid from members)
  and pg_catalog.pg_has_role(current_user, fdwowner, 'USAGE') and %(foreign)s
union all
select format('grant select, %%s on %%I.%%I to %%I', case relkind when 'S' then 'update' else 'insert' end,
              nspname, relname, role)
from pg_catalog.pg_extension e, arguments,
  pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where e.extname = extension and c.oid = any (e.extconfig)
  and pg_catalog.has_table_privilege(c.oid, case relkind when 'S' then 'update' else 'insert' end
                                            || ' with grant option')
"""
"""What an extension keeps for its owner and a dump needs: its schemas, and the rows and sequences that are dumped."""


@dataclass(frozen=True)
class LoadRole(TemporaryRole):
    """`session` is the operator's, in the database that is loaded. Methods raise psycopg.Error."""

    prefix = LOAD_PREFIX
    hours = 48
    """A load that goes on begins again."""
    on_database = "connect, create, temporary"

    def list_problems(self) -> list[Problem]:
        """Returns why the role can't be made, or isn't what it must be."""
        user = self.session.target.user
        if not self.session.query(MAY_CREATE)[0][0]:
            found, needed = "it has no CREATEROLE", "the right to make the role that the dump is loaded with"
            fix = (
                f'ALTER ROLE "{user}" CREATEROLE; or, for a dump you trust, --login own '
                f'with all rights of {user} for its functions (docs/dumps.md, "A dump by hand")'
            )
            return [Problem(f"role {user}", found, needed, fix)]
        if any(powerful for (powerful,) in self.session.query(ATTRIBUTES, (self.name,))):
            needed = "a role without rights beyond this database"
            return [Problem(f"role {self.name}", "it has some", needed, f'DROP ROLE "{self.name}"')]
        return []

    def find_public_owner(self) -> str:
        """Returns who owns the schema `public`; "" where there is none."""
        return "".join(str(name) for name, _ in self.session.query(PUBLIC))

    def take_public(self, owner: str) -> None:
        """Takes the schema `public` from that owner, where the operator can give it: the dump has things in it for
        others.

        The database's owner keeps its rights in it. What the dump has given away in an earlier attempt stays so.
        """
        for name, able in self.session.query(PUBLIC):
            if able and name == owner:
                with self.session.transaction():
                    self._do("alter schema public owner to {}", self.identifier)
                    if self._has_database_owner:
                        self._do("grant all on schema public to pg_database_owner")

    def give_public_back(self, owner: str) -> None:
        """Gives the schema `public` to that owner, unless the dump has given it away."""
        if self.find_public_owner() == self.name:
            self._do("alter schema public owner to {}", sql.Identifier(owner))

    @property
    def public_to_itself(self) -> bytes:
        """Takes back from the database's owner what was granted when it lost the schema `public`."""
        return b"REVOKE ALL ON SCHEMA public FROM pg_database_owner" if self._has_database_owner else b""

    @property
    def _has_database_owner(self) -> bool:
        return self.session.connection.info.server_version >= DATABASE_OWNERS

    def admit(self, extension: str, *, foreign: bool) -> None:
        """Grants the role what of an extension belongs to the operator, and its dumped rows need."""
        arguments = {"extension": extension, "role": self.name, "foreign": foreign}
        for (statement,) in self.session.query(ACCESS, arguments):
            self.session.run(str(statement).encode())

    def hand_over(self, heir: str | None) -> None:
        """Hands its schemas and tables over, in small transactions; an earlier attempt may have begun.

        Raises PermanentError where it has something and nobody may come to own it.
        """
        if heir is None:
            self._refuse_what_is_left()
            return
        for (schema,) in self.session.query(SCHEMAS, (self.name,)):
            self._do("alter schema {} owner to {}", sql.Identifier(schema), sql.Identifier(heir))
        tables = self.session.query(TABLES, (self.name,))
        for start in range(0, len(tables), BATCH):
            with self.session.transaction():
                for schema, table in tables[start : start + BATCH]:
                    self._do("alter table {} owner to {}", sql.Identifier(schema, table), sql.Identifier(heir))

    def _refuse_what_is_left(self) -> None:
        left = [str(what) for (what,) in self.session.query(LEFT, (self.name,))]
        if left:
            database, user = self.session.target.dbname, self.session.target.user
            found = f"the dump names no owner of {', '.join(left)}"
            needed = "an owner without rights beyond this database: functions run with its rights"
            fix = (
                f'ALTER DATABASE "{database}" OWNER TO <a role that has none>; pulumi up; or, to give it to {user} '
                f'for a dump you trust, --allow {PRIVILEGED_OWNER} (docs/dumps.md, "A dump by hand")'
            )
            raise PermanentError.of(Problem(f"database {database}", found, needed, fix))

    def bequeath(self, heir: str | None) -> None:
        """Drops the role; whatever else it owns goes to the heir."""
        if heir is not None:
            self._do("reassign owned by {} to {}", self.identifier, sql.Identifier(heir))
        self.drop()
