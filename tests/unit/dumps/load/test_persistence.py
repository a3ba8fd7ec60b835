"""What is unlogged in the source is unlogged after a load, and nothing else is."""

from __future__ import annotations

import pytest

from restore.dumps.load.persistence import Persistence, remove_unlogged
from restore.dumps.sql.allow_list import ClassifiedStatement, classify
from restore.dumps.sql.splitter import Statement

TABLE = "CREATE UNLOGGED TABLE public.cache (\n    id integer NOT NULL\n)"
IDENTITY = (
    "ALTER TABLE public.cache ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (\n"
    "    SEQUENCE NAME public.cache_id_seq\n    {}START WITH 1\n    INCREMENT BY 1\n    CACHE 1\n)"
)
OWNED = "ALTER SEQUENCE public.serial_seq OWNED BY public.cache.id"
SIXTEEN = 160004


def statements(*texts: str) -> list[ClassifiedStatement]:
    return [classify(Statement(text.encode(), number, 0, 1)) for number, text in enumerate(texts, 1)]


def seen(*texts: str) -> Persistence:
    persistence = Persistence()
    persistence.see(statements(*texts))
    return persistence


def test_a_logged_sequence_of_an_unlogged_table_is_logged_again_behind_it() -> None:
    """PostgreSQL 15's own regression database has one; before 15 each sequence was logged."""
    persistence = seen(TABLE, IDENTITY.format("LOGGED\n    "), "CREATE SEQUENCE public.serial_seq", OWNED)
    assert persistence.list_unlogging() == [b"ALTER TABLE public.cache SET UNLOGGED"]
    names = (b"public.cache_id_seq", b"public.serial_seq")
    assert persistence.list_logging(SIXTEEN) == [b"ALTER SEQUENCE %b SET LOGGED" % name for name in names]
    assert persistence.list_logging(140012) == []


def test_a_sequence_that_is_as_its_table_stays_so() -> None:
    unlogged = "CREATE UNLOGGED SEQUENCE public.serial_seq\n    START WITH 1"
    persistence = seen(TABLE, IDENTITY.format(""), unlogged, OWNED)
    assert persistence.list_logging(SIXTEEN) == []
    assert b"ALTER SEQUENCE public.serial_seq SET UNLOGGED" in persistence.list_unlogging()


def test_an_unlogged_identity_of_a_logged_table_is_unlogged_once_its_value_is_safe() -> None:
    of_a_logged_table = seen("CREATE TABLE public.cache (\n    id integer\n)", IDENTITY.format("UNLOGGED\n    "), OWNED)
    assert of_a_logged_table.list_unlogging() == [b"ALTER SEQUENCE public.cache_id_seq SET UNLOGGED"]
    assert of_a_logged_table.list_logging(SIXTEEN) == []


@pytest.mark.parametrize("word", ["LOGGED", "UNLOGGED"])
def test_nothing_is_changed_of_what_the_server_has_refused(word: str) -> None:
    texts = (TABLE, IDENTITY.format(f"{word}\n    "), OWNED)
    persistence = seen(*texts)
    for item in statements(*texts):
        persistence.forget(item)
    assert persistence.list_unlogging() == persistence.list_logging(SIXTEEN) == []


def test_a_table_is_made_logged_and_its_columns_stay() -> None:
    text = b'CREATE UNLOGGED TABLE public.t (\n    " UNLOGGED" integer\n)'
    assert remove_unlogged(text) == text.replace(b" UNLOGGED", b"", 1)
    assert remove_unlogged(b'CREATE TABLE public." UNLOGGED" ()') == b'CREATE TABLE public." UNLOGGED" ()'


@pytest.mark.parametrize("word", ["LOGGED", "UNLOGGED"])
def test_an_identity_column_is_made_on_a_server_that_knows_no_unlogged_sequences(word: str) -> None:
    """A newer pg_dump writes that of a table of 14, whose sequence was logged; 14 takes it for a syntax error."""
    assert remove_unlogged(IDENTITY.format(f"{word}\n    ").encode()) == IDENTITY.format("").encode()
