"""Tags and annotations by which everything that this program made or changed is found again."""

from __future__ import annotations

from validation.verdict import Verdict as Verdict

TAG_PREFIX = "restore:"


TAG_ID = "restore:id"


TAG_STACK = "restore:stack"


TAG_POINT = "restore:recovery-point"


TAG_SOURCE = "restore:source-resource-id"


TAG_CLOSED = "restore:closed"


TAG_DUMP = "restore:dump-version"


TAG_INCIDENT, TAG_OWNER = "restore:incident", "restore:owner"
"""For the bill: which incident, and which team, what was made belongs to."""
TAG_REASON, TAG_EXPIRES = "restore:reason", "restore:expires"
"""Of a snapshot taken by hand: why, and from when on `expire` offers to delete it."""
TAG_FINAL = "restore:final-snapshot"
"""Of an instance that is being retired: the name of its final snapshot."""


TAG_DRILL = "restore:drill"
"""Of an instance that a drill made, and that the drill deletes: the stack whose drill it is."""


FIELD_MANAGER = "pulumi-restore"


LABEL_STACK, LABEL_ID, LABEL_GATE = "restore.pulumi/stack", "restore.pulumi/id", "restore.pulumi/gate"
"""Of the Jobs in which gates run."""


LABEL_DRILL = "restore.pulumi/drill"
"""Of everything that a drill makes in its scratch namespace: the drill's id."""


ANNOTATION_ID = "restore.pulumi/id"


ANNOTATION_REPLICAS = "restore.pulumi/replicas"


ANNOTATION_MANAGER = "restore.pulumi/former-manager"


ANNOTATION_REAPPLIED = "restore.pulumi/reapplied"


ANNOTATION_ENDPOINT = "restore.pulumi/endpoint"


ANNOTATION_PREVIOUS = "restore.pulumi/previous-endpoint"


ANNOTATION_SERVED = "restore.pulumi/served"
"""With cutover rename: DbiResourceId of the candidate, once this Deployment was started on it."""


ANNOTATION_PREVIOUS_ALSO = "restore.pulumi/previous-endpoints-also"
"""JSON: the host:port that each key of `secret.alsoKeys` named before the switch."""
