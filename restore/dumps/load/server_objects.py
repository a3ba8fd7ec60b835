"""What a server has besides the content of one database: nothing of it may change while a dump is loaded.

Each object is a subject (`role app`, `setting search_path of database shop`) with a hash of what it is: no value
leaves the server. Passwords can't be seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import LiteralString

from restore.dumps.connections import LoadSession

Objects = Mapping[str, str]
"""By subject."""
BEGIN: LiteralString = "select subject, pg_catalog.md5(facts::text) from ("
END: LiteralString = ") as found (subject, facts)"
OBJECTS: LiteralString = """
select 'role ' || r.rolname, pg_catalog.to_jsonb(r) - array['rolpassword', 'rolconfig']
from pg_catalog.pg_roles r where r.rolname <> %(except)s
union all
select format('membership of %%s in %%s, granted by %%s', m.member::regrole, m.roleid::regrole, m.grantor::regrole),
       pg_catalog.to_jsonb(m) - array['oid']
from pg_catalog.pg_auth_members m
union all
select 'database ' || d.datname, pg_catalog.jsonb_build_object(
  'owner', d.datdba, 'acl', d.datacl::text, 'limit', d.datconnlimit, 'connect', d.datallowconn,
  'template', d.datistemplate, 'tablespace', d.dattablespace)
from pg_catalog.pg_database d
union all
select format('setting %%s of %%s', pg_catalog.split_part(one.setting, '=', 1), pg_catalog.concat_ws(' in ',
         'role ' || nullif(s.setrole, 0)::regrole::text, 'database ' || d.datname)),
       pg_catalog.to_jsonb(one.setting)
from pg_catalog.pg_db_role_setting s left join pg_catalog.pg_database d on d.oid = s.setdatabase,
  pg_catalog.unnest(s.setconfig) as one (setting)
union all
select 'tablespace ' || t.spcname, pg_catalog.jsonb_build_array(t.spcowner, t.spcacl::text, t.spcoptions)
from pg_catalog.pg_tablespace t
union all
select 'subscription ' || s.subname, pg_catalog.jsonb_build_array(s.subdbid, s.subowner, s.subenabled)
from pg_catalog.pg_subscription s
union all
select 'event trigger ' || e.evtname, pg_catalog.jsonb_build_array(e.evtowner, e.evtfoid, e.evtenabled)
from pg_catalog.pg_event_trigger e
"""
PARAMETERS: LiteralString = """
union all
select 'grants on parameter ' || p.parname, pg_catalog.to_jsonb(p.paracl::text) from pg_catalog.pg_parameter_acl p
"""
SINCE_PARAMETERS = 150000
"""server_version_num of the first with GRANT ... ON PARAMETER."""


def read(session: LoadSession, load_role: str) -> Objects:
    """Returns all objects of the server as they are, but for the load's own role itself. Raises psycopg.Error."""
    query = BEGIN + OBJECTS
    if session.connection.info.server_version >= SINCE_PARAMETERS:
        query += PARAMETERS
    return {str(subject): str(hashed) for subject, hashed in session.query(query + END, {"except": load_role})}


def list_changes(before: Objects, after: Objects) -> tuple[str, ...]:
    """Returns what differs, as `role intruder: new`. Pure."""
    subjects = sorted(before.keys() | after.keys())
    return tuple(
        f"{subject}: {'new' if subject not in before else 'gone' if subject not in after else 'changed'}"
        for subject in subjects
        if before.get(subject) != after.get(subject)
    )


def rebase(stored: Objects, before: Objects, after: Objects) -> Objects:
    """Returns what an earlier attempt found, with what this one has itself changed since then. Pure."""
    own = {subject for subject in before.keys() | after.keys() if before.get(subject) != after.get(subject)}
    kept = {subject: hashed for subject, hashed in stored.items() if subject not in own}
    return {**kept, **{subject: after[subject] for subject in own if subject in after}}
