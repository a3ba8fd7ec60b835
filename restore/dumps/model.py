"""The words of the dump loader as values.

The functions on them, with the exact signatures that others build on:

    catalog.listing.list_dumps(s3, bucket, prefix) -> tuple[Dump, ...]  newest first
    catalog.listing.choose(dumps, name) -> Dump                         pure; raises Refused
    catalog.listing.pin_dump(s3, dump) -> Dump                          version id, ETag and size as they are now
    check.scan.scan(s3, dump, *, progress, stop) -> Scan
    load.loader.load(s3, dump, target, options, *, scan, storage, progress, stop) -> LoadResult
    check.verify.verify(s3, dump, target, *, scan, progress, stop) -> Verification

`s3` is a boto3 client, `target` a `validation.connect.target.Target`, `progress` a `ProgressCallback`, `stop` a
threading.Event that ends the work with a TemporaryError. They raise Refused for what must be decided first,
PermanentError for a damaged or hostile dump or a statement that the server refuses, TemporaryError where starting
again goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from restore.errors import Problem

MIB, GIB = 1 << 20, 1 << 30


class Format(StrEnum):
    """pg_dump's --format."""

    PLAIN = "plain"
    CUSTOM = "custom"
    DIRECTORY = "directory"
    TAR = "tar"


class Compression(StrEnum):
    """How the whole object is compressed; compression inside an archive format is not shown."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"
    LZ4 = "lz4"
    BZIP2 = "bzip2"
    XZ = "xz"


class LoadPhase(StrEnum):
    """The phases of a scan, a load or a verification, in their order."""

    READING = "reading"
    PREPARING = "preparing"
    LOADING = "loading"
    INDEXES = "indexes"
    CONSTRAINTS = "constraints"
    ANALYZING = "analyzing"
    FINISHED = "finished"

    @property
    def reads(self) -> bool:
        """The dump's bytes say how far it is; in the others tasks do."""
        return self in (LoadPhase.READING, LoadPhase.LOADING)


@dataclass(frozen=True)
class DumpPart:
    """A file of a directory-format dump."""

    key: str
    etag: str
    size: int
    version_id: str | None = None

    @property
    def name(self) -> str:
        return self.key.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Dump:
    """One dump in S3: an object, or for the directory format all objects below a prefix (`key` ends with `/`).

    After `objects.pinned` it names exact bytes: each read asks for this version id and ETag.
    """

    bucket: str
    key: str
    size: int
    """Bytes as stored, of all parts."""
    modified: datetime
    etag: str
    """ETag of the object; for a directory, one hash over the names and ETags of its parts."""
    version_id: str | None = None
    """None while not pinned, for a directory, and in a bucket without versioning."""
    storage_class: str = "STANDARD"
    readable: bool = True
    """False for an archived object (Glacier) without a restored copy."""
    parts: tuple[DumpPart, ...] = ()

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def identity(self) -> str:
        """Says for a receipt or a ledger which bytes these are."""
        return f"{self.url}?versionId={self.version_id or ''}&etag={self.etag}&size={self.size}"


@dataclass(frozen=True)
class TableRows:
    """What a dump or a target has of one table."""

    name: str
    """As pg_dump writes it: schema-qualified and quoted where needed."""
    rows: int
    bytes: int = 0
    """Bytes of its COPY data in the dump, uncompressed; 0 in a target."""


@dataclass(frozen=True)
class Demand:
    """What a statement of a dump presumes of a server (check.demands)."""

    kind: str
    name: str
    line: int
    """Of the first that does."""
    sql: str = ""
    """Of a statement that can be tried."""


@dataclass(frozen=True)
class Scan:
    """What is in a dump, by reading it from end to end."""

    dump: Dump
    format: Format
    compression: Compression
    server_version: str
    """`Dumped from database version`, e.g. `16.4`; "" when the dump doesn't say."""
    dump_version: str
    """Version of pg_dump, e.g. `16.4`."""
    encoding: str
    database: str | None
    """Its name, which the directory format alone tells; None otherwise."""
    roles: tuple[str, ...]
    """Every role that owns something, or is granted something; sorted, without PUBLIC and the predefined pg_*."""
    owners: tuple[str, ...]
    """Those of them that own something: the loading role must be a member of them."""
    extensions: tuple[str, ...]
    tables: tuple[TableRows, ...]
    """Largest first."""
    statements: Mapping[str, int]
    """Number of statements by kind."""
    bytes: int
    """Bytes of SQL text, uncompressed."""
    large_objects: int
    """Groups of them that have data; pg_dump puts those of one owner in one group."""
    problems: tuple[Problem, ...]
    """Why `load` would refuse it, as far as the dump alone tells."""
    complete: bool = True
    """Read to its end. False: `problems` says where it broke off."""
    sequences: Mapping[str, tuple[int, bool]] = field(default_factory=dict[str, "tuple[int, bool]"], repr=False)
    """Last value, and whether it was handed out."""
    not_valid: frozenset[str] = frozenset()
    """Names of the constraints that the dump itself declares NOT VALID."""
    indexes: tuple[tuple[int, int, bytes], ...] = field(default=(), repr=False)
    """Number, line (0: not counted) and text of the statements that make indexes and constraints: lets `load` begin
    with them early."""
    segment_bytes: int = 0
    """Bytes of each of the pieces in `pieces`."""
    pieces: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]], repr=False)
    """Rows of each piece of a table's data, where they were counted: spares `load` the counting."""
    security_definer: tuple[str, ...] = ()
    """Functions that run with their owner's rights, whoever calls them."""
    left_out: tuple[str, ...] = ()
    """What is left out by choice, in short, with what goes with it."""
    demands: tuple[Demand, ...] = ()
    """What it presumes of a server besides roles and extensions."""

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)

    @property
    def target_bytes(self) -> int:
        """A generous estimate of the bytes that a load needs: rows as text, their indexes, and WAL."""
        return int(self.bytes * 2.5) + 64 * MIB

    def as_json(self) -> dict[str, Any]:
        """Returns the scan as JSON-like values, for the plan and the evidence."""
        return {
            "dump": self.dump.url,
            "versionId": self.dump.version_id,
            "etag": self.dump.etag,
            "format": self.format.value,
            "compression": self.compression.value,
            "serverVersion": self.server_version,
            "dumpVersion": self.dump_version,
            "bytesStored": self.dump.size,
            "bytes": self.bytes,
            "targetBytes": self.target_bytes,
            "rows": self.rows,
            "tables": {table.name: table.rows for table in self.tables},
            "roles": list(self.roles),
            "extensions": list(self.extensions),
            "securityDefiner": list(self.security_definer),
            "largeObjects": self.large_objects,
            "leftOut": list(self.left_out),
            "problems": [str(problem) for problem in self.problems],
        }


class Roles(StrEnum):
    """What to do about roles that the dump names and the server lacks."""

    REFUSE = "refuse"
    CREATE = "create"
    """As NOLOGIN, without any attribute."""
    SKIP = "skip"
    """Leave out the owners and grants that name them; what they would own belongs to the loading role."""


class LoadLogin(StrEnum):
    """Whose rights the dump's own functions have while it is loaded."""

    SEPARATE = "separate"
    """Those of a role made for this load: a member of the dump's owners, and nothing else."""
    OWN = "own"
    """Those of the login given."""


class OnError(StrEnum):
    """What to do about a statement that the server refuses."""

    CONTINUE = "continue"
    """Load everything else, and name what could not be loaded."""
    STOP = "stop"
    """End the load there; the same command goes on."""


@dataclass(frozen=True)
class Options:
    """How to load. The defaults are right for a fresh RDS instance."""

    workers: int = 0
    """Connections that load and index at once; 0: by the machine this runs on, 2 to 8."""
    segment_bytes: int = 8 * MIB
    """One transaction's share of a table's rows. A load that goes on keeps the one it began with."""
    roles: Roles = Roles.REFUSE
    role_map: Mapping[str, str] = field(default_factory=dict[str, str])
    """Role of the dump: the role that stands for it in the target."""
    skip: frozenset[str] = frozenset()
    """What to leave out, with all that depends on it: kinds (restore.model.dump_kinds) such as `subscription`, and
    single objects such as `extension:postgis`."""
    allow: frozenset[str] = frozenset()
    """Kinds of statements to run that are refused otherwise."""
    on_error: OnError = OnError.CONTINUE
    search_path: tuple[str, ...] = ()
    """Schemas in which functions of the dump look for names that they don't qualify, while it is loaded."""
    login: LoadLogin = LoadLogin.SEPARATE
    superuser: bool = False
    """Load although the role may do more than its share: be superuser, or reach the server's files or programs."""
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    """Settings of the loading sessions, on top of the standard ones; nothing of them is left behind."""
    check_first: bool = True
    """Read the whole dump before anything is loaded, unless a scan is given: what is wrong is said before."""
    analyze: bool = True
    pg_restore: str | None = None
    """Path of the program that reads archive formats; None: the one on PATH."""


@dataclass(frozen=True)
class Progress:
    """Where a scan, a load or a verification stands."""

    phase: LoadPhase
    seconds: float
    """Since its beginning."""
    bytes_read: int
    """Bytes of the dump as stored in S3."""
    bytes_total: int
    rows: int
    """Loaded so far, those of earlier attempts included."""
    rate: float
    """Bytes as stored per second, over the last seconds; 0 after the data."""
    left_seconds: float | None
    """Until the end of this phase; None where nothing is known."""
    tasks_done: int = 0
    """Indexes, constraints and the like."""
    tasks_total: int = 0
    doing: tuple[str, ...] = ()
    """What the sessions are at, e.g. `public.events`, `index events_pkey`."""

    def as_json(self) -> dict[str, Any]:
        """Returns the facts for a line of progress: JSON-like."""
        return {
            "phase": self.phase.value,
            "seconds": round(self.seconds, 1),
            "bytesRead": self.bytes_read,
            "bytesTotal": self.bytes_total,
            "rows": self.rows,
            "bytesPerSecond": round(self.rate),
            "secondsLeft": None if self.left_seconds is None else round(self.left_seconds),
            "tasksDone": self.tasks_done,
            "tasksTotal": self.tasks_total,
            "doing": list(self.doing),
        }


ProgressCallback = Callable[[Progress], None]
"""Called from one thread, at most a few times a second, and once at the end. It must not block."""


MINOR = frozenset({"comments", "publications", "settings", "statistics", "storage", "system_grants"})
"""Kinds of objects without which a database still does what it did."""


@dataclass(frozen=True)
class NotLoaded:
    """Something of the dump that the server refused."""

    kind: str
    """In the plural: `rows`, `keys`, `views`, ... (sql.objects.FORMS)."""
    name: str
    reason: str
    """The server's message; of rows with lines and column. No content of rows but a key's."""
    line: int
    """In the dump; 0: of no statement in it."""
    sql: str = ""
    """What to run for it later, without a semicolon; "" for rows, and for statements that may hold a password."""
    hint: str = ""
    """A query that shows all of what stands in the way, or a flag of the loader with which it would have been taken."""

    @property
    def matters(self) -> bool:
        return self.kind not in MINOR

    @property
    def subject(self) -> str:
        return f"{self.kind}:{self.name}"

    def as_json(self) -> dict[str, Any]:
        """Returns the facts for the evidence: JSON-like."""
        facts = {"kind": self.kind, "name": self.name, "reason": self.reason, "line": self.line}
        return facts | {name: text for name, text in (("sql", self.sql), ("hint", self.hint)) if text}


@dataclass(frozen=True)
class TargetPreview:
    """What a target will do with a dump, asked before anything of it is loaded."""

    problems: tuple[Problem, ...]
    """Why `load` would not begin."""
    refusals: tuple[NotLoaded, ...]
    """What `load` would leave out, as the server will refuse it."""

    def as_json(self) -> dict[str, Any]:
        """Returns the facts for a plan: JSON-like."""
        return {
            "problems": [str(problem) for problem in self.problems],
            "refusals": [item.as_json() for item in self.refusals],
        }


@dataclass(frozen=True)
class LoadResult:
    """A finished load."""

    dump: Dump
    tables: tuple[TableRows, ...]
    """As loaded, largest first. Empty when `already_loaded`."""
    rows: int
    bytes: int
    """Bytes of SQL text, uncompressed."""
    seconds: float
    """Seconds of this attempt."""
    phases: Mapping[str, float]
    """Seconds of this attempt by phase."""
    resumed: bool
    """An earlier attempt had begun."""
    already_loaded: bool
    """An earlier attempt had finished: nothing was done."""
    skipped: tuple[str, ...]
    """What was left out: statements in short, by choice or because what they make stood already, and how many drops."""
    created_roles: tuple[str, ...] = ()
    security_definer: tuple[str, ...] = ()
    """Functions of the loaded database that run with their owner's rights, with that owner."""
    logins: tuple[str, ...] = ()
    """Owners that can log in: a function of the dump that runs as one of them can change its password, unseen."""
    server_changes: tuple[str, ...] = ()
    """What changed on the server meanwhile and the load did not do, as `role intruder: new`."""
    not_loaded: tuple[NotLoaded, ...] = ()
    """What the server refused; of an earlier attempt without its SQL."""

    @property
    def is_whole(self) -> bool:
        """Tells whether everything that matters is there."""
        return not any(item.matters for item in self.not_loaded)

    def as_json(self) -> dict[str, Any]:
        """Returns the facts for the evidence: JSON-like."""
        return {
            "dump": self.dump.url,
            "versionId": self.dump.version_id,
            "etag": self.dump.etag,
            "rows": self.rows,
            "bytes": self.bytes,
            "tables": {table.name: table.rows for table in self.tables},
            "seconds": round(self.seconds, 1),
            "phases": {name: round(seconds, 1) for name, seconds in self.phases.items()},
            "resumed": self.resumed,
            "alreadyLoaded": self.already_loaded,
            "skipped": list(self.skipped),
            "createdRoles": list(self.created_roles),
            "securityDefiner": list(self.security_definer),
            "ownersThatLogIn": list(self.logins),
            "serverChanges": list(self.server_changes),
            "notLoaded": [item.as_json() for item in self.not_loaded],
        }


@dataclass(frozen=True)
class TableCheck:
    """Rows of one table in the dump and in the target; None where it has no such table."""

    name: str
    dump: int | None
    target: int | None

    @property
    def equal(self) -> bool:
        return self.dump == self.target


@dataclass(frozen=True)
class Verification:
    """The dump against the target."""

    tables: tuple[TableCheck, ...]
    invalid_indexes: tuple[str, ...]
    unvalidated_constraints: tuple[str, ...]
    """Other than those that the dump itself declares NOT VALID."""
    sequences: Mapping[str, tuple[int | None, int | None]]
    """Last value in the dump and in the target, of those that differ."""
    checked_sequences: int
    never_analyzed: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """An empty comparison proves nothing, and doesn't pass."""
        bad = self.invalid_indexes or self.unvalidated_constraints or self.sequences
        return bool(self.tables) and all(table.equal for table in self.tables) and not bad

    def as_json(self) -> dict[str, Any]:
        """Returns the facts for the evidence: JSON-like."""
        return {
            "passed": self.passed,
            "tables": {table.name: {"dump": table.dump, "target": table.target} for table in self.tables},
            "invalidIndexes": list(self.invalid_indexes),
            "unvalidatedConstraints": list(self.unvalidated_constraints),
            "sequences": {name: list(values) for name, values in self.sequences.items()},
            "sequencesChecked": self.checked_sequences,
            "neverAnalyzed": list(self.never_analyzed),
        }
