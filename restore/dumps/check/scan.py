"""Reads a dump from end to end and says what is in it. Touches nothing."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restore.dumps.check.demands import Demands
from restore.dumps.check.needs import Needs, list_undecided, list_unused_skips
from restore.dumps.check.progress import Meter, Ticker
from restore.dumps.model import Dump, LoadPhase, Options, ProgressCallback, Scan
from restore.dumps.read.readahead import Ahead
from restore.dumps.read.stream import SqlStream
from restore.dumps.sql import insert_statements, role_names
from restore.dumps.sql.allow_list import ClassifiedStatement, find_security_definer
from restore.dumps.sql.postponed_indexes import Postponed
from restore.dumps.sql.sections import DumpSection, Script
from restore.dumps.sql.skips import Skips
from restore.dumps.sql.splitter import SLACK, Piece, Splitter
from restore.errors import PermanentError, Problem, TemporaryError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def scan(
    s3: S3Client,
    dump: Dump,
    options: Options | None = None,
    *,
    progress: ProgressCallback | None = None,
    stop: threading.Event | None = None,
    count: bool = True,
) -> Scan:
    """Returns what is in a pinned dump. What is wrong with it stands in `problems`, all of it as far as it can be read.

    Without `count`, in three quarters of the time, rows are 0; where there are problems all is counted nevertheless.
    Raises TemporaryError when S3 doesn't answer or `stop` is set, PermanentError when it refuses.
    """
    halt = stop or threading.Event()
    with closing(SqlStream(s3, dump, options.pg_restore if options else None, halt)) as stream:
        result = _Scanner(stream, dump, options or Options(), halt).read(progress, count=count)
    if result.problems and not count:
        return scan(s3, dump, options, progress=progress, stop=stop)
    return result


@dataclass
class _Scanner:
    stream: SqlStream
    dump: Dump
    options: Options
    stop: threading.Event
    needs: Needs = field(default_factory=Needs)
    demands: Demands = field(default_factory=Demands)
    kinds: Counter[str] = field(default_factory=Counter[str])
    problems: list[Problem] = field(default_factory=list[Problem])
    sequences: dict[str, tuple[int, bool]] = field(default_factory=dict[str, "tuple[int, bool]"])
    not_valid: set[str] = field(default_factory=set[str])
    postponed: Postponed = field(default_factory=Postponed)
    indexes: list[tuple[int, int, bytes]] = field(default_factory=list[tuple[int, int, bytes]])
    definers: list[str] = field(default_factory=list[str])
    pieces: dict[bytes, list[int]] = field(default_factory=lambda: defaultdict(list))

    def read(self, report: ProgressCallback | None, *, count: bool) -> Scan:
        meter = Meter(self.dump.size, lambda: self.stream.bytes_read)
        segment = self.options.segment_bytes
        buffer = bytearray(segment + SLACK)
        ahead = Ahead(self.stream)
        splitter, skips = Splitter(ahead, lambda: buffer, segment, count=count), Skips(self.options.skip)
        script = Script(splitter, self.dump.url, skips, self.problems)
        ticker = Ticker(meter, report, lambda: None)
        complete = True
        try:
            self._scan_items(script, meter, count=count)
        except PermanentError as error:
            self.problems.append(
                error.problem
                or Problem(
                    self.dump.url,
                    str(error),
                    "a whole dump",
                    "take another dump: python -m restore.dumps list s3://<bucket>/<prefix>/",
                )
            )
            complete = False
        finally:
            ahead.close()
            meter.enter(LoadPhase.FINISHED)
            ticker.close()
        return self._scan(script, meter, complete=complete)

    def _scan_items(self, script: Script, meter: Meter, *, count: bool) -> None:
        for item in script.read_items():
            if self.stop.is_set():
                raise TemporaryError("stopped while reading the dump")
            if isinstance(item, Piece) and item.begin.table in script.skips.tables:
                continue
            if isinstance(item, Piece):
                meter.count_loaded(item.begin.table, item.rows, item.size)
                if count:
                    self.pieces[item.begin.table].append(item.rows)
            elif isinstance(item, ClassifiedStatement) and item.kind == "insert":
                meter.count_loaded(item.get_part("table"), insert_statements.count_rows(item), len(item.sql))
            elif isinstance(item, ClassifiedStatement):
                self._see(item, script, count=count)

    def _see(self, classified: ClassifiedStatement, script: Script, *, count: bool) -> None:
        self.kinds[classified.kind] += 1
        self.needs.see(classified)
        self.demands.see(classified)
        if name := find_security_definer(classified):
            self.definers.append(name)
        if classified.kind == "setval":
            name = classified.get_text("sequence").replace("''", "'")
            self.sequences[name] = int(classified.get_part("last")), classified.get_part("called") == b"true"
        elif script.section > DumpSection.PRE_DATA and self.postponed.is_early(classified):
            statement = classified.statement
            line = statement.line if count else 0
            self.indexes.append((statement.number, line, script.hold(classified).sql))
        if classified.kind in ("constraint", "foreign_key") and classified.sql.endswith(b" NOT VALID"):
            self.not_valid.add(role_names.unquote(classified.get_text("name")))

    def _scan(self, script: Script, meter: Meter, *, complete: bool) -> Scan:
        name = script.decode_name
        tables = meter.list_tables(name)
        return Scan(
            dump=self.dump,
            format=self.stream.format,
            compression=self.stream.compression,
            server_version=script.server_version,
            dump_version=script.dump_version,
            encoding=script.encoding,
            database=self.stream.database,
            roles=_list_roles(self.needs.roles),
            owners=tuple(sorted(filter(None, self.needs.owners))),
            extensions=tuple(sorted(self.needs.extensions)),
            tables=tables,
            statements=dict(self.kinds),
            bytes=script.bytes or sum(table.bytes for table in tables),
            large_objects=self.kinds["begin"],
            problems=(
                *self.problems,
                *list_undecided(self.needs, self.options),
                *(list_unused_skips(script.skips.list_unused(), self.dump) if complete else ()),
            ),
            complete=complete,
            sequences=self.sequences,
            not_valid=frozenset(self.not_valid),
            indexes=tuple(self.indexes),
            segment_bytes=self.options.segment_bytes,
            security_definer=tuple(self.definers),
            left_out=script.list_left_out(),
            demands=self.demands.list_all(),
            pieces={name(table): tuple(rows) for table, rows in self.pieces.items()},
        )


def _list_roles(names: set[str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in names if name and not name.startswith("pg_")))
