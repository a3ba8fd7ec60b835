"""Troubles with the restored instance: gates `conformed` and `validated`."""

from __future__ import annotations

from restore.troubleshooting.entry import Chapter, Entry

ANOTHER_POINT = "python -m restore options; pulumi config set id <another one>; pulumi preview"
REPORT = "python -m restore report (has the rows and the statement); pulumi up"
INSTANCE = (
    Entry(
        ("conformed.<setting>",),
        "A setting of the candidate isn't the source's.",
        "A restore gives defaults for what isn't passed. What could be changed was; this could not, or the key "
        "`instance` says otherwise. Why RDS refused stands in `found`; during its first backup it changes nothing.",
        "pulumi config set --path instance.<setting> <value> (if another value is right); pulumi up",
    ),
    Entry(
        ("conformed.login",),
        "The candidate refuses the operator's password, and RDS didn't take it as the new one.",
        "The master password of a restore is that of its recovery point; RDS may have rotated the source's since. It "
        "is set on the candidate where login.user is its master user; RDS takes it in status available alone.",
        "aws rds describe-db-instances --db-instance-identifier <candidate>; pulumi up",
    ),
    Entry(
        ("conformed.pendingReboot",),
        "The candidate's parameter group is `pending-reboot`.",
        "Its static parameters (shared_preload_libraries, max_connections, ...) don't count before a reboot, which the "
        "program does by itself, but never of a database that serves or has served.",
        "aws rds reboot-db-instance --db-instance-identifier <candidate>; pulumi up",
    ),
)
ASKING = (
    Entry(
        ("validated.proved",),
        "No row of any table was read.",
        "An empty database, the wrong database, or one that can't be read. No waiver covers this.",
        "pulumi config set --path login.database <name> (if it is another one); pulumi up",
    ),
    Entry(
        (
            "validated.connection",
            "validated.<side>-connection",
            "validated.catalog",
            "validated.<side>-catalog",
            "validated.server",
            "validated.not-the-source",
        ),
        "The endpoint doesn't answer, its tables can't be listed, or it isn't the database that is meant.",
        "Until these hold nothing else is asked. `validated.application-connection` is the application's own login, "
        "whose password is that of the recovery point.",
        'docs/checks.md, "Connections"; pulumi up',
    ),
    Entry(
        ("validated.in-cluster",),
        "A Job in the applications' namespace can't log in to the candidate with their own login.",
        "The applications could not either: the candidate's security groups, the namespace's network policies, an old "
        "password, or an image that can't be pulled. psql's last words are in `found`.",
        "kubectl -n <namespace> describe job restore-validate-<id>; "
        "pulumi config set --path validation.image <image with psql and sh>; pulumi up",
    ),
    Entry(
        ("validated.application:<what>", "validated.application"),
        "The application's login may not do what it does on the source.",
        "Grants are those of the recovery point.",
        'docs/checks.md, "The application"; pulumi up',
    ),
    Entry(
        ("validated.required:<family>",),
        "The expectations file requires a kind of check that it doesn't declare.",
        "A check that nobody wrote can't fail, which proves nothing.",
        "docs/expectations.md has every section; pulumi up",
    ),
)
ROWS = (
    Entry(
        ("validated.tables", "validated.tables-of-source", "validated.tables-of-baseline"),
        "There are no tables, or tables of the source or the baseline are missing or empty.",
        "The recovery point lies before their creation or after their loss; or it is the wrong database.",
        f'{ANOTHER_POINT}; docs/checks.md, "Rows and tables"',
    ),
    Entry(
        ("validated.rows:<table>", "validated.baseline"),
        "Fewer or more rows than expected; or no baseline from before the recovery point.",
        "Usually the wrong recovery point: after the deletion, or too early.",
        f'{ANOTHER_POINT}; docs/checks.md, "Rows and tables"',
    ),
    Entry(
        ("validated.must-exist:<row>", "validated.must-not-exist:<row>"),
        "A row that has to be there isn't, or one that must be gone is there.",
        "The recovery point lies on the wrong side of the incident.",
        f'{ANOTHER_POINT}; docs/checks.md, "Rows and tables"',
    ),
    Entry(
        ("validated.freshness:<column>",),
        "The newest value is too old, or later than the recovery point.",
        "Too old: data stopped earlier than thought. Later: this isn't the state that was asked for.",
        f'{ANOTHER_POINT}; docs/checks.md, "Freshness"',
    ),
    Entry(
        ("validated.not-null:<column>",),
        "Rows without a value where each should have one.",
        "A half-done migration, or damage that is older than the recovery point.",
        REPORT,
    ),
)
SCHEMA = (
    Entry(
        ("validated.migrations",),
        "A migration is unfinished, rolled back or missing.",
        "The recovery point lies in the middle of a deployment, or before it: the code that runs must match.",
        f'{ANOTHER_POINT}; docs/checks.md, "Migrations"',
    ),
    Entry(
        ("validated.schema:<section>", "validated.source-schema:<section>"),
        "Tables, columns, indexes, grants, ... differ from the baseline or the source.",
        "Right after a recovery point before a migration; otherwise something is missing.",
        'python -m restore report (lists what differs); pulumi up; docs/checks.md, "Migrations"',
    ),
    Entry(
        ("validated.settings:<name>", "validated.extensions:<name>", "validated.extension-versions"),
        "A server setting or an extension isn't as declared.",
        "The parameter group isn't the source's, or the extension isn't installed in this version.",
        "pulumi config set --path instance.parameterGroupName <group>; pulumi up; "
        'docs/checks.md, "Roles, settings, extensions"',
    ),
    Entry(
        ("validated.roles:<role>",),
        "A role lacks an attribute, a membership or a privilege, or has one that it must not have.",
        "Roles are those of the recovery point.",
        'GRANT "<role>" TO "<user>"; pulumi up; docs/checks.md, "Roles, settings, extensions"',
    ),
)
INTEGRITY = (
    Entry(
        ("validated.foreign-key:<constraint>", "validated.unique-key:<index>"),
        "Rows without their parent, or keys that are there twice.",
        "Faults that the source has in the same place are advisory; these are new, or there was no source to ask.",
        f'{REPORT}; docs/checks.md, "Keys and sequences"',
    ),
    Entry(
        ("validated.sequence:<column>",),
        "A sequence would give out numbers that are used already.",
        "The next insert fails with a duplicate key.",
        "SELECT setval('<sequence>', (SELECT max(<column>) FROM <table>)); pulumi up; "
        'docs/checks.md, "Keys and sequences"',
    ),
    Entry(
        ("validated.indexes", "validated.collations"),
        "An index isn't valid, or was built under another version of a collation.",
        "Queries may miss rows, and unique keys may not hold.",
        'REINDEX INDEX "<index>"; pulumi up',
    ),
    Entry(
        ("validated.triggers", "validated.row-security"),
        "Triggers or policies are switched off.",
        "A load that broke off leaves them so: foreign keys aren't enforced, rows aren't hidden.",
        REPORT,
    ),
    Entry(
        ("validated.writable",),
        "A setting of database or role makes sessions read-only or refuses them.",
        "What freezing by hand leaves behind: the applications would fail after the switch.",
        REPORT,
    ),
    Entry(
        ("validated.prepared-transactions", "validated.replication-slots", "validated.subscriptions"),
        "Something of the source's life goes on in its copy: a prepared transaction, a slot, a subscription.",
        "Prepared transactions hold locks, slots keep log until the storage is full, a subscription takes the source's "
        "place at its publisher.",
        "SELECT gid FROM pg_prepared_xacts; SELECT slot_name, active FROM pg_replication_slots; "
        "SELECT subname, subenabled FROM pg_subscription; pulumi up",
    ),
    Entry(
        (
            "validated.amcheck-catalog",
            "validated.amcheck-heap:<relation>",
            "validated.amcheck-index:<relation>",
            "validated.checksums",
            "validated.files",
            "validated.heap-and-index:<relation>",
            "validated.toast:<relation>",
        ),
        "Blocks of a table or an index are damaged.",
        "Damage on disk that the recovery point has as well: an earlier one may not.",
        ANOTHER_POINT,
    ),
)
ADVISORY = (
    Entry(
        (
            "validated.future:<column>",
            "validated.logins",
            "validated.migration-checksums",
            "validated.sequences-of-baseline",
            "validated.statistics",
            "validated.transaction-ids",
        ),
        "Told in the report, and shuts nothing.",
        "Worth a look in daylight: times in the future, expired passwords, changed migration scripts, sequences that "
        "went back, missing statistics, old transaction ids.",
        "python -m restore report",
    ),
)
CHAPTER = Chapter(
    "The candidate: conformed, validated",
    "The restored instance exists and isn't used by anybody. Wrong data usually means the wrong recovery point: choose "
    "another one under a new id; this candidate stays until you delete it.",
    (*INSTANCE, *ASKING, *ROWS, *SCHEMA, *INTEGRITY, *ADVISORY),
    (
        Entry(
            ("validated.<a check of your own>",),
            "A check from your .sql files fails.",
            "Its own text says what is needed.",
            REPORT,
        ),
        Entry(
            ("the restore takes long",),
            "The candidate is `creating` for an hour or more.",
            "AWS gives no figure; size and the amount of log decide. Nothing here times out before 24 hours.",
            "python -m restore status; "
            "aws rds describe-events --source-type db-instance --source-identifier <name> --duration 1440",
        ),
        Entry(
            ("status backing-up",),
            "The candidate is `backing-up` for hours.",
            "Normal after a restore: RDS makes its first backup, and the instance can be used meanwhile. Until it has "
            "ended RDS takes no modification and no rename, and nothing can be recovered to a point in time.",
            "python -m restore status",
        ),
        Entry(
            ("the restored database has wrong data",),
            "Rows are missing, or the damage is there as well.",
            "Wrong snapshot, or a time after the incident. The loss report says what only source or candidate has.",
            ANOTHER_POINT,
        ),
        Entry(
            ("the first queries are slow",),
            "The candidate answers far slower than the source did.",
            "After a restore blocks come from S3 when they are first read. The checks have read what they count.",
            "python -m restore status",
        ),
    ),
)
