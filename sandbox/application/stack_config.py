"""The configuration of the sandbox's stack: Pulumi.<stack>.yaml as a plain dict."""

from __future__ import annotations

from typing import Any

from sandbox.application import names
from sandbox.application.seed import MIGRATIONS
from sandbox.aws.client import Service
from sandbox.machine.layout import Layout

SERVICES: tuple[Service, ...] = (
    "backup",
    "cloudwatch",
    "ec2",
    "events",
    "iam",
    "kms",
    "rds",
    "route53",
    "s3",
    "secretsmanager",
    "sns",
    "sts",
)

WATCH_SECONDS = 2
"""The sandbox's controllers look every second, or at once."""


def program(layout: Layout) -> dict[str, Any]:
    """The program's own keys. No `id`: a fresh stack touches nothing."""
    return {
        "source": names.INSTANCE,
        "namespace": names.NAMESPACE,
        "apps": {name: {"health": f"http://{{pod}}:{names.HEALTH_PORT}/health"} for name in names.DEPLOYMENTS},
        "secret": {"name": names.SECRET, "key": names.SECRET_KEY, "watchSeconds": WATCH_SECONDS},
        "login": {"user": names.MASTER_USER, "secretId": names.MASTER_SECRET},
        "backups": {"bucket": names.BACKUP_BUCKET, "prefix": names.BACKUP_PREFIX},
        "evidence": str(layout.evidence),
        "tls": {"rootCertificate": str(layout.ca)},
        "validation": {"inline": expectations()},
    }


def expectations() -> dict[str, Any]:
    """What a restored database of the application must hold, as `python -m validation` reads it."""
    return {
        "required": ["rows", "freshness", "migrations"],
        "tables": {
            "users": {"min": 10_000, "at_least_of_source": 0.9},
            "transactions": {"min": 50_000},
            "smart_contracts": {"min": 1_000},
        },
        "freshness": [{"table": "transactions", "column": "created_at", "tolerance_seconds": 300}],
        "migrations": {"last": MIGRATIONS[-1]},
        "not_null": [{"table": "users", "columns": ["email"]}, {"table": "transactions", "columns": ["user_id"]}],
    }


def configuration(layout: Layout) -> dict[str, Any]:
    """All keys, with their namespaces."""
    return {
        **{f"restore:{key}": value for key, value in program(layout).items()},
        "aws:region": names.REGION,
        "aws:endpoints": [dict.fromkeys(SERVICES, layout.aws_endpoint)],
        "aws:skipCredentialsValidation": True,
        "aws:skipMetadataApiCheck": True,
        "aws:skipRegionValidation": True,
        "aws:skipRequestingAccountId": False,
        "aws:s3UsePathStyle": True,
        "kubernetes:kubeconfig": str(layout.operator_kubeconfig),
    }
