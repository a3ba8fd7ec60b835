"""Troubles that `python -m restore doctor` names, on a quiet day."""

from __future__ import annotations

from restore.troubleshooting.entry import Chapter, Entry

CHAPTER = Chapter(
    "`python -m restore doctor`",
    "Nothing is being restored: there is time to fix these. What the doctor finds besides them has its entry elsewhere "
    "on this page.",
    (
        Entry(
            ("stack",),
            "The stack can't be opened.",
            "None is selected, this machine isn't logged in to Pulumi's backend, or another backend has it.",
            "pulumi whoami; pulumi stack ls; pulumi stack select <name>",
        ),
        Entry(
            ("Pulumi CLI", "Python packages", "pg_restore"),
            "A program or a package is missing, or too old.",
            "The versions are those of Pulumi.yaml, pyproject.toml and the source. pg_restore is for dumps in an "
            "archive format only.",
            'docs/doctor.md, "Tools"; python -m restore doctor',
        ),
        Entry(
            ("plugin <plugin>",),
            "The plugin is not installed in the version of its SDK.",
            "The first preview would fetch it from the network, in the middle of an incident.",
            "pulumi plugin install resource <name> <version>",
        ),
        Entry(
            ("clock and AWS", "clock and cluster"),
            "This machine's clock is off by more than a minute.",
            "AWS refuses signatures of another time, and the second to restore to is told by this clock.",
            'docs/doctor.md, "Clocks"',
        ),
        Entry(
            ("AWS account", "AWS plugin's identity"),
            "The account is not an allowed one, or the plugin calls as another account.",
            "What is looked at would not be what is changed; `pulumi preview` refuses it too.",
            "aws sts get-caller-identity; pulumi config set aws:profile <profile>",
        ),
        Entry(
            ("root certificates",),
            "The file of `tls.rootCertificate` can't be read, or holds no certificate.",
            "No database can be connected to: certificates are verified.",
            "curl --fail --output rds.pem https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem; "
            "pulumi config set --path tls.rootCertificate rds.pem",
        ),
        Entry(
            ("evidence",),
            "The folder can't be written to from here.",
            "Gates don't open without a record of what they proved.",
            "pulumi config set evidence <directory or s3://bucket/prefix>",
        ),
        Entry(
            ("messages to Slack",),
            "Slack refuses the token, or can't be reached from here.",
            "A restore would go on, and nobody would be told of it.",
            "pulumi config set --secret --path notify.slackToken <token>; docs/notify.md",
        ),
        Entry(
            ("dumps",),
            "No dump lies below the prefix.",
            "Method dump, the last resort, has nothing to restore from: the nightly job fails, or writes elsewhere.",
            "aws s3 ls <bucket>; pulumi config set --path backups.prefix <prefix>",
        ),
    ),
)
