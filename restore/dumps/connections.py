"""The loader's connections to the target, and what they say when they fail."""

from __future__ import annotations

import math
import os
import re
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from socket import SHUT_RDWR, socket
from typing import Any, LiteralString

import psycopg
from psycopg import generators, pq
from psycopg.copy import LibpqWriter

from restore.dumps.model import MIB
from restore.errors import PermanentError, Problem, RestoreError, TemporaryError
from restore.model.rds import Endpoint
from restore.polling import wait_for
from restore.postgres.errors import translate
from restore.redaction import redact, register_secret
from validation.connect.target import Target

APPLICATION = "pulumi-restore-load"
"""application_name of the loader's sessions: a later attempt ends those that a killed one left behind."""
WAITING = f"{APPLICATION}-waiting"
"""Theirs before they have the loader's lock: the load that has it leaves them alone."""
MERGE_BUFFER = 33 * 8 << 10
"""Bytes for each run of a merge (PostgreSQL's tuplesort.c: TAPE_BUFFER_OVERHEAD + MERGE_BUFFER_SIZE)."""
LEAST_SORT = 8 * MIB
CANCEL_SECONDS = 3.0
"""Less than the engine gives the program after its SIGINT (restore/gates/hook.py, TIDY_SECONDS)."""
STEP = 128 << 10
"""Bytes handed to libpq before its buffer is sent: it grows without bound otherwise (psycopg issue 1047)."""
SETTINGS: Mapping[str, str] = {
    "synchronous_commit": "off",
    "max_parallel_maintenance_workers": "0",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "jit": "off",
    "default_transaction_read_only": "off",
    "default_transaction_isolation": "read committed",
}
"""Of the loading sessions. Commits needn't wait: ledger and data are lost or kept together, and the end waits."""
PINNED: Mapping[str, str] = {
    "search_path": "pg_catalog, pg_temp",
    "standard_conforming_strings": "on",
    "row_security": "off",
    "role": "none",
}
"""Of the operator's session: nothing that a database brings along can stand in for what the server itself has."""
LOST = frozenset({"57P01", "57P02", "57P03", "57P05"})
PASSING = ("08", "40", "53300", "55P03", "57P")
ENDS_THE_LOAD = ("08", "25006", "25P", "28", "40", "53", "55P", "55006", "57", "58000", "58030", "F0", "XX001", "XX002")
"""SQLSTATEs that are about the server, the session or the storage: whatever came next would be refused as well
(https://www.postgresql.org/docs/current/errcodes-appendix.html)."""
BROUGHT_ALONG = ("08", "28", "40001", "57P", "F0")
"""Of those, what the server has no ERROR for: its own end is FATAL, and "read committed" knows no conflict. A statement
brings it along: a foreign table whose server doesn't answer, a function's RAISE ... USING ERRCODE."""
OF_THE_PROTOCOL = "08P01"
COPY_CONTEXT = re.compile(r"COPY (?P<table>\S+), line (?P<line>\d+)(?:, column (?P<column>[^:]+))?")
DATA = "22"
"""SQLSTATE class of values that don't fit; their messages quote the value."""
VALUE = re.compile(r':? ?".*', re.DOTALL)
NOT_GRANTED = "01007"
"""SQLSTATE of the warning of a GRANT that gave less than it says: on what is somebody else's, an extension's say."""
DONE = frozenset({pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK, pq.ExecStatus.EMPTY_QUERY})
Rows = list[tuple[Any, ...]]


class NotGrantedError(psycopg.errors.InsufficientPrivilege):
    """What the server only warned of."""


class LoadSession:
    """One connection. Methods raise psycopg.Error."""

    def __init__(self, target: Target, settings: Mapping[str, str], application: str = APPLICATION) -> None:
        self.target = target
        secret = target.read_secret()
        keywords: dict[str, Any] = {
            **target.build_keywords(register_secret(secret or "") or None),
            "application_name": application,
        }
        with translate(Endpoint(target.host, target.port), target.user, target.dbname):
            self.connection = psycopg.connect(**keywords, autocommit=True, prepare_threshold=None)
        encoding = {"client_encoding": self.unconverted} if self.connection.info.encoding == "ascii" else {}
        for name, value in {**SETTINGS, **encoding, **settings}.items():
            self.connection.execute("select pg_catalog.set_config(%s, %s, false)", (name, value))

    @property
    def unconverted(self) -> str:
        """The client_encoding that does what SQL_ASCII does, nothing, but in which psycopg gives text as str.

        A server that is SQL_ASCII itself takes any byte as LATIN1.
        """
        server = self.connection.info.parameter_status("server_encoding") or "UTF8"
        return "LATIN1" if server == "SQL_ASCII" else server

    def query(self, sql: LiteralString, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> Rows:
        """Returns the rows of one of our own queries."""
        cursor = self.connection.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []

    def read_shared_buffers(self) -> int:
        """Returns shared_buffers in bytes."""
        query: LiteralString = "select pg_catalog.pg_size_bytes(pg_catalog.current_setting('shared_buffers'))"
        return int(self.query(query)[0][0])

    def run(self, sql: bytes) -> int:
        """Runs a statement of the dump and returns its number of rows. The extended protocol takes one statement alone:
        the server itself refuses a second (PostgreSQL, "Message Flow", "Extended Query")."""
        pgconn = self.connection.pgconn
        pgconn.send_query_params(sql, None)
        (result,) = self.connection.wait(generators.execute(pgconn))  # libpq's own wait holds back Python's signals
        return self._check_result(result).command_tuples or 0

    def grant(self, sql: bytes) -> str:
        """Runs a GRANT of the dump; returns what the server warned of where it gave less than all, otherwise ""."""
        said: list[str] = []

        def note(notice: psycopg.errors.Diagnostic) -> None:
            if notice.sqlstate == NOT_GRANTED:
                said.append(notice.message_primary or NOT_GRANTED)

        self.connection.add_notice_handler(note)
        try:
            self.run(sql)
        finally:
            self.connection.remove_notice_handler(note)
        return "; ".join(said)

    def _check_result(self, result: pq.abc.PGresult) -> pq.abc.PGresult:
        if result.status not in DONE:
            raise psycopg.errors.error_from_result(result, encoding=self.connection.info.encoding)
        return result

    def set_sort_memory(self, size: int) -> None:
        """Sets the memory for the rest of the transaction: to build a B-tree out of so many bytes of a table."""
        query: LiteralString = (
            "select pg_catalog.set_config('maintenance_work_mem', least(setting::bigint, %s) || 'kB', true)"
            " from pg_catalog.pg_settings where name = 'maintenance_work_mem'"
        )
        self.query(query, (choose_sort_memory(size) >> 10,))

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Commits what the context runs, or rolls all of it back when it raises."""
        with self.connection.transaction():
            yield

    def copy(self, sql: bytes, parts: Iterator[memoryview]) -> int:
        """Runs a COPY FROM STDIN to its end with these parts of its data; returns the rows that the server took."""
        cursor = self.connection.cursor()
        with cursor.copy(sql, writer=LibpqWriter(cursor, flush_threshold=STEP)) as copy:
            for part in parts:
                for start in range(0, len(part), STEP):
                    copy.write(part[start : start + STEP])
        return cursor.rowcount

    def cancel(self) -> None:
        """Ends, from another thread, what the session is at; waits 3 s at most, and a lost connection is no error. From
        a server that doesn't take the request the session is cut off: nothing else would end the wait for it."""
        if self.connection.closed:
            return
        try:
            self.connection.cancel_safe(timeout=CANCEL_SECONDS)
        except psycopg.errors.CancellationTimeout:
            self._cut_off()
        except psycopg.Error:
            return  # it is lost: nothing runs for us there

    def _cut_off(self) -> None:
        with suppress(OSError, psycopg.Error), socket(fileno=os.dup(self.connection.fileno())) as connected:
            connected.shutdown(SHUT_RDWR)

    def close(self) -> None:
        self.connection.close()


def choose_maintenance_memory(shared_buffers: int, workers: int) -> str:
    """Returns maintenance_work_mem for each session, from bytes of shared_buffers. RDS sets these to a quarter of the
    memory ({DBInstanceClassMemory/32768} pages of 8 KiB); all sessions together take twice that."""
    each = max(64 * MIB, min(1024 * MIB, 2 * shared_buffers // max(1, workers)))
    return f"{each // MIB}MB"


def choose_sort_memory(size: int) -> int:
    """Returns bytes of maintenance_work_mem to sort an index of a table of that many bytes in runs that one pass
    merges.

    More makes it slower: a quicksort over more than the processor's cache holds waits for memory at each comparison
    (bench/dumps). A run is as large as the memory, an index has a quarter of its table's bytes or less (a larger one
    takes a second pass), and a tuple takes up to twice its bytes in a run.
    """
    return max(LEAST_SORT, math.isqrt(size // 2 * MERGE_BUFFER))


def build_failure(error: psycopg.Error, subject: str, fix: str = "") -> RestoreError:
    """Returns a failed statement as this program's error: temporary where starting again may go on."""
    state = error.sqlstate or ""
    found = redact(f"{describe_error(error)}{f' (SQLSTATE {state})' if state else ''}")
    if not state or (not _is_brought_along(error) and (state in LOST or state.startswith(PASSING))):
        return TemporaryError.of(
            Problem(subject, found, "an answer", "pulumi up, or by hand the same command again (it goes on)")
        )
    if state == "53100":
        fix = (
            "aws rds modify-db-instance --db-instance-identifier <name> --allocated-storage <GiB> --apply-immediately; "
            "pulumi up (it goes on)"
        )
    needed = "a statement that the server takes"
    return PermanentError.of(
        Problem(
            subject,
            found,
            needed,
            fix or 'docs/dumps.md, "A dump by hand": fix what the message says, then the same command again',
        )
    )


def is_refusal(error: psycopg.Error) -> bool:
    """Tells whether the server refused this one statement, and can be asked for the others."""
    state = error.sqlstate or ""
    return bool(state) and (_is_brought_along(error) or not state.startswith(ENDS_THE_LOAD))


def _is_brought_along(error: psycopg.Error) -> bool:
    """Whether it looks like the end of the session, which goes on."""
    state = error.sqlstate or ""
    raised = error.diag.severity_nonlocalized == "ERROR"
    return raised and state.startswith(BROUGHT_ALONG) and state != OF_THE_PROTOCOL


def describe_error(error: psycopg.Error) -> str:
    """Returns the server's message, with a key where it names one, without any other row's content."""
    primary = error.diag.message_primary or " ".join(str(error).split()) or type(error).__name__
    if error.sqlstate and error.sqlstate.startswith(DATA):
        primary = VALUE.sub(": (a value)", primary)
    detail = error.diag.message_detail or ""
    key = f"; {detail[:200]}" if detail.startswith("Key (") else ""
    return f"{primary[:300]}{key}"


def build_copy_failure(error: psycopg.Error, user: str, table: str, line: int, offset: int) -> RestoreError:
    """Returns a failed COPY: with the dump's line and the column, never the row. `line` and `offset` are of its first
    row."""
    context = COPY_CONTEXT.search(error.diag.context or "")
    column = f", column {context['column']}" if context and context["column"] else ""
    first = f"line {line + int(context['line']) - 1}" if context else f"from line {line}"
    place = f"{first}, in the data from byte {offset}"
    fix = "take another dump: python -m restore.dumps list s3://<bucket>/<prefix>/"
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        fix = f'GRANT INSERT ON {table} TO "{user}"; pulumi up, or by hand the same command again'
    return build_failure(error, f"table {table}, dump {place}{column}", fix)


def describe_bad_row(error: psycopg.Error) -> str:
    """Returns why rows were refused, with the column where the server names one; never the row."""
    context = COPY_CONTEXT.search(error.diag.context or "")
    column = context["column"] if context else None
    place = f"column {column}: " if column else ""
    return redact(" ".join(f"{place}{describe_error(error)} (SQLSTATE {error.sqlstate})".split()))


def end_sessions(
    session: LoadSession, role: str, stop: threading.Event, application: str | None = None, seconds: float = 60.0
) -> None:
    """Ends all sessions of this role, and those of the session's own login in this database under an application_name.

    With APPLICATION the caller holds the loader's lock: they can't be another load's, which would be WAITING for it.
    Raises TemporaryError when they are still there after `seconds`, or when stopped.
    """
    query: LiteralString = (
        "select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity"
        " where (usename = %s or datname = pg_catalog.current_database() and usename = current_user"
        " and application_name = %s) and pid <> pg_catalog.pg_backend_pid()"
    )
    wait_for(
        lambda: session.query(query, (role, application)),
        lambda left: not left,
        stop=stop,
        deadline=time.monotonic() + seconds,
        subject=f"the end of the sessions of {role} on {session.target}",
        describe=lambda left: f"{len(left)} of them",
        fix="SELECT pid, application_name FROM pg_stat_activity (until none of them is left); pulumi up",
        first=0.1,
        longest=1.0,
    )
