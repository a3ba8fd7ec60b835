"""Rows of pg_dump --inserts are put together without becoming others."""

from __future__ import annotations

from restore.dumps.sql.allow_list import ClassifiedStatement, classify
from restore.dumps.sql.insert_statements import count_rows, join_statements
from restore.dumps.sql.splitter import Statement


def insert(text: str, number: int = 1) -> ClassifiedStatement:
    return classify(Statement(text.encode(), number, 0, number))


def texts(*statements: str) -> list[str]:
    known = [insert(text, number) for number, text in enumerate(statements)]
    return [sql.decode() for _, sql in join_statements(known)]


def test_rows_of_one_table_become_one_statement() -> None:
    assert texts("INSERT INTO s.t VALUES (1, 'a')", "INSERT INTO s.t VALUES (2, NULL)") == [
        "INSERT INTO s.t VALUES (1, 'a'), (2, NULL)"
    ]


def test_rows_of_another_form_stay_apart_and_in_order() -> None:
    statements = (
        "INSERT INTO s.t VALUES (1)",
        "INSERT INTO s.u VALUES (1)",
        "INSERT INTO s.t VALUES (2)",
        "INSERT INTO s.t (a) VALUES (3)",
        "INSERT INTO s.t (a) VALUES (4) ON CONFLICT DO NOTHING",
    )
    assert texts(*statements) == list(statements)


def test_a_row_without_columns_is_not_put_to_others() -> None:
    assert texts(*["INSERT INTO s.t DEFAULT VALUES"] * 3) == ["INSERT INTO s.t DEFAULT VALUES"] * 3


def test_what_looks_like_rows_within_a_text_is_not_counted() -> None:
    assert count_rows(insert("INSERT INTO s.t VALUES\n\t(1, '), (2, ''x'')'),\n\t(2, ');')")) == 2
    assert count_rows(insert("INSERT INTO s.t DEFAULT VALUES")) == 1
