"""Dumps that would do harm: each is a good small dump with one statement or line more.

`{marker}` is a file that must never come to be.
"""

from __future__ import annotations

from dataclasses import dataclass

BEFORE = b"CREATE TABLE public.posts ("
BETWEEN = b"COPY public.users (id, name, age) FROM stdin;"
SEQUENCE = b"CREATE SEQUENCE"
AFTER = b"CREATE INDEX posts_user"


@dataclass(frozen=True)
class Hostile:
    """What is put before a line of the dump."""

    text: str
    at: bytes = BEFORE
    says: str = ""
    """A regular expression that the error must match; without one it must name the line."""

    def make(self, plain: bytes, marker: str) -> bytes:
        added = self.text.replace("{marker}", marker).encode("latin-1")
        if self.at not in plain:
            raise ValueError(f"the dump has no {self.at!r}")
        return plain.replace(self.at, added + b"\n" + self.at, 1)

    def lines(self, plain: bytes) -> range:
        """The lines of the dump that it has come to be."""
        first = plain[: plain.index(self.at)].count(b"\n") + 1
        return range(first, first + self.text.count("\n") + 1)


PSQL = {
    "shell": Hostile(r"\! touch {marker}"),
    "shell_between_tables": Hostile(r"\! touch {marker}", BETWEEN),
    "shell_after_the_data": Hostile(r"\! touch {marker}", AFTER),
    "shell_behind_a_statement": Hostile(r"SELECT 1 \! touch {marker}"),
    "file_included": Hostile(r"\i /etc/passwd"),
    "file_included_relative": Hostile(r"\ir ../../etc/passwd"),
    "other_database": Hostile(r"\connect postgres"),
    "other_server": Hostile(r"\c 'host=127.0.0.1 dbname=postgres'"),
    "copy_by_the_client": Hostile(r"\copy public.users to program 'touch {marker}'"),
    "output_to_a_program": Hostile(r"\o |touch {marker}"),
    "query_to_a_program": Hostile("SELECT 1 \\g |touch {marker}\n;"),
    "result_run_as_statements": Hostile("SELECT 'drop table public.posts' \\gexec\n;"),
    "backquotes": Hostile(r"\set x `touch {marker}`"),
    "environment": Hostile(r"\setenv PGHOST evil.example"),
    "key_forged": Hostile("\\unrestrict abc\n\\! touch {marker}"),
    "key_forged_and_restricted_again": Hostile("\\unrestrict abc\n\\restrict abc"),
    # CVE-2025-8714 and CVE-2025-8715: a name with a line break leaves its comment
    "line_break_in_a_name": Hostile("-- Name: x\n\\! touch {marker}\n; Type: TABLE"),
    "line_break_in_a_name_with_a_statement": Hostile("-- Name: x\nALTER SYSTEM SET fsync = off;\n-- Type: TABLE"),
    "carriage_return_in_a_comment": Hostile("-- Name: x\rALTER SYSTEM SET fsync = off;"),
}

FILES = {
    "copy_from_a_program": Hostile("COPY public.users FROM PROGRAM 'touch {marker}';", AFTER),
    "copy_from_a_file": Hostile("COPY public.users FROM '/etc/passwd';", AFTER),
    "copy_to_a_file": Hostile("COPY public.users TO '{marker}';", AFTER),
    "copy_to_a_program": Hostile("COPY (SELECT 1) TO PROGRAM 'touch {marker}';", AFTER),
    "copy_with_options": Hostile("COPY public.users FROM stdin WITH (FORMAT binary);\n\\.\n", AFTER),
    "server_file_read": Hostile("SELECT pg_read_file('/etc/passwd');"),
    "server_file_read_qualified": Hostile("SELECT pg_catalog.pg_read_file('/etc/passwd');"),
    "large_object_from_a_file": Hostile("SELECT lo_import('/etc/passwd');"),
    "large_object_to_a_file": Hostile("SELECT lo_export(1, '{marker}');"),
    "library": Hostile("LOAD '/tmp/evil.so';"),
    "function_in_c": Hostile("CREATE FUNCTION public.f() RETURNS int LANGUAGE c AS '/tmp/evil.so', 'f';"),
    "function_in_an_untrusted_language": Hostile(
        "CREATE FUNCTION public.f() RETURNS int LANGUAGE plpython3u AS $$ import os; os.system('touch {marker}') $$;"
    ),
}

CLUSTER = {
    "system_setting": Hostile("ALTER SYSTEM SET fsync = off;"),
    "role_made": Hostile("CREATE ROLE intruder LOGIN PASSWORD 'x';"),
    "role_raised": Hostile("ALTER ROLE master SUPERUSER;"),
    "role_dropped": Hostile("DROP ROLE app_reader;"),
    # The loader joins the roles that own something: it must not come by their rights
    "owner_that_reaches_programs": Hostile(
        "ALTER TABLE public.posts OWNER TO pg_execute_server_program;", SEQUENCE, "role pg_execute_server_program"
    ),
    "membership": Hostile("GRANT rds_superuser TO app_reader;"),
    "membership_of_the_loader": Hostile("GRANT master TO app_reader;"),
    "database_made": Hostile("CREATE DATABASE intruder;"),
    "database_dropped": Hostile("DROP DATABASE rdsadmin;"),
    "database_setting": Hostile("ALTER DATABASE postgres SET search_path = evil;"),
    "tablespace": Hostile("CREATE TABLESPACE t LOCATION '/tmp';"),
    "subscription": Hostile("CREATE SUBSCRIPTION s CONNECTION 'host=evil.example' PUBLICATION p;"),
    "foreign_server": Hostile("CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'evil.example');"),
    "signal_to_others": Hostile("SELECT pg_terminate_backend(1);"),
}

SESSION = {
    "two_statements_in_one_line": Hostile("CREATE SCHEMA a; DROP TABLE IF EXISTS public.users;"),
    "statement_behind_a_sequence": Hostile(
        "SELECT pg_catalog.setval('public.posts_id_seq', 1, true), pg_sleep(0);", AFTER
    ),
    "block": Hostile("DO $$ BEGIN EXECUTE 'copy (select 1) to program ''touch {marker}'''; END $$;"),
    "call": Hostile("CALL public.something();"),
    "commit": Hostile("COMMIT;"),
    "rollback": Hostile("ROLLBACK;", BETWEEN),
    "prepared_transaction": Hostile("PREPARE TRANSACTION 'x';"),
    "prepared_statement": Hostile("PREPARE p AS SELECT 1;"),
    "other_role": Hostile("SET ROLE app_owner;"),
    "other_session_user": Hostile("SET SESSION AUTHORIZATION rdsadmin;", says="role rdsadmin"),
    "search_path": Hostile("SELECT pg_catalog.set_config('search_path', 'evil', false);"),
    "other_setting_by_function": Hostile("SELECT pg_catalog.set_config('role', 'app_owner', false);"),
    "triggers_off": Hostile("SET session_replication_role = 'replica';"),
    "quoting_changed": Hostile("SET standard_conforming_strings = off;"),
    "quoting_changed_to_hide_a_statement": Hostile(
        "SET standard_conforming_strings = off;\nCOMMENT ON SCHEMA public IS '\\'; DROP TABLE public.users; --';"
    ),
    # In Shift-JIS the second byte of a letter can be a backslash: read as bytes, it hides the quote behind it
    "encoding_that_hides_a_quote": Hostile(
        "SET client_encoding = 'SJIS';\nCOMMENT ON SCHEMA public IS E'\x83\\'; DROP TABLE public.users; --';"
    ),
    # PostgreSQL knows encodings by other names too, and reads only the letters and digits of a name
    "encoding_that_hides_a_quote_by_its_other_name": Hostile(
        "SET client_encoding = 'WIN932';\nCOMMENT ON SCHEMA public IS E'\x83\\'; DROP TABLE public.users; --';"
    ),
    "encoding_that_hides_a_quote_spelled_out": Hostile(
        "SET client_encoding = 'S-J-I-S';\nCOMMENT ON SCHEMA public IS E'\x83\\'; DROP TABLE public.users; --';"
    ),
    # Its script could call what stands in its schema, as the operator
    "extension_behind_a_function": Hostile("CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;", AFTER),
    "grant_with_an_escaped_name": Hostile('GRANT ALL ON SCHEMA U&"\\005frestore" TO app_reader;', AFTER),
    "grant_to_the_loads_own_role": Hostile("GRANT ALL ON SCHEMA public TO restore_load_1;", says="role restore_load_1"),
    "grant_to_the_reading_role": Hostile("GRANT ALL ON SCHEMA public TO restore_read_1;", says="role restore_read_1"),
    "memory": Hostile("SET work_mem = '100GB';"),
    "row_deleted": Hostile("DELETE FROM public.users;", AFTER),
    "row_changed": Hostile("UPDATE public.users SET name = 'x';", AFTER),
    "table_emptied": Hostile("TRUNCATE public.users;", AFTER),
    "table_dropped": Hostile("DROP TABLE public.users;", AFTER),
    "query": Hostile("SELECT count(*) FROM public.users;", AFTER),
    # PostgreSQL ends a comment at a carriage return too
    "query_hidden_by_a_carriage_return": Hostile(
        "CREATE TABLE public.x (y) --\r AS SELECT pg_read_file('/etc/passwd')\n;", AFTER
    ),
    # The second piece of a string that goes on at the next line is read as the first one was
    "query_hidden_in_a_string_that_goes_on": Hostile(
        "CREATE TABLE public.x (y) WITH (fillfactor = E'7'\n'\\' ') AS SELECT (pg_read_file($$/etc/passwd$$) /*'*/ );",
        AFTER,
    ),
    "query_hidden_in_a_nested_comment": Hostile(
        "CREATE TABLE public.x (y) /* /* */ ' */ AS SELECT pg_read_file($$/etc/passwd$$) --'\n;", AFTER
    ),
    "query_behind_a_dollar_in_a_name": Hostile(
        "CREATE TABLE public.x$$ (y) AS SELECT pg_read_file('/etc/passwd') AS z$$;", AFTER
    ),
    "table_of_a_query": Hostile("CREATE TABLE public.x AS SELECT pg_read_file('/etc/passwd') AS y;"),
    "locks_held": Hostile("LOCK TABLE public.users;", AFTER),
    "session_that_listens": Hostile("LISTEN x;"),
    "data_in_a_catalog": Hostile("COPY pg_catalog.pg_authid (rolname) FROM stdin;\nintruder\n\\.\n", BETWEEN),
    "catalog_changed": Hostile("INSERT INTO pg_catalog.pg_authid (rolname) VALUES ('intruder');"),
    "code_run_by_an_insert": Hostile("INSERT INTO public.users SELECT 1, pg_read_file('/etc/passwd'), 1;", AFTER),
}

HOSTILE = PSQL | FILES | CLUSTER | SESSION
