"""What is left out takes along all that presumes it, and nothing else."""

from __future__ import annotations

import pytest

from restore.dumps.sql.allow_list import classify
from restore.dumps.sql.skips import Skips
from restore.dumps.sql.splitter import CopyBegin, Statement
from restore.model.dump_kinds import ALLOWABLE, SKIPPABLE, find_allow_fault, find_skip_fault

TABLE = "CREATE FOREIGN TABLE public.far (\n    id integer\n)\nSERVER s"
GOES_WITH = {
    "a server": (
        "foreign:s",
        "CREATE SERVER s FOREIGN DATA WRAPPER w",
        ["ALTER SERVER s OWNER TO app", "COMMENT ON SERVER s IS 'x'", "CREATE USER MAPPING FOR a SERVER s", TABLE],
        ["CREATE SERVER st FOREIGN DATA WRAPPER w", "CREATE TABLE public.s (\n    a integer\n)"],
    ),
    "a foreign table": (
        "foreign:public.far",
        TABLE,
        [
            "ALTER FOREIGN TABLE public.far OWNER TO app",
            "CREATE VIEW public.v AS\n SELECT id FROM public.far",
            "GRANT SELECT ON TABLE public.far TO app",
        ],
        [
            "CREATE VIEW public.v AS\n SELECT id FROM public.far_away",
            "CREATE FUNCTION public.f() RETURNS integer\n    LANGUAGE sql\n    AS $$ TABLE public.far $$",
            "COMMENT ON TABLE public.t IS 'not public.far'",
        ],
    ),
    "a publication": (
        "publication:p",
        "CREATE PUBLICATION p FOR ALL TABLES",
        ["ALTER PUBLICATION p OWNER TO app", "ALTER PUBLICATION p ADD TABLE ONLY public.t"],
        ["CREATE PUBLICATION p2 FOR ALL TABLES", "ALTER PUBLICATION p2 OWNER TO app"],
    ),
    "a function in C": (
        "untrusted_language:f",
        "CREATE FUNCTION public.f() RETURNS trigger\n    LANGUAGE c\n    AS '$libdir/x', 'f'",
        [
            "ALTER FUNCTION public.f() OWNER TO app",
            "CREATE TRIGGER g BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.f()",
        ],
        ["ALTER FUNCTION public.ff() OWNER TO app"],
    ),
    "an extension": (
        "extension:postgis",
        "CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public",
        ["COMMENT ON EXTENSION postgis IS 'x'"],
        ["CREATE EXTENSION IF NOT EXISTS postgis_raster WITH SCHEMA public"],
    ),
    "a trigger": (
        "trigger:g",
        "CREATE TRIGGER g BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.f()",
        ["ALTER TABLE public.t DISABLE TRIGGER g", "COMMENT ON TRIGGER g ON public.t IS 'x'"],
        ["ALTER TABLE public.t DISABLE TRIGGER gg"],
    ),
    "a materialized view": (
        "matview",
        "CREATE MATERIALIZED VIEW public.m AS\n SELECT 1 AS a\n  WITH NO DATA",
        ["REFRESH MATERIALIZED VIEW public.m", "CREATE INDEX i ON public.m USING btree (a)"],
        ["CREATE INDEX j ON public.t USING btree (a)"],
    ),
}


def takes(skips: Skips, sql: str, entry: int = 0, depends: tuple[int, ...] = ()) -> bool:
    return skips.takes(classify(Statement(sql.encode(), 1, 0, 1, entry=entry, depends=depends)))


@pytest.mark.parametrize("name", GOES_WITH)
def test_a_statement_goes_with_what_it_names_and_stays_with_what_is_only_called_alike(name: str) -> None:
    choice, first, along, others = GOES_WITH[name]
    for sql in along:
        skips = Skips(frozenset({choice}))
        assert takes(skips, first)
        assert takes(skips, sql), sql
        assert skips.list_unused() == []
    for sql in others:
        skips = Skips(frozenset({choice}))
        assert takes(skips, first)
        assert not takes(skips, sql), sql


def test_a_chain_of_views_goes_as_a_whole_and_each_is_told_with_its_root() -> None:
    skips = Skips(frozenset({"foreign"}))
    assert takes(skips, TABLE)
    assert takes(skips, "CREATE VIEW public.a AS\n SELECT id FROM public.far")
    assert takes(skips, "CREATE VIEW public.b AS\n SELECT id FROM public.a")
    assert takes(skips, "GRANT SELECT ON TABLE public.b TO app")
    assert [text.endswith("(goes with foreign)") for text in skips.left_out] == [False, True, True, True]


def test_an_archive_says_itself_what_depends_on_an_extension() -> None:
    skips = Skips(frozenset({"extension:citext"}))
    assert takes(skips, "CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public", entry=2)
    assert takes(skips, "CREATE TABLE public.t (\n    name public.citext\n)", entry=5, depends=(2,))
    assert takes(skips, "ALTER TABLE public.t OWNER TO app", entry=5, depends=(2,))
    assert takes(skips, "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT k UNIQUE (name)", entry=9, depends=(5,))
    assert not takes(skips, "SET default_tablespace = ''", entry=5, depends=(2,))
    assert not takes(skips, "CREATE TABLE public.u (\n    id integer\n)", entry=6)
    assert skips.takes_rows(CopyBegin(b"", b"public.t", 1, 0, 1))
    assert not skips.takes_rows(CopyBegin(b"", b"public.u", 1, 0, 1))


def test_a_column_setting_that_is_left_out_leaves_its_table_and_all_that_hangs_on_it() -> None:
    skips = Skips(frozenset({"statistics"}))
    assert not takes(skips, "CREATE TABLE public.t (\n    a integer\n)", entry=5)
    assert takes(skips, "ALTER TABLE ONLY public.t ALTER COLUMN a SET STATISTICS 100", entry=5)
    assert not takes(skips, "CREATE INDEX i ON public.t USING btree (a)", entry=6, depends=(5,))


def test_no_password_is_told() -> None:
    skips = Skips(frozenset({"foreign"}))
    assert takes(skips, "CREATE USER MAPPING FOR a SERVER s OPTIONS (\n    password 'never-shown'\n)")
    assert "never-shown" not in str(skips.left_out)


def test_an_object_that_the_dump_lacks_is_told() -> None:
    skips = Skips(frozenset({"extension:postgs", "subscription"}))
    assert skips.list_unused() == ["extension:postgs"]


@pytest.mark.parametrize("text", [*SKIPPABLE, "extension:postgis", 'publication:"Odd one"'])
def test_what_can_be_left_out_is_taken(text: str) -> None:
    assert find_skip_fault(text) is None


@pytest.mark.parametrize("text", ["extensions", "extension:", "", "table", ":x", "publication s"])
def test_a_misspelt_skip_is_refused(text: str) -> None:
    assert find_skip_fault(text)


def test_what_is_run_on_request_is_one_list() -> None:
    assert not any(map(find_allow_fault, ALLOWABLE))
    assert find_allow_fault("extension")
