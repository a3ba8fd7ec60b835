"""Troubles of `prevention`: backups that are late, a source that loses them early, the nightly dump."""

from __future__ import annotations

from restore.troubleshooting.entry import Chapter, Entry

CHAPTER = Chapter(
    "Prevention: backups on quiet days",
    "Nothing is being restored, and nothing of this stops a restore.",
    (
        Entry(
            ("prevention <what>",),
            "The newest backup of a kind is too old, missing or can't be read; the source loses its backups early; or "
            "nobody hears the alarms.",
            "What is lost meanwhile could not be restored. An alarm says the same of what the check has published; "
            "one on missing data says that the check itself doesn't run.",
            'python -m restore check-backups; docs/prevention.md, "An alarm"',
        ),
        Entry(
            ("pg_dump",),
            "The dump fails, or there is no such program.",
            "The login may not read every table, the connection was lost, or pg_dump is older than the server. Nothing "
            "was stored: half a dump never becomes an object.",
            'docs/prevention.md, "The nightly dump"; python -m restore dump',
        ),
        Entry(
            ("file <path>",),
            "A pod of the schedule can't read what it is told.",
            "Its ConfigMap was changed by hand, or its image is of another version than the stack's program.",
            "pulumi up",
        ),
    ),
)
