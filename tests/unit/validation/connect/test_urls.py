"""A database URL keeps its bytes, and libpq gets only what it knows."""

from __future__ import annotations

import pytest

from validation.connect.target import Target, remove_secret
from validation.connect.urls import UrlError, WrappedUrlError, parse, read_parameters

PRISMA = (
    "postgresql://ghost_app:p%40ss%2Fw%23rd%25%20%2B@old.example.rds.amazonaws.com:5432/ghost%5Fprotocol"
    "?schema=public&connection_limit=5&pgbouncer=true&sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem"
)
SAME = (
    PRISMA,
    "postgres://u@h/d",
    "postgresql://h",
    "postgresql://u:@h:/d?",
    "postgresql://u:p@w@h:1/d",
    "postgresql://u:p:q@[fe80::1]:5432/d?a=b#rest",
    "postgresql+psycopg://u:%70@h/d?x=%41&x=%42",
)


@pytest.mark.parametrize("url", SAME)
def test_reading_a_url_changes_no_byte_of_it(url: str) -> None:
    assert str(parse(url)) == url


def test_another_host_changes_nothing_else() -> None:
    moved = str(parse(PRISMA).with_host("new.example.rds.amazonaws.com"))
    assert moved == PRISMA.replace("old.example", "new.example")


@pytest.mark.parametrize(
    ("host", "port", "written"),
    [
        ("10.0.0.1", 6000, "postgresql://u:%2B@10.0.0.1:6000/d?schema=x"),
        ("10.0.0.1", None, "postgresql://u:%2B@10.0.0.1:5432/d?schema=x"),
        ("fe80::1", None, "postgresql://u:%2B@[fe80::1]:5432/d?schema=x"),
    ],
)
def test_host_and_port_are_replaced_together_or_alone(host: str, port: int | None, written: str) -> None:
    assert str(parse("postgresql://u:%2B@h:5432/d?schema=x").with_host(host, port)) == written


def test_a_host_hidden_in_the_query_is_refused_since_it_would_win_over_the_new_one() -> None:
    with pytest.raises(UrlError, match="host"):
        parse("postgresql://u:p@h/d?host=other").with_host("new")


def test_libpq_gets_no_parameter_of_prismas() -> None:
    assert read_parameters(PRISMA) == {
        "host": "old.example.rds.amazonaws.com",
        "port": "5432",
        "user": "ghost_app",
        "password": "p@ss/w#rd% +",
        "dbname": "ghost_protocol",
        "sslmode": "verify-full",
        "sslrootcert": "/etc/ca.pem",
    }


def test_prismas_certificate_is_not_taken_for_a_clients() -> None:
    assert "sslcert" not in read_parameters("postgresql://u@h/d?sslcert=ca.pem")
    assert read_parameters("postgresql://u@h/d?sslcert=c&sslkey=k")["sslcert"] == "c"


def test_a_plus_in_a_password_is_a_plus() -> None:
    assert read_parameters("postgresql://u:a+b@h/d")["password"] == "a+b"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "secret-word",
        "mysql://u:secret-word@h/d",
        "postgresql://u:secret-word@h1,h2/d",
        "postgresql://u:secret-word@h:port/d",
        "postgresql://u:secret/word@h/d",
    ],
)
def test_what_is_no_usable_url_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(UrlError) as caught:
        parse(url)
    assert "secret" not in str(caught.value)


def test_the_password_is_in_no_repr() -> None:
    url = "postgresql://u:hunter2@h/d?password=hunter2&x=hunter2"
    assert "hunter2" not in repr(parse(url)) + repr(Target.from_url(url))


def test_tls_is_verified_unless_the_url_says_else() -> None:
    assert Target.from_url("postgresql://u:p@h/d").sslmode == "verify-full"
    assert Target.from_url("postgresql://u:p@h/d?sslmode=require").sslmode == "require"


@pytest.mark.parametrize("url", ["postgresql://h/d", "postgresql://u@h", "postgresql://u@/d"])
def test_a_url_without_host_user_or_database_is_refused(url: str) -> None:
    with pytest.raises(UrlError, match="lacks"):
        Target.from_url(url)


@pytest.mark.parametrize("port", ["0", "65536", "²"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(UrlError, match="port"):
        Target.from_url(f"postgresql://u@h:{port}/d")


def test_the_environment_leads_to_no_other_server_than_the_one_named() -> None:
    assert Target("h", "d", "u").build_keywords(None)["hostaddr"] == ""
    assert Target.from_url("postgresql://u@h/d?hostaddr=10.0.0.1").build_keywords(None)["hostaddr"] == "10.0.0.1"


def test_a_secret_is_blotted_out_plain_and_encoded() -> None:
    assert remove_secret("p@ss", "p@ss and p%40ss") == "*** and ***"
    assert remove_secret(None, "text") == "text"


@pytest.mark.parametrize("around", [("", "\n"), ("", "\r\n"), (" \t", " \n\n")])
def test_white_space_around_a_url_is_no_part_of_it_and_stays(around: tuple[str, str]) -> None:
    """`echo "$URL" | base64` puts a newline at its end (mattermost-operator 342)."""
    before, after = around
    for url in SAME:
        assert str(parse(f"{before}{url}{after}")) == f"{before}{url}{after}"
    assert read_parameters(f"{before}postgresql://u:p@h/app{after}")["dbname"] == "app"
    moved = parse(f"{before}{PRISMA}{after}").with_host("new.example.rds.amazonaws.com")
    assert str(moved) == f"{before}{PRISMA.replace('old.example', 'new.example')}{after}"


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("\ufeffpostgresql://u:secret@h/d", "byte order mark"),
        ('"postgresql://u:secret@h/d"', "quotes"),
        ("'postgresql://u:secret@h/d'\n", "quotes"),
        ("postgresql://u:secret@h/d\n?schema=public", "line break"),
        ("postgresql://u:se\tcret@h/d", "invisible"),
        ("p\0o\0s\0t\0g\0r\0e\0s\0:\0/\0/\0", "invisible"),
    ],
)
def test_bytes_around_or_in_a_url_are_named_and_not_guessed_at(url: str, named: str) -> None:
    with pytest.raises(WrappedUrlError, match=named) as caught:
        parse(url)
    assert "secret" not in str(caught.value)


def test_a_jdbc_url_is_read_and_moved_like_any_other() -> None:
    url = "jdbc:postgresql://old.example:5432/shop?user=app&password=p%40ss&ssl=true"
    assert str(parse(url)) == url
    assert str(parse(url).with_host("new.example")) == url.replace("old.example", "new.example")
    known = read_parameters(url)
    assert (known["host"], known["user"], known["password"], known["dbname"]) == ("old.example", "app", "p@ss", "shop")
