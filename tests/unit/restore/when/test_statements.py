"""What may have lost data is told from a statement's tokens, whatever it is written like."""

from __future__ import annotations

import pytest

from restore.when.statements import MOST_BYTES, Kind, classify


@pytest.mark.parametrize(
    ("sql", "kind", "target"),
    [
        ("DROP TABLE IF EXISTS public.users CASCADE", Kind.DROP, "public.users"),
        ("drop index concurrently users_email", Kind.DROP, "users_email"),
        ("TRUNCATE users, audit.events", Kind.TRUNCATE, "users,audit.events"),
        ("TRUNCATE TABLE ONLY users RESTART IDENTITY", Kind.TRUNCATE, "users"),
        ("DELETE FROM users", Kind.DELETE_ALL, "users"),
        ("/* where id = 1 */ DELETE FROM ONLY users -- where id = 1", Kind.DELETE_ALL, "users"),
        ("DELETE FROM users WHERE true", Kind.DELETE_ALL, "users"),
        ("DELETE FROM users WHERE 1=1 RETURNING id", Kind.DELETE_ALL, "users"),
        ("DELETE FROM users WHERE id = $1", Kind.DELETE_SOME, "users"),
        ("DELETE FROM users WHERE created_at > $1 - interval '1 hour'", Kind.DELETE_MANY, "users"),
        ("DELETE FROM users WHERE id IN (SELECT id FROM old)", Kind.DELETE_MANY, "users"),
        ("DELETE FROM users USING (SELECT 1 WHERE true) AS x", Kind.DELETE_ALL, "users"),
        ("UPDATE users SET email = 'x where y' || id", Kind.UPDATE_ALL, "users"),
        ("UPDATE users AS u SET n = (SELECT 1 WHERE true)", Kind.UPDATE_ALL, "users"),
        ("UPDATE \"Odd\".\"User\" SET n = 1 WHERE id = 5", Kind.UPDATE_SOME, "Odd.User"),
        ("WITH gone AS (DELETE FROM users RETURNING *) SELECT * FROM gone WHERE true", Kind.DELETE_ALL, "users"),
        ("WITH a AS (SELECT 1 WHERE true) DELETE FROM users", Kind.DELETE_ALL, "users"),
        ("EXPLAIN ANALYZE DELETE FROM users", Kind.DELETE_ALL, "users"),
        ("DO $$ BEGIN IF true THEN DELETE FROM users; END IF; END $$", Kind.DELETE_ALL, "users"),
        ("ALTER TABLE users DROP COLUMN email", Kind.ALTER, "users"),
        ("BEGIN; SELECT 1; UPDATE users SET a = 1; COMMIT", Kind.UPDATE_ALL, "users"),
    ],
)  # fmt: skip
def test_a_statement_that_takes_rows_is_found_with_its_table(sql: str, kind: Kind, target: str) -> None:
    assert [(finding.kind, finding.target) for finding in classify(sql)] == [(kind, target)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'DELETE FROM users'",
        "SELECT $$DROP TABLE users$$",
        "SELECT * FROM users FOR UPDATE",
        "INSERT INTO users VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 1",
        "CREATE TABLE a (b int REFERENCES c ON DELETE CASCADE ON UPDATE SET NULL)",
        "-- DELETE FROM users\nSELECT 1",
        "GRANT DELETE, UPDATE ON users TO app",
        "SELECT deleted, update FROM users",
        "",
    ],
)
def test_words_that_are_no_statement_accuse_nobody(sql: str) -> None:
    assert classify(sql) == []


def test_personal_data_and_passwords_of_a_statement_are_never_shown() -> None:
    (finding,) = classify("ALTER ROLE app PASSWORD 'hunter2' VALID UNTIL E'a\\'b' -- hunter3")
    assert finding.form == "alter role app password ? valid until ?"


@pytest.mark.parametrize("sql", ["DELETE FROM users WHERE name = 'unfinis", "DELETE FROM users" + " " * MOST_BYTES])
def test_a_statement_that_was_cut_is_marked_for_a_where_may_have_followed(sql: str) -> None:
    assert [finding.cut for finding in classify(sql)] == [True]


@pytest.mark.parametrize("sql", ["/*" * 30_000, "$a$ drop" * 20_000, "(" * 60_000 + "delete from x", "drop '" * 10_000])
def test_hostile_text_ends_soon(sql: str) -> None:
    assert isinstance(classify(sql), list)


@pytest.mark.parametrize(
    ("table", "about"),
    [("public.users", True), ("users", True), ("audit.users", True), ("public.user", False)],
)
def test_a_name_without_its_schema_may_be_any_schemas(table: str, about: bool) -> None:
    assert classify("DELETE FROM users")[0].is_about(table) is about


def test_a_name_with_another_schema_is_another_table() -> None:
    assert not classify("TRUNCATE audit.users")[0].is_about("public.users")
