"""Tags and annotations by which everything that this program made or changed is found again."""

from __future__ import annotations

from validation.verdict import Verdict as Verdict

TAG_ID = "restore:id"


TAG_STACK = "restore:stack"


TAG_POINT = "restore:recovery-point"


TAG_SOURCE = "restore:source-resource-id"


TAG_CLOSED = "restore:closed"


TAG_DUMP = "restore:dump-version"


FIELD_MANAGER = "pulumi-restore"


NOTE_ID = "restore.pulumi/id"


NOTE_REPLICAS = "restore.pulumi/replicas"


NOTE_MANAGER = "restore.pulumi/former-manager"


NOTE_REAPPLIED = "restore.pulumi/reapplied"


NOTE_ENDPOINT = "restore.pulumi/endpoint"


NOTE_PREVIOUS = "restore.pulumi/previous-endpoint"
