"""Troubles that a drill finds."""

from __future__ import annotations

from restore.troubleshooting.entry import Chapter, Entry

CHAPTER = Chapter(
    "`python -m restore drill`",
    "Nothing is being restored for real, and traffic is untouched: whatever a drill finds would have been found in an "
    "incident. A problem of a gate has its entry elsewhere on this page.",
    (
        Entry(
            ("drill.running",),
            "Another drill of this scratch namespace runs.",
            "A drill deletes what earlier ones left, so two at a time would delete each other's. One that was killed "
            "counts for two minutes more.",
            'docs/drill.md, "One at a time"',
        ),
        Entry(
            ("drill.stack:<stack>",),
            "There is a stack of the name that a drill gives its own, and no drill made it.",
            "A drill makes a Pulumi stack `<stack>-drill` and removes it at its end, state and all. This one has a "
            "settings file in the project, or resources without a drill's id: somebody works in it. Nothing was done "
            "to it.",
            'docs/drill.md, "The stack of a drill"',
        ),
        Entry(
            ("drill.namespace",),
            "The scratch namespace is not there, or may not be read.",
            "Copies of the applications run in a namespace of their own, which a drill doesn't make.",
            'kubectl create namespace <name>; docs/drill.md, "The scratch namespace"',
        ),
        Entry(
            ("drill.restore", "drill.gate:<gate>"),
            "`pulumi up` of the drill's own stack failed.",
            "So would a restore. What it printed stands above; a gate that stays shut has its own problems as well.",
            'docs/drill.md, "A gate stays shut"; pulumi preview',
        ),
        Entry(
            ("drill.secret",),
            "The connection secret can't be switched.",
            "There is no such Secret, no such key, or no URL in it that names a database.",
            "kubectl -n <namespace> get secret <name>; pulumi config set --plaintext --path secret.key <key>",
        ),
        Entry(
            ("drill.copies",),
            "A copy can't be made, or its original can't be read.",
            "An application, or a Secret or ConfigMap that its pods get, is missing or may not be read; or the scratch "
            "namespace has one of that name that no drill made.",
            'docs/permissions.md, "Drill"; kubectl -n <namespace> get all',
        ),
        Entry(
            ("drill.reference:<app>/<place>",),
            "Another place than the connection secret tells a copy the source.",
            "The copy would connect to production. A real switch would leave this place behind, too.",
            "pulumi config set --plaintext --path 'secret.alsoKeys[0]' <key>; "
            'docs/drill.md, "Copies that name the source"',
        ),
        Entry(
            ("drill.network",),
            "The copies could reach more than the restored database, or not even that.",
            "The cluster enforces no network policies, or the restored instance's security groups let the scratch "
            "namespace's pods not in.",
            'docs/drill.md, "The network of the copies"; pulumi config set --path drill.network open',
        ),
        Entry(
            ("drill.check:<url>",),
            "A request of `drill.checks` is answered wrongly on the restored database.",
            "The data is there and the application is up, but it doesn't work with it: a cache, a key, a migration.",
            'docs/drill.md, "A request is answered wrongly"',
        ),
        Entry(
            ("drill.sessions",),
            "No copy has a session on the restored database.",
            "They are ready without it, or use another database: does a switch of the secret reach them at all?",
            'docs/drill.md, "Copies without a session"',
        ),
        Entry(
            ("drill.wayBack",),
            "After the way back the copied secret isn't what production's is.",
            "Somebody changed production's connection secret while the drill ran.",
            "kubectl -n <namespace> get secret <name>; python -m restore drill",
        ),
        Entry(
            ("drill.defect",),
            "Validation didn't find a table that was emptied on purpose.",
            "The expectations require no row of any table, or the check could not run: a loss in an incident would "
            "pass as well.",
            'docs/expectations.md; docs/drill.md, "A defect that isn\'t found"',
        ),
        Entry(
            ("drill.rto", "drill.rpo"),
            "A target of recovery time, or of lost data, is missed.",
            "The restore takes longer than `targets.rto`, or the newest recovery point is older than `targets.rpo`.",
            'docs/drill.md, "Targets that are missed"; python -m restore options',
        ),
        Entry(
            ("drill.kept:<instance>",),
            "An instance that a drill made is not deleted.",
            "The applications use it, it has replicas, or its tags changed: somebody has come to depend on it.",
            "aws rds describe-db-instances --db-instance-identifier <instance>; "
            'docs/drill.md, "A restored instance that stays"',
        ),
        Entry(
            ("option --junit",),
            "The folder of the file for the JUnit XML is not there.",
            "It is said before the drill, not after it.",
            "python -m restore drill --junit drill.xml",
        ),
        Entry(
            ("drill.phase:<phase>",),
            "A part of the drill could not be done, or was interrupted.",
            "What it made is deleted, by this drill or the next.",
            "python -m restore drill",
        ),
    ),
)
