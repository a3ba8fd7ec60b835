"""Loads a dump into an empty database, exactly once, however often the load is killed.

1. The target is locked against a second load, and what an earlier attempt left is read: a finished one is not
   repeated, one of another dump is refused.
2. The dump is read in one stream. Its definitions are checked against the target (roles, extensions, rights), all
   problems at once. Then a role of the load's own logs in (load_role.py), and they are run in order.
3. Rows are loaded by several sessions, in pieces; each piece commits with its entry in the ledger. INSERTs are run by
   one, in their order. Autovacuum stays away from large tables until the end.
4. Indexes, keys and constraints are built beside each other; foreign keys are proved and tables analyzed as soon as
   they have theirs. Then triggers and the rest come in the dump's order, with foreign keys to partitioned tables and
   materialized views last.
5. The load's own role hands over what it owns, and goes. Event triggers come last. The ledger gives way to a mark that
   says which dump this is, and what changed on the server that the load did not change.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg

from restore.dumps.check.needs import Needs, list_undecided
from restore.dumps.check.progress import Meter, Ticker
from restore.dumps.check.scan import scan
from restore.dumps.check.verify import INVALID_INDEXES
from restore.dumps.connections import (
    APPLICATION,
    PINNED,
    WAITING,
    LoadSession,
    build_failure,
    choose_maintenance_memory,
    end_sessions,
)
from restore.dumps.load import ledger, server_objects
from restore.dumps.load.autovacuum import Autovacuum
from restore.dumps.load.copy_batches import Rows
from restore.dumps.load.ddl import BATCH, Control
from restore.dumps.load.free_storage import Storage
from restore.dumps.load.insert_batches import Inserts
from restore.dumps.load.ledger import Done
from restore.dumps.load.load_role import LoadRole
from restore.dumps.load.not_loaded import NotLoadedList
from restore.dumps.load.post_data import LAST, Afterwards, list_text_columns
from restore.dumps.load.post_data_tasks import Planner
from restore.dumps.load.presence import list_absent
from restore.dumps.load.read_role import ReadRole
from restore.dumps.load.target_checks import prepare
from restore.dumps.load.work_queue import SPARE, WorkQueue
from restore.dumps.load.workers import Worker
from restore.dumps.model import (
    MIB,
    Dump,
    LoadLogin,
    LoadPhase,
    LoadResult,
    NotLoaded,
    Options,
    Progress,
    ProgressCallback,
    Scan,
)
from restore.dumps.read.stream import SqlStream
from restore.dumps.sql import encodings
from restore.dumps.sql.allow_list import ClassifiedStatement, classify
from restore.dumps.sql.sections import DumpSection, Script
from restore.dumps.sql.skips import Skips
from restore.dumps.sql.splitter import NOTHING, CopyBegin, Piece, Seen, Splitter, Statement
from restore.errors import PermanentError, Problem, Refused, RestoreError, TemporaryError
from restore.polling import wait_for
from validation.connect.target import Target

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PIECES = 80 * MIB
"""Most that all sessions hold of the dump together."""
SECURITY_DEFINER: LiteralString = """
select format('%s of %s', p.oid::regprocedure, p.proowner::regrole) from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where p.prosecdef and n.nspname not in ('pg_catalog', 'information_schema') and not exists (
  select from pg_catalog.pg_depend d
  where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
order by 1
"""
LOGINS: LiteralString = """
select r.rolname::text from pg_catalog.pg_roles r
where r.rolcanlogin and r.rolname <> current_user and not r.rolsuper and exists (
  select from pg_catalog.pg_shdepend s join pg_catalog.pg_database d on d.oid = s.dbid
  where s.refclassid = 'pg_catalog.pg_authid'::regclass and s.refobjid = r.oid and s.deptype = 'o'
    and d.datname = pg_catalog.current_database())
order by 1
"""
MOST_REMEMBERED = 500
"""Of what was not loaded, in the loaded database's comment."""
LOCK_SECONDS = 30.0
"""How long to wait for the lock: a killed load's session may take that long to notice."""


def load(
    s3: S3Client,
    dump: Dump,
    target: Target,
    options: Options | None = None,
    *,
    scan: Scan | None = None,
    storage: Storage | None = None,
    progress: ProgressCallback | None = None,
    stop: threading.Event | None = None,
) -> LoadResult:
    """Loads a pinned dump, or goes on with it, and returns when all of it is in the target, durably.

    With a `scan` of the same dump all of it is checked before anything is loaded, and indexes are built while other
    tables still load; with the target's `storage` it must fit. Raises Refused (nothing was touched), PermanentError,
    TemporaryError (start again: it goes on).
    """
    return _Load(s3, dump, target, options or Options(), scan, storage, progress, stop or threading.Event()).run()


def choose_workers() -> int:
    """Returns how many sessions load when nothing is said: one for each processor of this machine, from 2 to 8."""
    return max(2, min(8, os.cpu_count() or 2))


def choose_piece_bytes(preferred: int, workers: int) -> int:
    """Returns a piece's size in bytes with which all sessions together stay within PIECES."""
    return min(preferred, PIECES // (workers + SPARE))


@dataclass
class _Load:
    s3: S3Client
    dump: Dump
    target: Target
    options: Options
    scan: Scan | None
    storage: Storage | None
    report: ProgressCallback | None
    stop: threading.Event
    workers: list[Worker] = field(default_factory=list[Worker])
    pre_data: list[ClassifiedStatement] = field(default_factory=list[ClassifiedStatement])
    post_data: list[ClassifiedStatement] = field(default_factory=list[ClassifiedStatement])
    among_data: list[ClassifiedStatement] = field(default_factory=list[ClassifiedStatement])
    """Statements among the data that have not run yet: one transaction for many sequences or large objects."""
    drops: int = 0
    """Statements of pg_dump --clean: the target is empty, they are never run."""

    def run(self) -> LoadResult:
        try:
            with closing(self._open_operator_session()) as session:
                _lock(session, self.stop)
                session.query("select pg_catalog.set_config('application_name', %s, false)", (APPLICATION,))
                mark = ledger.read_mark(session)
                if mark is not None:
                    ledger.refuse_other(session, mark, self.dump)
                    return _build_already_loaded(session, self.dump, mark)
                end_sessions(session, LoadRole.of(session).name, self.stop, APPLICATION)
                ReadRole.of(session).forget(self.stop)
                with closing(SqlStream(self.s3, self.dump, self.options.pg_restore, self.stop)) as stream:
                    return self._load_stream(session, stream)
        except psycopg.Error as error:
            raise build_failure(error, f"target {self.target}") from error

    def _open_operator_session(self) -> LoadSession:
        own = self.options.login is LoadLogin.OWN
        return LoadSession(self.target, {**self.options.settings, **({} if own else PINNED)}, WAITING)

    def _load_stream(self, session: LoadSession, stream: SqlStream) -> LoadResult:
        self.operator = self.session = session
        self.stream = stream
        self.meter = Meter(self.dump.size, lambda: stream.bytes_read)
        resumed = ledger.exists(session)
        if self.scan is None and self.options.check_first and not resumed:
            self.scan = scan(self.s3, self.dump, self.options, progress=self._check, stop=self.stop, count=False)
        self.done = ledger.read(session, self.dump, stream.reader) if resumed else None
        count = self.options.workers or choose_workers()
        segment = self.done.segment_bytes if self.done else choose_piece_bytes(self.options.segment_bytes, count)
        self.board = WorkQueue(count, segment)
        self.lost = NotLoadedList(self.options.on_error)
        self.meter.tasks = self.board
        self.seen = list_seen(self.scan, segment) if self.scan else {}
        splitter = Splitter(stream, self.board.take, segment, seen=self._find_seen)
        self.script = Script(splitter, self.dump.url, Skips(self.options.skip))
        ticker = Ticker(self.meter, self.report, self._tick)
        try:
            self._load_all(count, segment)
        except BaseException as error:
            self.board.fail(error)
            self._cancel()
            raise self._find_cause(error) from error
        finally:
            self.board.end()
            for worker in self.workers:
                worker.join()
            ticker.close()
            self._disable_login()
        return self._build_result()

    def _disable_login(self) -> None:
        """What an attempt that failed leaves behind can't log in."""
        if self.session is self.operator or self.session.connection.closed:
            return
        self.session.close()
        with suppress(psycopg.Error, RestoreError):
            self.operator.query("set lock_timeout to '5s'")  # nothing cancels it any more
            LoadRole.of(self.operator).close(self.stop)

    def _find_seen(self, table: bytes) -> Seen:
        """Of a table that the dump makes: it has one COPY."""
        return self.seen.get(table, NOTHING) if table in self.script.plain else NOTHING

    def _check(self, progress: Progress) -> None:
        """The check's end isn't the load's."""
        if self.report and progress.phase is LoadPhase.READING:
            self.report(progress)

    def _find_cause(self, error: BaseException) -> BaseException:
        """The first error of any thread; a Stopped of this one only tells that there is one."""
        first = self.board.error or error
        return build_failure(first, f"target {self.target}") if isinstance(first, psycopg.Error) else first

    def _tick(self) -> None:
        """Again each time: a session that was between two statements has not noticed."""
        if self.stop.is_set():
            self.board.fail(TemporaryError("stopped; start again: it goes on where it was"))
        if self.board.error is not None:
            self._cancel()

    def _cancel(self) -> None:
        for worker in self.workers:
            if worker.session is not None:
                worker.session.cancel()
        self.session.cancel()
        self.operator.cancel()

    # The phases

    def _load_all(self, count: int, segment: int) -> None:
        self._begin(count, segment)
        self._read()
        if not self.workers:
            self._start(count)
        self.board.end_reading()
        self.afterwards.run(self.post_data, self.meter.enter)
        self._finish()
        self.meter.enter(LoadPhase.FINISHED)

    def _begin(self, count: int, segment: int) -> None:
        """Reads the definitions, checks the target, and runs them."""
        self.items = self.script.read_items()
        needs = Needs()
        self.first: ClassifiedStatement | CopyBegin | Piece | None = None
        for item in self.items:
            if not isinstance(item, ClassifiedStatement) or self.script.section is not DumpSection.PRE_DATA:
                self.first = item
                break
            if item.kind == "drop":
                self.drops += 1
                continue
            needs.see(item)
            (self.post_data if item.kind == LAST else self.pre_data).append(self.script.hold(item))
        needs.server_version = self.script.server_version
        self._add_scan(needs)
        self.meter.enter(LoadPhase.PREPARING)
        self.done = done = self._prepare(needs, segment)
        self._count_done(done)
        self.control = Control(self.session, self.operator, done, self.options, self.prepared, self.lost)
        self.control.run_all(self.pre_data)
        sizes = {table: seen.bytes for table, seen in self.seen.items()}
        self.rows = Rows(self.board, self.meter, done, self.script.plain, sizes, self.script.skips.tables)
        planner = Planner(self.rows.find_size, self.script.partitioned, list_text_columns(self.session))
        self.autovacuum = Autovacuum(self.control, self.pre_data)
        self.inserts = Inserts(self.control, self.meter, done)
        self.afterwards = Afterwards(self.board, self.control, done, planner, self.options)
        self._plan_early()
        self.meter.enter(LoadPhase.LOADING)
        if self.first is not None:
            self._start(count)

    def _prepare(self, needs: Needs, segment: int) -> Done:
        """Roles, the ledger, and the session that runs the dump's statements. Nothing of the dump has run yet."""
        name = LoadRole.of(self.operator).name
        before = server_objects.read(self.operator, name)
        self.prepared = prepare(self.operator, needs, self.options, self.storage, empty=self.done is None)
        now = server_objects.read(self.operator, name)
        done = self.done
        if done is None:
            public = LoadRole.of(self.operator).find_public_owner()
            done = ledger.begin(self.operator, self.dump, segment, self.stream.reader, now, public)
        elif before != now:
            ledger.set_server(self.operator, server_objects.rebase(ledger.read_server(self.operator), before, now))
        if self.prepared.load_role:
            self.prepared.load_role.take_public(ledger.read_public_owner(self.operator))
            ledger.admit(self.operator, name)
            self.session = LoadSession(self.prepared.target, self.options.settings)
        return done

    def _add_scan(self, needs: Needs) -> None:
        """What a scan saw behind the definitions is needed too. Raises PermanentError, Refused."""
        if self.scan is None:
            return
        if self.scan.dump.identity != self.dump.identity:
            raise PermanentError(f"the scan is of {self.scan.dump.identity}, the load of {self.dump.identity}")
        if self.scan.problems:
            raise Refused(self.scan.problems)
        needs.roles.update(self.scan.roles)
        needs.owners.update(self.scan.owners)
        needs.extensions.update(self.scan.extensions)
        needs.bytes = self.scan.target_bytes

    def _plan_early(self) -> None:
        """With a scan the indexes are known: a table's are built as soon as its rows are there."""
        if self.scan is not None:
            classified = [classify(Statement(sql, number, 0, line)) for number, line, sql in self.scan.indexes]
            self.afterwards.plan_early(classified)

    def _count_done(self, done: Done) -> None:
        if done.resumed:
            for refused in ledger.read_refused_rows(self.operator):
                self.lost.add_rows(*refused)
        for ranges in done.copies.values():
            self.meter.rows += sum(rows for _, rows in ranges.values())
        self.meter.rows += done.inserted_rows

    def _start(self, count: int) -> None:
        settings = list(self.control.settings)
        own = {
            "maintenance_work_mem": choose_maintenance_memory(self.session.read_shared_buffers(), count),
            **self.options.settings,
        }

        def connect() -> LoadSession:
            session = LoadSession(self.prepared.target, own)
            for setting in settings:
                session.run(setting)
            return session

        self.workers.extend(Worker(self.board, self.meter, self.lost, connect) for _ in range(count))

    def _read_remaining(self) -> Iterator[ClassifiedStatement | CopyBegin | Piece]:
        if self.first is not None:
            yield self.first
            yield from self.items

    def _read(self) -> None:
        """The data, and what is behind it."""
        for item in self._read_remaining():
            if self.board.over:
                raise self.board.error or TemporaryError("stopped")
            if isinstance(item, ClassifiedStatement) and item.kind == "insert":
                self._run_among_data()
                self.inserts.see(item)
                continue
            self.inserts.flush()
            if isinstance(item, Piece):
                self._run_among_data()
                self._load_piece(item)
            elif isinstance(item, ClassifiedStatement):
                self._run_statement(item)
        self.inserts.flush()
        self._run_among_data()

    def _load_piece(self, piece: Piece) -> None:
        table = piece.begin.table
        if piece.at == 0 and not piece.last and table in self.script.plain - self.script.skips.tables:
            self.autovacuum.pause(table)
        self.rows.see(piece)

    def _run_statement(self, classified: ClassifiedStatement) -> None:
        if classified.kind in ("begin", "commit") or (classified.kind == "large_object" and self.control.in_group):
            self._run_among_data()
            self.control.group(classified)
        elif classified.kind == "set" or self.script.section is DumpSection.DATA:
            self.among_data.append(classified)
            if classified.kind == "set" or len(self.among_data) == BATCH:
                self._run_among_data()
        else:
            self._run_among_data()
            self._postpone(classified)

    def _run_among_data(self) -> None:
        statements, self.among_data = self.among_data, []
        self.control.run(statements)

    def _postpone(self, classified: ClassifiedStatement) -> None:
        """Kept for later. Raises PermanentError for what somebody must decide about."""
        needs = Needs()
        needs.see(classified)
        problems = list_undecided(needs, self.options)
        if problems:
            raise PermanentError.of(problems[0])
        self.post_data.append(self.script.hold(classified))

    def _finish(self) -> None:
        invalid = [str(name) for (name,) in self.session.query(INVALID_INDEXES)]
        if invalid:
            fix = 'docs/dumps.md, "A dump by hand": drop the database and load again; if it stays so, report it'
            found = f"invalid indexes: {', '.join(invalid)}"
            raise PermanentError.of(Problem(f"target {self.target}", found, "none", fix))
        self._refuse_nothing()
        self.autovacuum.resume(self.post_data)
        last = [item for item in self.post_data if item.kind == LAST]
        if self.prepared.load_role:
            self.control.unlog()
            self._end_sessions(self.prepared.load_role)
        self.changes = self._list_changes()
        ledger.finish(self.operator, self._build_mark, self._hand_over, lambda: self.control.run_last(last))

    def _refuse_nothing(self) -> None:
        """A database without any of the dump's rows is no loaded one."""
        lost = [item for item in self.lost.list_all() if item.kind == "rows"]
        if lost and not self.meter.rows:
            found = f"no row of the dump could be loaded; {lost[0].name}: {lost[0].reason}"
            fix = 'docs/dumps.md, "What the server refuses"; python -m restore.dumps list s3://<bucket>/<prefix>/'
            raise PermanentError.of(Problem(f"target {self.target}", found, "rows that the server takes", fix))

    def _build_mark(self) -> dict[str, Any]:
        return {
            "dump": self.dump.identity,
            "rows": self.meter.rows,
            "changes": self.changes,
            "notLoaded": [_build_remembered(item) for item in self.lost.list_all()[:MOST_REMEMBERED]],
        }

    def _end_sessions(self, load_role: LoadRole) -> None:
        """Nothing of the dump runs any more; then its tables change hands."""
        self.board.end()
        for worker in self.workers:
            worker.join()
        self.session.close()
        load_role.close(self.stop)
        load_role.give_public_back(ledger.read_public_owner(self.operator))
        load_role.hand_over(self.prepared.heir)

    def _list_changes(self) -> tuple[str, ...]:
        """What the server lost or got meanwhile, and the load did not do."""
        now = server_objects.read(self.operator, LoadRole.of(self.operator).name)
        return server_objects.list_changes(ledger.read_server(self.operator), now)

    def _hand_over(self) -> None:
        """Within the last transaction."""
        if self.prepared.load_role:
            self.prepared.load_role.bequeath(self.prepared.heir)
        else:
            self.control.unlog_as(self.operator)

    def _build_result(self) -> LoadResult:
        return LoadResult(
            dump=self.dump,
            tables=self.meter.list_tables(self.script.decode_name),
            rows=self.meter.rows,
            bytes=self.script.bytes,
            seconds=self.meter.seconds,
            phases=dict(self.meter.phases),
            resumed=self.rows.done.resumed,
            already_loaded=False,
            skipped=(*_describe_drops(self.drops), *self.script.list_left_out(), *self.control.skipped),
            created_roles=self.prepared.created,
            server_changes=self.changes,
            not_loaded=self.lost.list_all(),
            **_read_owned(self.operator),
        )


def list_seen(scan: Scan, segment: int) -> dict[bytes, Seen]:
    """Returns what a load in pieces of `segment` bytes need not find out again, by the table's name in the dump's
    encoding."""
    codec, same = encodings.find_codec(scan.encoding), scan.segment_bytes == segment
    return {
        encodings.encode(table.name, codec): Seen(table.bytes, scan.pieces.get(table.name, ()) if same else ())
        for table in scan.tables
    }


def _describe_drops(count: int) -> tuple[str, ...]:
    return (f"drops of pg_dump --clean: {count} (the target was empty)",) if count else ()


def _build_already_loaded(session: LoadSession, dump: Dump, mark: Mapping[str, Any]) -> LoadResult:
    rows, changes = int(mark.get("rows", 0)), tuple(map(str, mark.get("changes", ())))
    empty = LoadResult(dump, (), rows, 0, 0.0, {}, resumed=True, already_loaded=True, skipped=())
    lost = list_absent(session, [NotLoaded(**item) for item in mark.get("notLoaded", ())])
    return replace(empty, server_changes=changes, not_loaded=lost, **_read_owned(session))


def _build_remembered(item: NotLoaded) -> dict[str, Any]:
    """Without its SQL: everybody on the server can read a database's comment. Owners they can read anyway."""
    sql = {"sql": item.sql} if item.kind == "owners" else {}
    return {"kind": item.kind, "name": item.name, "reason": item.reason, "line": item.line, **sql}


def _read_owned(session: LoadSession) -> dict[str, tuple[str, ...]]:
    """Of the loaded database: what runs with its owner's rights, and which owners can log in."""
    definers = tuple(str(function) for (function,) in session.query(SECURITY_DEFINER))
    return {"security_definer": definers, "logins": tuple(str(name) for (name,) in session.query(LOGINS))}


def _lock(session: LoadSession, stop: threading.Event) -> None:
    """One load at a time. Raises TemporaryError when another one goes on for LOCK_SECONDS, or when stopped."""
    wait_for(
        lambda: ledger.try_lock(session),
        lambda taken: taken,
        stop=stop,
        deadline=time.monotonic() + LOCK_SECONDS,
        subject=f"target {session.target} to be free",
        describe=lambda _: "another load is running",
        fix="SELECT pid, application_name FROM pg_stat_activity (until none of them is left); pulumi up",
        longest=1.0,
    )
