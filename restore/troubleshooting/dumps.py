"""Troubles of method dump: finding a dump, reading it, loading it (gates `scanned` and `imported`)."""

from __future__ import annotations

from restore.troubleshooting.entry import Chapter, Entry

LIST = "python -m restore.dumps list s3://<bucket>/<prefix>/"
AGAIN = "pulumi up"
BY_HAND = 'docs/dumps.md, "A dump by hand"'
REFUSED = 'docs/dumps.md, "What the server refuses"; psql -f not-loaded.sql; pulumi up'
DIFFERS = 'docs/dumps.md, "What is loaded is not what the dump holds"; pulumi up'
FINDING = (
    Entry(
        ("dump", "dump <url>"),
        "No such dump, an empty one, one in Glacier, another object than was pinned, or one that this region can't "
        "restore.",
        "A dump is known by bucket, key and version. Glacier gives it back hours after the printed request.",
        f"{LIST}; pulumi config set dump <key>; pulumi preview",
    ),
    Entry(
        ("dump <url>, byte <byte>", "<object>, near stored byte <byte>"),
        "The download or the decompression fails at one place.",
        "The object is cut off or damaged, or S3 stopped answering.",
        f"{LIST}; pulumi up",
    ),
    Entry(
        ("dump, line <line>, byte <byte>",),
        "A statement or a line that pg_dump doesn't write, or one that needs a decision.",
        "Something else was put into the file (a log line, CRLF, a BOM, another tool's SQL), or a kind of object that "
        "isn't loaded unasked.",
        f"python -m restore.dumps plan <url>; {BY_HAND}",
    ),
    Entry(
        ("dump, line <line>, byte <byte>: <statement>",),
        "The server refuses a statement without which nothing behind it means the same, or the load was told to stop.",
        "An encoding or a role that this server lacks, or --on-error stop; the message is the server's own.",
        f"python -m restore.dumps plan <url>; {BY_HAND}",
    ),
    Entry(
        ("archive format",),
        "pg_restore isn't on PATH, or is older than the dump.",
        "Custom, directory and tar archives are read by pg_restore of the dump's version or newer.",
        f"{BY_HAND}: install PostgreSQL's client programs of the dump's version",
    ),
    Entry(
        ("skip <what>",),
        "The dump has nothing of that name to leave out.",
        "The name is misspelt, or is written otherwise in the dump: with its schema, without quotes.",
        "python -m restore.dumps plan <url>; pulumi config rm --path 'backups.skip[0]'; pulumi up",
    ),
    Entry(
        ("scanned.tables",),
        "The dump has no table with rows.",
        "A dump of the schema alone, or of an empty database.",
        f"{LIST}; pulumi config set id <another one>",
    ),
    Entry(
        ("scanned.owner:<role>",),
        "The dump gives objects to a role with rights beyond the database.",
        "The dump's own functions run with their owner's rights, also later: a back door.",
        "pulumi config set --path 'backups.map[\"<role>\"]' <owner>; pulumi up; or: "
        "pulumi config set --path 'backups.allow[0]' privileged_owner (for a dump you trust); pulumi up",
    ),
    Entry(
        ("scanned.storage", "storage of the target"),
        "The dump won't fit.",
        "RDS's autoscaling is slower than a load, and a full disk stops it halfway.",
        "pulumi config set --path instance.allocatedStorage <GiB>; pulumi up",
    ),
)
LOADING = (
    Entry(
        ("target <database>",),
        "The database isn't empty, holds another load or an unfinished one, or changed meanwhile.",
        "Nothing is loaded over something else, and a dump that was loaded isn't loaded again.",
        f"{BY_HAND}: the same command goes on with the same dump; pulumi up",
    ),
    Entry(
        ("table <table>, dump from line <line>, byte <byte>", "table <table>, dump <place>"),
        "Rows of one table were not taken.",
        "The data don't fit the dump's own table, or the connection was lost: then the load goes on.",
        f"pulumi up; {LIST}",
    ),
    Entry(
        ("role <role>", "roles", "the role that reads <database>"),
        "A role is missing, has too many rights, may not be made or joined, or has a reserved name.",
        "The load runs as a role of its own that is a member of the dump's owners and nothing else.",
        f"python -m restore.dumps plan <url>; {BY_HAND}",
    ),
    Entry(
        ("database <database>",),
        "The role of the load may not use the database.",
        "CONNECT or CREATE was revoked from its owner.",
        f'ALTER DATABASE "<database>" OWNER TO "<owner>"; {AGAIN}',
    ),
    Entry(
        ("extension <name>",),
        "The server doesn't have it.",
        "This engine version has no such extension, or its parameter rds.extensions doesn't allow it.",
        "SELECT name, default_version FROM pg_available_extensions; pulumi up",
    ),
    Entry(
        ("server version",),
        "The server is older than the one that the dump was taken from.",
        "A dump loads into the same major version or a newer one.",
        f"{LIST}; {BY_HAND}: load it into an instance of that version or a newer one",
    ),
    Entry(
        ("imported.rows:<table>", "imported.rows"),
        "A table has other rows than the dump, or none was compared.",
        "Somebody wrote to the candidate, or a trigger of the dump did.",
        DIFFERS,
    ),
    Entry(
        ("imported.indexes:<index>", "imported.constraints:<constraint>", "imported.sequences:<sequence>"),
        "An index is invalid, a constraint not validated, a sequence not where the dump has it.",
        "The dump's data break its own rules, or somebody changed it meanwhile.",
        DIFFERS,
    ),
    Entry(
        ("imported.<kind>:<name>",),
        "The server refused this part of the dump: a key, a table, a view, a policy, ...; everything else is loaded.",
        "The dump contradicts itself (a key twice, rows without their parent), or needs what this server lacks. The "
        "message is the server's own; the SQL to run later stands in not-loaded.sql beside the evidence.",
        REFUSED,
    ),
    Entry(
        ("imported.server:<what>",),
        "Something on the server changed during the load that the load didn't change: a role, a grant, a setting.",
        "A function of the dump, or somebody else. If nobody of yours did it: don't let this database serve.",
        DIFFERS,
    ),
)
COMMAND_LINE = (
    Entry(
        ("--plan", "--save", "--script", "--map", "--skip", "--allow", "region", "url"),
        "An argument of `python -m restore.dumps` can't be meant.",
        "The plan is of another dump or damaged, the word is unknown, or the bucket's region isn't known.",
        "python -m restore.dumps load --help",
    ),
    Entry(
        ("target URL in <variable>",),
        "The variable is empty, or holds no PostgreSQL URL.",
        "URLs come from the environment or a file, so that no password stands on a command line.",
        BY_HAND,
    ),
    Entry(
        ("FreeStorageSpace of <instance>",),
        "CloudWatch has no value of the last 15 minutes.",
        "The instance is new, or CloudWatch may not be asked.",
        f"{BY_HAND}: wait some minutes (--no-storage-check does without it)",
    ),
)
CHAPTER = Chapter(
    "Loading a dump",
    "Killed or cut off, the same command goes on where it was.",
    (*FINDING, *LOADING, *COMMAND_LINE),
)
