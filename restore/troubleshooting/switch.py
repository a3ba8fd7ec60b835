"""Troubles of the switch, of serving, of the way back and of the end."""

from __future__ import annotations

from restore.troubleshooting.entry import Chapter, Entry

SWITCHING = Chapter(
    "Switching",
    "`switched` proves that the switch is safe before the secret is touched: while it is shut nobody serves, and both "
    'databases are as they were. Problems with pods, sessions and rows have their entries under "While frozen".',
    (
        Entry(
            ("approved.person",),
            "With `approvals: 2`, nobody has approved this switch; or what was approved isn't what is to be switched.",
            "It was approved by the same identity as the run's, more than 12 h ago, or before something of it changed "
            "(another proof of the data, a waiver). No waiver covers it; the way back asks nobody.",
            "python -m restore approve (as another identity of AWS: docs/approvals.md); pulumi up",
        ),
        Entry(
            ("switched.row",),
            "No row of the database that is to serve could be read with the application's login; no waiver covers it.",
            "A restored database has the passwords of its recovery point; or it can't be reached at all.",
            'docs/operate.md, "A database can\'t be reached, or refuses a login"; pulumi up',
        ),
        Entry(
            ("the database that is to serve",),
            "The instance that traffic is to move to is gone.",
            "Somebody deleted it. The other database still has its data.",
            "python -m restore status; pulumi config set traffic <the other one>; pulumi up",
        ),
        Entry(
            ("switched.login",),
            "The application's login works, but what it may do could not be found out.",
            "The connection was lost, or the login is refused at times.",
            'docs/operate.md, "A database can\'t be reached, or refuses a login"; pulumi up',
        ),
        Entry(
            ("switched.privileges",),
            "The application's login lacks rights on its tables.",
            "Grants are those of the recovery point, or the dump had none.",
            'GRANT "<owner>" TO "<application>" (or run the GRANT that the problem prints); pulumi up',
        ),
        Entry(
            ("switched.recovery",),
            "The server is still in recovery.",
            "It can't be written to yet.",
            "aws rds wait db-instance-available --db-instance-identifier <name>; pulumi up",
        ),
        Entry(
            ("switched.proved",),
            "The instance under the candidate's name isn't the one that was proved.",
            "It was deleted and made again, by whomever: a proof belongs to a DbiResourceId, and this one has none.",
            "pulumi refresh --yes --target '**candidate-<id>'; pulumi config set traffic frozen; pulumi up",
        ),
        Entry(
            ("switched.writer:<kind>/<name>",),
            "A controller would put the secret back after the switch.",
            "It keeps the secret as its own source says: External Secrets, Vault, the CSI driver, sealed-secrets. The "
            "problem's own fix pauses it; its source must name the database that serves before it goes on.",
            "kubectl -n <namespace> get secret <secret> --show-managed-fields --output yaml; pulumi up",
        ),
        Entry(
            ("switched.written",),
            "Rows were written to the database that is left, after the freeze, or a table was emptied, rewritten or "
            "dropped; or its statistics were reset.",
            "A writer that no Deployment runs (a Lambda, a laptop, another cluster). The restored database hasn't got "
            "these rows; another proof of the same freeze doesn't hide them.",
            "python -m restore status; pulumi config set traffic <the other one>; pulumi up",
        ),
        Entry(
            ("switched.fence",),
            "The applications' role keeps its login on the database that is left, though the key fence is set.",
            "The operator needs CREATEROLE, and from PostgreSQL 16 on the ADMIN option on that role.",
            'docs/permissions.md, "PostgreSQL"; pulumi config rm fence; pulumi up',
        ),
        Entry(
            ("renamed.holder",),
            "With cutover rename: the database that is to serve hasn't got production's name; no waiver covers it.",
            "RDS refused a call, or somebody else's instance has a name that is needed. The text says who is called "
            "what. Nobody is served meanwhile; nothing is lost, and the next run goes on, or back, from there.",
            'docs/rename.md, "When it stops halfway"; pulumi up',
        ),
        Entry(
            ("renamed.pending:<identifier>",),
            "Changes of somebody else wait for the maintenance window of an instance that is to be renamed.",
            "RDS applies them along with a rename, which is made at once: a change of class or version takes its time, "
            "and happens while nobody is served.",
            "aws rds describe-db-instances --db-instance-identifier <identifier>; pulumi up",
        ),
        Entry(
            ("renamed.production",),
            "The names are right, but production's endpoint doesn't reach the database that has the name.",
            "DNS and RDS take minutes to follow a name. Or this machine keeps an old answer, or has no path to it.",
            'docs/rename.md, "When it stops halfway"; pulumi up',
        ),
        Entry(
            ("serving.dnsCache:<client>",),
            "After a rename, a client is connected to the instance that production's name has left.",
            "It keeps the address that the name had before (a DNS cache, a JVM, a pool), or names the instance itself.",
            "kubectl -n <namespace> delete pod <pod> (or start the client again); pulumi up",
        ),
        Entry(
            ("switched.sequences",),
            "Sequences can't be set past what the source gave out, though the key sequences is ahead.",
            "The source can't be asked and no baseline is known, the operator's login may not see them, or a limit of "
            "the sequence is reached.",
            'docs/permissions.md, "PostgreSQL"; pulumi config rm sequences; pulumi up',
        ),
        Entry(
            ("switched.erasure:<table>",),
            "Rows come back that were erased on purpose (the key erasure names their tables).",
            "The restore point is older than the erasure. Erase them again in the restored database before it serves, "
            "or soon after it does.",
            "python -m restore report; pulumi up",
        ),
        Entry(
            ("switched.secret:<secret>",),
            "The secret was changed while the switch was under way.",
            "User, password, database or parameters differ from what the plan was made of: somebody else writes it.",
            "kubectl -n <namespace> describe secret <secret>; pulumi up",
        ),
    ),
    (
        Entry(
            ("the application can't connect after the restore",),
            "Pods log connection errors right after the switch.",
            "Security groups or network policies that name the old instance, or a host that stands in another key or "
            "ConfigMap as well.",
            "kubectl -n <namespace> logs deployment/<name> --all-containers --tail 50; "
            "aws rds describe-db-instances --db-instance-identifier <name> --query "
            "'DBInstances[0].VpcSecurityGroups'; python -m restore status",
        ),
    ),
)
SERVING = Chapter(
    "Serving",
    "The switch is done and the applications come back; `serving` waits 15 minutes for them. While it is shut they may "
    "well serve: look at your own dashboards, then decide between waiting, a waiver and the way back.",
    (
        Entry(
            ("serving.rollout:<deployment>",),
            "Not all replicas are ready.",
            "Pods crash, can't be scheduled (an autoscaler may have removed nodes meanwhile: wait for it), can't pull "
            "their image, or former pods don't end. Another number than before the freeze is fine.",
            "kubectl -n <namespace> describe deployment <deployment>; "
            "kubectl -n <namespace> logs deployment/<deployment> --all-containers --tail 50",
        ),
        Entry(
            ("serving.sessions:<deployment>",),
            "No session of this Deployment is seen on the database that serves.",
            "It hasn't connected yet (lazy pools wait for a request), connects through a proxy that hides it, or not "
            "at all.",
            "kubectl -n <namespace> logs deployment/<deployment> --all-containers --tail 50; "
            'pulumi config set --plaintext --path \'waive["serving.sessions:<deployment>"]\' "<reason>"; pulumi up',
        ),
        Entry(
            ("serving.secret:<secret>",),
            "The secret names another database than it was switched to.",
            "Somebody has written it since: a controller, GitOps, a person. Pods that start now use the other one.",
            "kubectl -n <namespace> get secret <secret> --show-managed-fields --output yaml; pulumi up",
        ),
        Entry(
            ("serving.reference:<deployment>/<place>",),
            "The pods are told the database that was left in another place as well.",
            "A ConfigMap, another key, a variable or an argument names it: readers read it, migrations change it.",
            "kubectl -n <namespace> describe deployment <deployment>; pulumi up",
        ),
        Entry(
            ("serving.elsewhere",),
            "Somebody is connected to the database that was left.",
            "A client that reads its address elsewhere: it reads, or writes, what is no longer the truth.",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid IN (<pids>); pulumi up",
        ),
        Entry(
            ("serving.dependent:<what>",),
            "Something that depends on the source could not be re-pointed, or not be asked.",
            "With `dependents: follow` alarms, proxies, event subscriptions and backup selections follow each move. "
            " The applications serve; this one thing is still with the database that was left.",
            'docs/dependents.md, "What follows"; pulumi up',
        ),
        Entry(
            ("serving.backup-plan",),
            "The database that serves is in none of the AWS Backup plans that the source was in.",
            "A selection by ARN names the source alone; one by tags takes the restored instance along.",
            'docs/dependents.md, "AWS Backup", or: pulumi config set dependents follow; pulumi up',
        ),
        Entry(
            ("serving.health:<deployment>",),
            "Its health URL doesn't answer 2xx.",
            "The application is up and not well, or this machine can't reach it.",
            "kubectl -n <namespace> logs deployment/<deployment> --all-containers --tail 50; pulumi up",
        ),
    ),
    (
        Entry(
            ("the restored database serves, and is wrong",),
            "Error rates rise, or users miss data.",
            "What was written since the switch is in the candidate, and in the source only if it is carried along.",
            "python -m restore report; python -m restore rollback --carry",
        ),
    ),
)
BACK_AND_CLOSE = Chapter(
    "Way back and close",
    "A dead candidate never holds up the way back: only the source must let one row be read before it serves again.",
    (
        Entry(
            ("stack state",),
            "`close` finds operations pending in the state that are of no restore; or `adopt` finds a state that has "
            "more than what it would make.",
            "A run was killed while it changed something else: the state doesn't know what exists. What a restore "
            "leaves pending `close` clears by itself. `adopt` is for a state that was lost: this one goes on by `up`.",
            "pulumi refresh --clear-pending-creates --yes --target '**pulumi:pulumi:Stack::**'; pulumi up; "
            "python -m restore close",
        ),
        Entry(
            ("option --carry",),
            "`rollback` refuses, or ends with the applications stopped.",
            "The candidate has rows that the source would not get: somebody must decide. Rows that the source refuses "
            "can't be carried; then nothing was.",
            "python -m restore rollback --carry (or --accept-loss); docs/rescue.md",
        ),
        Entry(
            ("option --where", "option --damaged", "option --column", "table <table>", "undo file <file>"),
            "`rescue` refuses.",
            "It can't tell rows apart, may not write them, or somebody holds a lock on them; nothing was written.",
            "docs/rescue.md; python -m restore rescue --table <table>",
        ),
        Entry(
            ("evidence <record>",),
            "A record can't be read or written, or holds a secret.",
            "Without evidence no gate opens: the place isn't writable, a document is damaged, or a secret was about to "
            "be written.",
            "docs/evidence.md; pulumi config set evidence <directory or s3://bucket/prefix>; pulumi up",
        ),
    ),
    (
        Entry(
            ("there is no terminal to ask on",),
            "`rollback`, `rescue` or `close` does nothing.",
            "They ask before they act.",
            "python -m restore rollback --carry --yes, or python -m restore close --yes",
        ),
        Entry(
            ("[secret]",),
            "`rollback` refuses because the history gave a placeholder.",
            "The history can't be decrypted on this machine.",
            "pulumi login (or set PULUMI_CONFIG_PASSPHRASE); python -m restore rollback",
        ),
    ),
)
