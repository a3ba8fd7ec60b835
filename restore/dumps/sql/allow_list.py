"""The statements that pg_dump writes. Whatever isn't on this list is refused, and never reaches a server.

What each may do when it runs matters more than its look: no statement here calls a function of the dump's choice as
the loading role at once (CREATE TABLE ... AS, SELECT, DO, ALTER ... USING are out). What runs later, in a check
constraint or an index expression, has the rights of a role of the load's own (load_role.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from restore.dumps.sql import encodings
from restore.dumps.sql.grammar import RULES
from restore.dumps.sql.skeleton import outline
from restore.dumps.sql.splitter import CopyBegin, Meta, Statement, shorten
from restore.errors import PermanentError, Problem

LEDGER = b"_restore"
"""The loader's own schema in the target."""

SETTINGS = frozenset(
    b"statement_timeout lock_timeout idle_in_transaction_session_timeout transaction_timeout client_encoding "
    b"standard_conforming_strings check_function_bodies xmloption client_min_messages row_security default_tablespace "
    b"default_table_access_method default_with_oids search_path escape_string_warning default_toast_compression".split()
)
SAFE_LANGUAGES = frozenset({b"sql", b"plpgsql", b"plperl", b"pltcl", b"plv8", b"plcoffee", b"plls", b"plrust"})


REFUSED = (
    (rb"COPY\b", "COPY other than from the dump itself"),
    (rb"INSERT\b", "an INSERT of anything but literals"),
    (rb"(?:CREATE|ALTER|DROP|COMMENT ON) DATABASE\b", "a database's DDL: the dump was made with --create"),
    (rb"(?:CREATE|ALTER|DROP) (?:ROLE|USER|GROUP|TABLESPACE|SYSTEM)\b", "a change of the whole server"),
    (rb"SET (?:SESSION )?(?:ROLE|SESSION)\b|RESET\b", "a change of the session's role"),
    (rb"DO\b|CALL\b|EXECUTE\b|PREPARE\b|LOAD\b", "code to run at once"),
    (rb"SELECT\b|WITH\b|VALUES\b|TABLE\b", "a query"),
)
REASONS = tuple((re.compile(pattern, re.IGNORECASE), why) for pattern, why in REFUSED)
TOP_LEVEL_AS = re.compile(rb"(?i)\b(?:AS|EXECUTE|SELECT)\b")
BODY = re.compile(rb"(?i)\bBEGIN\s+ATOMIC\b")
LANGUAGE_CLAUSE = re.compile(rb"(?i)\bLANGUAGE\s+(\S+)")
GRANT_OBJECT = re.compile(rb"\bON\s+(?!DATABASE\b|TABLESPACE\b|PARAMETER\b)")
UNPLAIN = re.compile(rb"&|''")
"""A string, or a name with escapes: no grant has one."""
SECURITY_DEFINER = re.compile(rb"(?i)\bSECURITY DEFINER\b")
META = re.compile(rb"\\(?P<end>un)?restrict (?P<key>[A-Za-z0-9]+)\s*\Z")


@dataclass(frozen=True, slots=True)
class ClassifiedStatement:
    """A statement of a kind that pg_dump writes."""

    kind: str
    statement: Statement
    match: re.Match[bytes]

    @property
    def sql(self) -> bytes:
        return self.statement.sql

    def get_part(self, name: str) -> bytes:
        """Returns a named part of its pattern; b"" where it has none."""
        return self.match.groupdict().get(name) or b""

    def get_text(self, name: str) -> str:
        """Returns a named part as a string, decoded from the dump's encoding."""
        return encodings.decode(self.get_part(name), self.statement.codec)

    @property
    def short(self) -> str:
        return shorten(self.sql, 80)


def classify(statement: Statement) -> ClassifiedStatement:
    """Returns which kind of statement it is. Raises PermanentError for what isn't on the list."""
    for kind, pattern in RULES:
        match = pattern.match(statement.sql)
        if match is not None:
            return _check_outline(ClassifiedStatement(kind, statement, match))
    raise build_refusal(statement, _find_reason(statement.sql))


def _find_reason(sql: bytes) -> str:
    return next((why for pattern, why in REASONS if pattern.match(sql)), "a statement that pg_dump doesn't write")


def build_refusal(statement: Statement | Meta | CopyBegin, found: str) -> PermanentError:
    """Returns the error for what pg_dump doesn't write, with its place and its beginning."""
    text = statement.text if isinstance(statement, Meta) else statement.sql
    fix = 'docs/dumps.md, "A dump by hand": not executed; take the dump with the defaults of pg_dump'
    subject = f"dump, line {statement.line}, byte {statement.offset}"
    return PermanentError.of(Problem(subject, f"{found}: {shorten(text)}", "what pg_dump writes, nothing else", fix))


def _check_outline(classified: ClassifiedStatement) -> ClassifiedStatement:
    """The same, or another kind, after a look at its outline."""
    if classified.kind in ("set", "search_path", "setval", "insert", "begin", "commit", "large_object"):
        return _check_setting(classified) if classified.kind == "set" else classified
    text = outline(classified.sql)
    words = text.lower().split()
    if LEDGER in words:
        raise build_refusal(classified.statement, f"a use of the loader's own schema {LEDGER.decode()}")
    return _check_by_kind(classified, text, words)


def _check_by_kind(classified: ClassifiedStatement, text: bytes, words: list[bytes]) -> ClassifiedStatement:
    match classified.kind:
        case "table" if TOP_LEVEL_AS.search(outline(classified.sql[classified.match.end("table") :])):
            raise build_refusal(classified.statement, "a table made from a query")
        case "matview" if not text.endswith(b"WITH NO DATA"):
            raise build_refusal(classified.statement, "a materialized view that is filled at once")
        case "function":
            return _check_language(classified, text)
        case "acl" if GRANT_OBJECT.search(text) is None or UNPLAIN.search(text):
            raise build_refusal(classified.statement, "a grant of a role or of something outside this database")
        case "ddl" | "constraint" | "key" | "foreign_key" | "owner" if _has_several_changes(classified.sql, words):
            raise build_refusal(classified.statement, "several changes in one statement")
        case _:
            return classified


def _has_several_changes(sql: bytes, words: list[bytes]) -> bool:
    """ALTER TABLE takes many changes at once, pg_dump writes one; an added column's default would be called."""
    return sql.startswith((b"ALTER TABLE", b"ALTER DOMAIN")) and b"," in words


def _check_language(classified: ClassifiedStatement, text: bytes) -> ClassifiedStatement:
    head = BODY.split(text, maxsplit=1)[0]
    languages = [bytes(name).lower() for name in LANGUAGE_CLAUSE.findall(head)]
    if not languages:
        raise build_refusal(classified.statement, "a function without a language")
    kind = "ddl" if all(name in SAFE_LANGUAGES for name in languages) else "untrusted_language"
    return ClassifiedStatement(kind, classified.statement, classified.match)


def find_security_definer(classified: ClassifiedStatement) -> str | None:
    """Returns the function's name, where it runs with its owner's rights."""
    name = classified.get_part("function")
    if not name or not SECURITY_DEFINER.search(BODY.split(outline(classified.sql), maxsplit=1)[0]):
        return None
    return encodings.decode(name, classified.statement.codec)


def read_client_encoding(classified: ClassifiedStatement) -> str:
    """Returns the encoding that a SET client_encoding names, as pg_dump writes it: UTF8, SQL_ASCII."""
    return classified.get_text("value").strip().strip("'")


def _check_encoding(classified: ClassifiedStatement) -> None:
    if read_client_encoding(classified).upper() in encodings.UNSAFE:
        raise build_refusal(
            classified.statement, "an encoding in which a quote can hide; take the dump with --encoding=UTF8"
        )
    if not encodings.is_supported(read_client_encoding(classified)):
        raise build_refusal(
            classified.statement, "an encoding that is not supported; take the dump with --encoding=UTF8"
        )


def _check_setting(classified: ClassifiedStatement) -> ClassifiedStatement:
    name, value = classified.get_part("name"), classified.get_part("value").strip().strip(b"'")
    if name not in SETTINGS:
        raise build_refusal(classified.statement, "a setting that pg_dump doesn't set")
    if name == b"client_encoding":
        _check_encoding(classified)
    if name == b"standard_conforming_strings" and value != b"on":
        raise build_refusal(classified.statement, "standard_conforming_strings off")
    if name == b"default_tablespace" and value not in (b"", b"pg_default", b'""'):
        return ClassifiedStatement("tablespace", classified.statement, classified.match)
    if not re.fullmatch(rb"[\w', \".$-]*", classified.get_part("value")):
        raise build_refusal(classified.statement, "a value that pg_dump doesn't write")
    return classified


def check_data(table: bytes, statement: Statement | CopyBegin) -> None:
    """Refuses rows for a schema that is the server's or the loader's own. Raises PermanentError."""
    schema = table[1 : table.index(b'"', 1)] if table[:1] == b'"' else table.split(b".")[0]
    if schema in (LEDGER, b"pg_catalog", b"information_schema", b"pg_toast"):
        raise build_refusal(statement, "data of a system table")


class Restriction:
    """psql's \\restrict and \\unrestrict: the only meta-commands of a dump, in this order, with one key."""

    def __init__(self) -> None:
        self._key: bytes | None = None
        self._over = False

    def see(self, meta: Meta) -> None:
        """Takes the next meta-command. Raises PermanentError for any other, and for another order or key."""
        match = META.match(meta.text)
        if match is None:
            raise build_refusal(meta, "a psql meta-command")
        if match["end"] and (self._key != match["key"] or self._over):
            raise build_refusal(meta, "an \\unrestrict whose key isn't that of \\restrict")
        if not match["end"] and self._key is not None:
            raise build_refusal(meta, "a second \\restrict")
        self._over = bool(match["end"])
        self._key = match["key"]
