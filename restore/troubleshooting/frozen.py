"""Troubles while the applications stand at zero: gate `quiesced` and the safety snapshot."""

from __future__ import annotations

from restore.troubleshooting.entry import Chapter, Entry

ACTIVITY = "SELECT pid, usename, application_name, client_addr, state, query_start FROM pg_stat_activity"
CHAPTER = Chapter(
    "While frozen",
    "The applications are stopped; a candidate is made beside it. Nothing is lost by leaving them stopped while you "
    "think; to give up: `pulumi config set traffic source && pulumi up`.",
    (
        Entry(
            ("quiesced.pods", "switched.pods"),
            "Pods of the applications are still there: terminating, or brought back by somebody.",
            "Zero replicas prove nothing before the last pod has ended. A pod that terminates two minutes past its "
            "grace period is on a node that is dead: delete it by force only when that node is gone for good.",
            "kubectl -n <namespace> get pods -o wide; pulumi up",
        ),
        Entry(
            ("quiesced.sessions", "switched.sessions"),
            "Clients are connected, though no pod is: a psql, a pooler, a job elsewhere, monitoring.",
            "Whoever is connected may write what the restore won't have. Each is named with user, application and "
            "address. Clients that take long to let go get more time by the key quiet.graceSeconds; monitoring that "
            "never writes is left out by the key quiet.ignore, by name and with a reason.",
            f"{ACTIVITY}; pulumi config set --path quiet.graceSeconds <seconds>; pulumi up",
        ),
        Entry(
            ("<gate>.unfenced:<region>",),
            "The region of the source doesn't answer, and applications there may still write to it.",
            "Nobody can prove from here that they are stopped; a person who knows it says so, once for both gates.",
            'docs/region.md, "The writers of the lost region"; pulumi up',
        ),
        Entry(
            ("quiesced.prepared", "switched.prepared"),
            "Transactions are prepared (two-phase commit), with no session of theirs.",
            "Each may be committed at any moment by its transaction manager, and writes then.",
            "SELECT gid, prepared, owner, database FROM pg_prepared_xacts; ROLLBACK PREPARED '<gid>'; pulumi up",
        ),
        Entry(
            ("quiesced.writes", "switched.writes"),
            "Rows are written although no client session is seen.",
            "Something inside of the server writes: pg_cron, a subscription, a background worker.",
            "SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables; pulumi up",
        ),
        Entry(
            (
                "quiesced.cron:<job>",
                "switched.cron:<job>",
                "quiesced.subscription:<name>",
                "switched.subscription:<name>",
                "quiesced.partman:<database>",
                "switched.partman:<database>",
            ),
            "A job of pg_cron is active, a subscription is enabled, or pg_partman's worker has a database.",
            "They write without any session. A restored copy has the same ones: what you stop is to be started again "
            "at the database that serves in the end.",
            'SELECT cron.alter_job(<job>, active := false); ALTER SUBSCRIPTION "<name>" DISABLE; '
            "aws rds reset-db-parameter-group --db-parameter-group-name <group> "
            "--parameters ParameterName=pg_partman_bgw.dbname,ApplyMethod=immediate; pulumi up",
        ),
        Entry(
            ("<gate>.unreachable", "serving.unreachable"),
            "The database can't be asked: stopped, full, hung, its key gone, a changed password, no network.",
            "Nobody can prove then that no other client writes. Start it, or waive it when you know that it is dead.",
            "aws rds describe-db-instances --db-instance-identifier <name>; "
            'pulumi config set --plaintext --path \'waive["quiesced.unreachable"]\' "<reason>"; pulumi up',
        ),
        Entry(
            ("quiesced.latest",),
            "LatestRestorableTime doesn't pass the moment at which the database was quiet.",
            "RDS uploads its log about every 5 minutes. Until then `latest` would lose the last writes.",
            "aws rds describe-db-instances --db-instance-identifier <source> --query "
            "'DBInstances[0].LatestRestorableTime'; pulumi up",
        ),
        Entry(
            ("safety-snapshot",),
            "RDS takes no snapshot of the source in its status.",
            "The snapshot keeps what is there now, even if corrupted. A dead source has none to give: do without.",
            "aws rds start-db-instance --db-instance-identifier <source> (if it is stopped); "
            'pulumi config set --plaintext --path \'waive["safety-snapshot"]\' "<reason>"; pulumi up',
        ),
        Entry(
            ("<gate>.unproved",),
            "The gate could not run to its end; `found` has the error, with the name of what failed.",
            "Not a verdict about the data: something could not be asked. Look up the name in `found` here as well.",
            "pulumi up; python -m restore report",
        ),
    ),
    (
        Entry(
            ("stopped by the operator",),
            "A gate's text ends so.",
            "Ctrl-C, or another step failed and the engine ended the run. Nothing was waived, nothing is lost.",
            "pulumi up",
        ),
        Entry(
            ("waiting for LatestRestorableTime",),
            "`up` stands there for minutes.",
            "Normal with `time latest`: RDS uploads its log about every 5 minutes.",
            "pulumi up (if it was stopped)",
        ),
    ),
)
