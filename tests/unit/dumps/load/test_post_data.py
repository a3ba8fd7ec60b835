"""An index is not built before the view or the function that it is of, which pg_dump may write behind the data."""

from __future__ import annotations

import pytest

from restore.dumps.sql.allow_list import classify
from restore.dumps.sql.postponed_indexes import divide
from restore.dumps.sql.splitter import Statement

FUNCTION = (
    "CREATE FUNCTION public.f(a integer) RETURNS text\n    LANGUAGE sql IMMUTABLE\n    BEGIN ATOMIC\n SELECT 1;\nEND"
)
VIEW = "CREATE MATERIALIZED VIEW public.mv AS\n SELECT 1 AS x\n  WITH NO DATA"
KEY = "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (id)"


def early(*texts: str) -> list[str]:
    found, rest = divide([classify(Statement(text.encode(), number, 0, 1)) for number, text in enumerate(texts)])
    assert len(found) + len(rest) == len(texts)
    return [item.sql.decode() for item in found]


@pytest.mark.parametrize(
    "later",
    [
        "CREATE UNIQUE INDEX i ON public.mv USING btree (x)",
        "CREATE INDEX i ON public.t USING btree (public.f(x))",
        "ALTER TABLE public.t\n    ADD CONSTRAINT c CHECK ((public.f(x) IS DISTINCT FROM 'x'::text))",
    ],
)
def test_what_presumes_a_postponed_definition_stays_behind_it(later: str) -> None:
    assert early(KEY, FUNCTION, VIEW, later) == [KEY]


@pytest.mark.parametrize(
    "first", ["CREATE INDEX i ON public.mv2 USING btree (x)", "CREATE INDEX i ON public.t USING btree (other.f(x))"]
)
def test_all_else_is_made_before_the_rest(first: str) -> None:
    assert early(VIEW, FUNCTION, first, KEY) == [first, KEY]


def test_foreign_keys_and_comments_are_of_the_rest() -> None:
    foreign_key = "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES public.u(id)"
    assert early(KEY, "COMMENT ON INDEX public.t_pkey IS 'x'", foreign_key) == [KEY]
