"""The configuration of the sandbox's stack: Pulumi.<stack>.yaml as a plain dict."""

from __future__ import annotations

from typing import Any

from sandbox.application import names, second_region
from sandbox.application.database import ensure_key, ensure_network
from sandbox.application.second_region import source_host
from sandbox.application.seed import MIGRATIONS
from sandbox.aws.client import Service, clients
from sandbox.machine.layout import Layout

SERVICES: tuple[Service, ...] = (
    "backup",
    "cloudwatch",
    "ec2",
    "ecr",
    "events",
    "iam",
    "kms",
    "rds",
    "route53",
    "cloudtrail",
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
        "drill": drill(),
    }


def drill() -> dict[str, Any]:
    """How the sandbox's application is drilled: a pod is healthy while it writes, and no network policy is played."""
    check = {"app": "api-gateway", "url": f"http://{{pod}}:{names.HEALTH_PORT}/health", "json": {"status": "ok"}}
    return {"namespace": names.DRILL_NAMESPACE, "writes": True, "network": "open", "checks": [check]}


def program_of_second_region(layout: Layout) -> dict[str, Any]:
    """The keys of the stack that brings the database back in the second region, prepared on a quiet day: what nobody
    can be asked for once the first one is lost stands in them."""
    west = clients(layout, second_region.REGION)
    host = source_host(layout)
    return {
        **program(layout),
        "sourceRegion": names.REGION,
        "namespace": second_region.NAMESPACE,
        "apps": {
            name: {"replicas": replicas, "health": f"http://{{pod}}:{names.HEALTH_PORT}/health"}
            for name, replicas in names.DEPLOYMENTS.items()
        },
        "secret": {**program(layout)["secret"], "sourceHost": host},
        "backups": {
            "bucket": second_region.BACKUP_BUCKET,
            "prefix": names.BACKUP_PREFIX,
            "sourceBucket": names.BACKUP_BUCKET,
        },
        "copy": {"kmsKeyId": ensure_key(west)},
        "instance": {
            "instanceClass": "db.r6g.large",
            "dbSubnetGroupName": names.SUBNET_GROUP,
            "parameterGroupName": names.PARAMETER_GROUP,
            "vpcSecurityGroupIds": ensure_network(west),
        },
    }


def configuration_of_second_region(layout: Layout) -> dict[str, Any]:
    own = {f"restore:{key}": value for key, value in program_of_second_region(layout).items()}
    return {**configuration(layout), **own, "aws:region": second_region.REGION}


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
