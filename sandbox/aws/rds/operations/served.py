"""All operations that the sandbox serves: a module registers its own when it is imported."""

from __future__ import annotations

from sandbox.aws.rds.operations import (
    account,
    automated_backups,
    catalogue,
    events,
    groups,
    instances,
    logs,
    modify,
    parameter_groups,
    proxies,
    replication,
    restores,
    roles,
    snapshots,
    tags,
)

MODULES = (
    account,
    automated_backups,
    catalogue,
    events,
    groups,
    instances,
    logs,
    modify,
    parameter_groups,
    proxies,
    replication,
    restores,
    roles,
    snapshots,
    tags,
)
