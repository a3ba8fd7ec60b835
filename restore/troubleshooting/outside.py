"""Troubles with what is asked: AWS, Kubernetes, PostgreSQL."""

from __future__ import annotations

from restore.troubleshooting.entry import Chapter, Entry

LOGIN_PAGE = 'docs/operate.md, "A database can\'t be reached, or refuses a login"'
AWS = Chapter(
    "AWS",
    "Calls are tried again where that may help; what is printed has lasted.",
    (
        Entry(
            ("AWS <action>",),
            "AWS refuses a call, or doesn't answer.",
            "AccessDenied: the operator's role lacks this action. NoSuchBucket: backups.bucket or evidence names one "
            "that doesn't exist. No answer: network, VPN, or the wrong region.",
            "docs/permissions.md has every call; aws sts get-caller-identity",
        ),
        Entry(
            ("AWS credentials",),
            "No login, or an expired one.",
            "SSO sessions and assumed roles end after hours, in the middle of a long restore too: `up` goes on.",
            "aws sso login --profile <profile>; pulumi up",
        ),
        Entry(
            ("AWS plugin",),
            "The Pulumi plugin can't say as whom it calls AWS.",
            "It isn't installed, or its login differs from this shell's.",
            "pulumi config set aws:profile <profile>; pulumi preview",
        ),
    ),
    (
        Entry(
            ("incompatible-restore", "failed"),
            "The candidate ends in this status.",
            "RDS could not make it; its events say why. The failed instance stays until you delete it.",
            "aws rds describe-events --source-type db-instance --source-identifier <name> --duration 1440; "
            "pulumi config set id <another one>; pulumi up",
        ),
    ),
)
KUBERNETES = Chapter(
    "Kubernetes",
    "The program asks the API server of the kubeconfig's context, or of the pod it runs in.",
    (
        Entry(
            ("kubeconfig (<which>)",),
            "It can't be read, or has no such context.",
            "The path is wrong, the file isn't YAML, or the context was renamed.",
            "aws eks update-kubeconfig --name <cluster> --region <region>; "
            "pulumi config set kubernetes:kubeconfig <path>",
        ),
        Entry(
            ("Kubernetes API <server>",),
            "The API server doesn't answer, or its certificate isn't the one that the kubeconfig trusts.",
            "VPN, a private endpoint, or a cluster that was made again.",
            "kubectl version; kubectl config view --minify",
        ),
        Entry(
            ("Kubernetes login",),
            "The API server refuses the login (401).",
            "The token has expired, or the AWS login behind it.",
            "aws sso login --profile <profile>; kubectl auth whoami",
        ),
        Entry(
            ("Kubernetes rights",),
            "The API server refuses a request (403).",
            "The Role lacks a verb; the message names it.",
            'docs/permissions.md, "Kubernetes"',
        ),
        Entry(
            ("Kubernetes <method> <path>",),
            "The API server refuses a request that should be right.",
            "An admission webhook, a policy or a quota: the message is the server's own.",
            "docs/permissions.md has every call; pulumi up",
        ),
        Entry(
            ("Job <job>", "Secret <job>"),
            "A Job or Secret of that name is somebody else's, was removed while it ran, or left no result.",
            "The program only touches what has its own label. With runner kubernetes the gate's own Job was killed "
            "(out of memory), can't start (its image, a quota), or can't write its result; its last lines say which.",
            "docs/runner.md; kubectl -n <namespace> get job <name> -o yaml; pulumi up",
        ),
        Entry(
            ("result of gate <gate>", "the request of the Job"),
            "What a gate's Job was asked, or has answered, is of another version, Job, or database.",
            "The image isn't built of this checkout, or somebody else has written to the evidence store.",
            "docs/runner.md; pulumi up",
        ),
    ),
)
POSTGRESQL = Chapter(
    "PostgreSQL",
    "What the server or its client said stands in `found`.",
    (
        Entry(
            ("PostgreSQL <endpoint>, user <user>, database <database>", "PostgreSQL <endpoint>, user <user>"),
            "The database can't be reached, refuses the login, or what was asked.",
            "Its status, your VPN and security groups; passwords are those of the recovery point; certificates need "
            "AWS's own bundle.",
            f"{LOGIN_PAGE}; pulumi up",
        ),
        Entry(
            ("the application's URL",),
            "The URL in the secret can't be read.",
            "It is quoted, wrapped, or of another kind than postgresql://.",
            'docs/configuration.md, "Fields of `secret`"; pulumi preview',
        ),
    ),
    (
        Entry(
            ("password authentication failed",),
            "A login is refused.",
            "A restored database has the passwords of its recovery point.",
            LOGIN_PAGE,
        ),
        Entry(
            ("certificate verify failed",),
            "TLS can't be verified.",
            "No root certificate is configured, or an old one.",
            "curl --fail --output rds.pem https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem; "
            "pulumi config set --path tls.rootCertificate rds.pem",
        ),
    ),
)
