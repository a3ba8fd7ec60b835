"""Dumps whose own functions run while they are loaded, each by another kind of object.

`harm` makes a role that can log in, wherever it has the right to, and writes down as whom it ran; `hurt` does it where
no error may be caught, amid the change of an index.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.dumps.hostile import AFTER, BEFORE, BETWEEN

FUNCTIONS = """
CREATE TABLE public.ran (who text, login text);
CREATE FUNCTION public.harm() RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO public.ran VALUES (current_user, session_user);
  BEGIN PERFORM set_config('role', 'none', false); EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN EXECUTE 'CREATE ROLE intruder LOGIN'; EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN EXECUTE 'ALTER DATABASE postgres SET search_path = evil'; EXCEPTION WHEN OTHERS THEN NULL; END;
  RETURN 1;
END $$;
CREATE FUNCTION public.hurt() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO public.ran VALUES (current_user, session_user);
  IF (SELECT rolcreaterole FROM pg_roles WHERE rolname = current_user)
    AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'intruder') THEN
    EXECUTE 'CREATE ROLE intruder LOGIN';
  END IF;
END $$;
CREATE FUNCTION public.quiet(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE
  AS $$ BEGIN PERFORM public.harm(); RETURN $1; END $$;
"""
TABLE = "CREATE TABLE public.x (a integer);"
COPY = "COPY public.x (a) FROM stdin;\n1\n\\.\n"
INSERT = "INSERT INTO public.x VALUES (1);"
RANGES = "".join(f"[{number},{number + number % 90})\n" for number in range(1500))


@dataclass(frozen=True)
class Code:
    """Statements before the tables, among the data, and behind it."""

    before: str
    data: str = COPY
    after: str = ""

    def make(self, plain: bytes) -> bytes:
        parts = {BEFORE: FUNCTIONS + self.before, BETWEEN: self.data, AFTER: self.after}
        for place, text in parts.items():
            plain = plain.replace(place, text.encode() + b"\n" + place, 1)
        return plain


KINDS = {
    "check": Code("CREATE TABLE public.x (a integer CHECK (public.quiet(a) > 0));"),
    "domain": Code(
        "CREATE DOMAIN public.d AS integer CHECK (public.quiet(VALUE) > 0);\nCREATE TABLE public.x (a public.d);"
    ),
    "generated column": Code(
        "CREATE TABLE public.x (a integer, b integer GENERATED ALWAYS AS (public.quiet(a)) STORED);"
    ),
    "default": Code("CREATE TABLE public.x (a integer, b integer DEFAULT public.harm());"),
    "trigger": Code(
        "CREATE FUNCTION public.fired() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN PERFORM public.harm(); RETURN NEW; END $$;\n"
        f"{TABLE}\nCREATE TRIGGER t BEFORE INSERT ON public.x FOR EACH ROW EXECUTE FUNCTION public.fired();"
    ),
    "rule": Code(f"{TABLE}\nCREATE RULE r AS ON INSERT TO public.x DO ALSO SELECT public.harm();", INSERT),
    "policy": Code(
        f"{TABLE}\nALTER TABLE public.x ENABLE ROW LEVEL SECURITY;\n"
        "ALTER TABLE ONLY public.x FORCE ROW LEVEL SECURITY;\n"
        "CREATE POLICY p ON public.x WITH CHECK ((public.harm() > 0));\nSET row_security = on;",
        INSERT,
    ),
    "index": Code(TABLE, after="CREATE INDEX x_a ON public.x USING btree (((public.quiet(7) + a)));"),
    "statistics": Code(TABLE, after="CREATE STATISTICS public.s ON ((public.quiet(7) + a)), a FROM public.x;"),
    "partition bound": Code(
        "CREATE TABLE public.x (a integer) PARTITION BY RANGE (a);\nCREATE TABLE public.x_1 PARTITION OF public.x"
        " FOR VALUES FROM (public.harm()) TO (9);"
    ),
    "materialized view": Code(
        f"{TABLE}\nCREATE MATERIALIZED VIEW public.m AS\n SELECT public.harm() AS h\n  WITH NO DATA;",
        after="REFRESH MATERIALIZED VIEW public.m;",
    ),
    "cast": Code(
        "CREATE TYPE public.wrapped AS (v integer);\nCREATE FUNCTION public.wrap(integer) RETURNS public.wrapped"
        " LANGUAGE plpgsql AS $$ BEGIN PERFORM public.harm(); RETURN ROW($1); END $$;\n"
        "CREATE CAST (integer AS public.wrapped) WITH FUNCTION public.wrap(integer) AS ASSIGNMENT;\n"
        "CREATE TABLE public.x (a public.wrapped);",
        INSERT,
    ),
    "support function": Code(
        "CREATE FUNCTION public.apart(integer, integer) RETURNS double precision LANGUAGE plpgsql IMMUTABLE"
        " AS $$ BEGIN PERFORM public.hurt(); RETURN $1 - $2; END $$;\n"
        "CREATE TYPE public.r AS RANGE (\n    subtype = integer,\n    subtype_diff = public.apart\n);\n"
        "CREATE TABLE public.x (a public.r);",
        f"COPY public.x (a) FROM stdin;\n{RANGES}\\.\n",
        "CREATE INDEX x_a ON public.x USING gist (a);",
    ),
}
QUIET_UNTIL_READ = frozenset({"statistics"})
"""They run when the table is read, not while psql loads it."""
EVENT_TRIGGER = Code(
    f"{TABLE}\nCREATE FUNCTION public.seen() RETURNS event_trigger LANGUAGE plpgsql"
    " AS $$ BEGIN PERFORM public.harm(); END $$;",
    after="CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION public.seen();",
)
VIEW = Code(
    "CREATE VIEW public.x AS\n SELECT 1 AS a WHERE (public.harm() > 0);\n"
    "CREATE FUNCTION public.nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;\n"
    "CREATE TRIGGER t INSTEAD OF INSERT ON public.x FOR EACH ROW EXECUTE FUNCTION public.nothing();"
)
"""It stands where the dump's rows go: whoever counts them would run the view."""
