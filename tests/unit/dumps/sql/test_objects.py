"""What a statement is about is told by the name that a waiver takes, whatever kind of statement it is."""

from __future__ import annotations

import pytest

from restore.dumps.model import MINOR
from restore.dumps.sql.encodings import UTF8
from restore.dumps.sql.objects import FORMS, name_object, show_sql

NAMED = {
    "COMMENT ON TABLE public.t IS 'x'": "comments:TABLE public.t",
    "CREATE PUBLICATION p FOR ALL TABLES": "publications:p",
    "ALTER PUBLICATION p OWNER TO app": "publications:p",
    "CREATE STATISTICS public.s ON a, b FROM public.t": "statistics:public.s",
    "ALTER TABLE ONLY public.t ALTER COLUMN a SET STATISTICS 100": "statistics:public.t",
    "GRANT ALL ON FUNCTION pg_catalog.pg_ls_dir(text) TO app": "system_grants:FUNCTION pg_catalog.pg_ls_dir(text)",
    "REVOKE ALL ON LANGUAGE plpgsql FROM PUBLIC": "system_grants:LANGUAGE plpgsql",
    "GRANT SELECT ON TABLE public.t TO app": "grants:TABLE public.t",
    "GRANT SELECT(a),UPDATE(a) ON TABLE public.t TO app": "grants:TABLE public.t",
    "ALTER DEFAULT PRIVILEGES FOR ROLE a IN SCHEMA s GRANT SELECT ON TABLES TO b": (
        "grants:default privileges FOR ROLE a IN SCHEMA s"
    ),
    "ALTER TABLE public.t OWNER TO app": "owners:TABLE public.t",
    "ALTER FUNCTION public.f(a integer) OWNER TO app": "owners:FUNCTION public.f(a integer)",
    "CREATE POLICY p ON public.t TO app USING (true)": "policies:p on public.t",
    "ALTER TABLE public.t ENABLE ROW LEVEL SECURITY": "policies:public.t",
    "CREATE TRIGGER g BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.f()": "triggers:g on public.t",
    "ALTER TABLE public.t DISABLE TRIGGER g": "triggers:g on public.t",
    "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION public.f()": "triggers:e",
    "CREATE RULE r AS\n    ON UPDATE TO public.t DO INSTEAD NOTHING": "rules:r on public.t",
    "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (id)": "keys:t_pkey on public.t",
    "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES public.u(id)": "keys:k on public.t",
    "ALTER TABLE public.t\n    ADD CONSTRAINT c CHECK ((a > 0)) NOT VALID": "constraints:c on public.t",
    'ALTER TABLE ONLY public.t VALIDATE CONSTRAINT "C c"': "constraints:C c on public.t",
    "CREATE UNIQUE INDEX i ON public.t USING btree (a)": "indexes:i on public.t",
    "ALTER TABLE public.t CLUSTER ON i": "storage:public.t",
    "ALTER TABLE ONLY public.t ALTER COLUMN a SET STORAGE EXTERNAL": "storage:public.t",
    "ALTER TABLE ONLY public.t ALTER COLUMN a SET DEFAULT nextval('public.s'::regclass)": "defaults:public.t.a",
    "ALTER TABLE public.t ALTER COLUMN a ADD GENERATED ALWAYS AS IDENTITY (\n SEQUENCE NAME public.s\n)": (
        "sequences:of public.t.a"
    ),
    "CREATE SEQUENCE public.s\n    START WITH 1": "sequences:public.s",
    "SELECT pg_catalog.setval('public.s', 7, true)": "sequences:public.s",
    "CREATE TABLE public.t (\n    a integer\n)": "tables:public.t",
    "ALTER TABLE ONLY public.p ATTACH PARTITION public.t FOR VALUES IN (1)": "tables:public.p",
    "CREATE VIEW public.v AS\n SELECT 1 AS a": "views:public.v",
    "REFRESH MATERIALIZED VIEW public.m": "views:public.m",
    "CREATE FUNCTION public.f() RETURNS integer\n    LANGUAGE sql\n    AS $$ SELECT 1 $$": "functions:public.f",
    "CREATE TYPE public.e AS ENUM (\n    'a'\n)": "types:public.e",
    "CREATE COLLATION public.c (provider = icu, locale = 'und')": "types:public.c",
    "CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public": "extensions:hstore",
    "CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (\n    host 'h'\n)": "foreign:SERVER s",
    "CREATE USER MAPPING FOR a SERVER s OPTIONS (\n    password 'p'\n)": "foreign:USER MAPPING FOR a SERVER s",
    "SET default_table_access_method = columnar": "settings:default_table_access_method",
    "CREATE CAST (public.a AS public.b) WITH FUNCTION public.f(public.a)": (
        "objects:CAST (public.a AS public.b) WITH FUNCTION public.f(public.a)"
    ),
    "CREATE OR REPLACE PROCEDURAL LANGUAGE plevil HANDLER public.h": "languages:plevil",
    "CREATE TRANSFORM FOR public.t LANGUAGE sql (FROM SQL WITH FUNCTION public.f(internal))": (
        "objects:TRANSFORM FOR public.t LANGUAGE sql (FROM SQL WITH FUNCTION public.f(internal))"
    ),
}


@pytest.mark.parametrize("sql", NAMED)
def test_a_statement_is_named_by_its_object(sql: str) -> None:
    about = name_object(sql.encode(), UTF8)
    assert f"{about.kind}:{about.name}" == NAMED[sql]


def test_what_only_warns_is_a_kind_that_there_is() -> None:
    assert {kind for kind, _, _ in FORMS} > MINOR


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE USER MAPPING FOR a SERVER s OPTIONS (password 'p')",
        "ALTER SERVER s OPTIONS (password 'p')",
        "CREATE SUBSCRIPTION s CONNECTION 'host=h password=p' PUBLICATION q",
    ],
)
def test_a_password_in_an_option_is_in_no_script(sql: str) -> None:
    assert show_sql(sql.encode(), UTF8) == ""
