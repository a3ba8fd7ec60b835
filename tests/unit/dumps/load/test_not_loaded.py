"""What a load had to leave out can be made good by its script, and is then seen to be there."""

from __future__ import annotations

import psycopg
import pytest

from restore.dumps.connections import NotGrantedError
from restore.dumps.load.not_loaded import NotLoadedList
from restore.dumps.load.post_data_tasks import Planner
from restore.dumps.load.presence import COLUMN, OWNED_FUNCTION, OWNED_RELATION, build_question
from restore.dumps.model import NotLoaded, OnError
from restore.dumps.sql.allow_list import ClassifiedStatement, classify
from restore.dumps.sql.splitter import Statement

GONE = 'relation "public.t" does not exist (SQLSTATE 42P01)'


def classified(sql: str, number: int, line: int) -> ClassifiedStatement:
    return classify(Statement(sql.encode(), number, 0, line))


def test_the_script_makes_a_table_before_its_index_though_the_index_was_tried_without_its_line() -> None:
    """A load without a plan counts no lines while it looks ahead for indexes."""
    lost = NotLoadedList(OnError.CONTINUE)
    index = classified("CREATE INDEX t_a ON public.t USING btree (a)", 7, 0)
    (task,) = Planner(lambda _: 0, set()).plan_heavies([index])
    lost.add_task(task, psycopg.errors.UndefinedTable("no"))
    lost.add_statement(
        classified("CREATE TABLE public.t (\n    a text COLLATE public.gone\n)", 5, 90), psycopg.Error("no")
    )
    assert [item.subject for item in lost.list_all()] == ["tables:public.t", "indexes:t_a on public.t"]


def test_a_right_that_the_server_only_warns_about_is_named_and_stops_nobody() -> None:
    lost = NotLoadedList(OnError.CONTINUE)
    grant = classified("GRANT SELECT ON TABLE public.pg_stat_statements TO app_reader", 3, 8)
    lost.add_statement(grant, NotGrantedError('no privileges were granted for "pg_stat_statements"'))
    (item,) = lost.list_all()
    assert item.subject == "system_grants:TABLE public.pg_stat_statements"
    assert "no privileges were granted" in item.reason
    assert not item.matters
    assert not NotLoadedList(OnError.STOP).takes(NotGrantedError("no"))


@pytest.mark.parametrize(
    ("item", "query", "parameters"),
    [
        (
            NotLoaded("owners", "TABLE public.t", GONE, 9, 'ALTER TABLE public.t OWNER TO "app ""x"""'),
            OWNED_RELATION,
            {"name": "public.t", "owner": 'app "x"'},
        ),
        (
            NotLoaded("owners", "FUNCTION public.f(text)", "denied (SQLSTATE 42501)", 9, "ALTER ... OWNER TO app;\n"),
            OWNED_FUNCTION,
            {"name": "public.f(text)", "owner": "app"},
        ),
        (
            NotLoaded("grants", "MATERIALIZED VIEW public.t", GONE, 9),
            OWNED_RELATION,
            {"name": "public.t", "owner": None},
        ),
        (NotLoaded("defaults", "public.t.a", GONE, 9), COLUMN, {"name": "a", "table": "public.t"}),
        (NotLoaded("sequences", "of public.t.a", GONE, 9), COLUMN, {"name": "a", "table": "public.t"}),
    ],
)
def test_what_the_script_has_made_of_rights_and_columns_is_asked_for(
    item: NotLoaded, query: str, parameters: dict[str, str | None]
) -> None:
    assert build_question(item) == (query, parameters)


@pytest.mark.parametrize(
    "item",
    [
        NotLoaded("grants", "TABLE public.t", "permission denied (SQLSTATE 42501)", 9),
        NotLoaded("grants", "default privileges FOR ROLE app", GONE, 9),
        NotLoaded("owners", "STATISTICS public.s", GONE, 9, "ALTER STATISTICS public.s OWNER TO app"),
        NotLoaded("large_objects", "7", GONE, 9),
    ],
)
def test_what_no_query_can_tell_stays_named(item: NotLoaded) -> None:
    assert build_question(item) is None
