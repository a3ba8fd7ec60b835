"""The application's Kubernetes objects as a team writes them. Pure."""

from __future__ import annotations

from typing import Any

from sandbox.application.names import DEPLOYMENTS, HEALTH_PORT, IMAGE, NAMESPACE, SECRET, SECRET_KEY

Manifest = dict[str, Any]


def application(database_url: str, jwt_secret: str) -> list[Manifest]:
    """All of it, in the order in which it must be created."""
    return [namespace(), secret(database_url, jwt_secret), *(deployment(n, r) for n, r in DEPLOYMENTS.items())]


def namespace(name: str = NAMESPACE) -> Manifest:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def secret(database_url: str, jwt_secret: str, within: str = NAMESPACE) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET, "namespace": within},
        "type": "Opaque",
        "stringData": {
            SECRET_KEY: database_url,
            "JWT_SECRET": jwt_secret,
            "REDIS_URL": "redis://redis.ghost-protocol.svc:6379/0",
        },
    }


def deployment(name: str, replicas: int, labels: dict[str, str] | None = None, within: str = NAMESPACE) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": within, "labels": {"app": name, **(labels or {})}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"terminationGracePeriodSeconds": 10, "containers": [container(name)]},
            },
        },
    }


def container(app: str) -> Manifest:
    probe = {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 1, "timeoutSeconds": 2}
    return {
        "name": app,
        "image": IMAGE,
        "env": environment(app),
        "ports": [{"name": "http", "containerPort": HEALTH_PORT}],
        "readinessProbe": probe,
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
    }


def environment(app: str) -> list[Manifest]:
    keys = (SECRET_KEY, "JWT_SECRET", "REDIS_URL")
    fields = {"POD_NAME": "metadata.name", "POD_IP": "status.podIP"}
    return [
        {"name": "APP", "value": app},
        *({"name": k, "valueFrom": {"secretKeyRef": {"name": SECRET, "key": k}}} for k in keys),
        *({"name": k, "valueFrom": {"fieldRef": {"fieldPath": path}}} for k, path in fields.items()),
    ]


def autoscaler(name: str, least: int = 2, most: int = 6) -> Manifest:
    """An HPA on a Deployment: at one replica it lifts it to `least` by itself."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": least,
            "maxReplicas": most,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
                }
            ],
        },
    }


def writing_pod(app: str) -> Manifest:
    return {
        "metadata": {"labels": {"app": app}},
        "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 5, "containers": [container(app)]},
    }


def job(name: str) -> Manifest:
    """A Job that writes until it is deleted."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"backoffLimit": 0, "template": writing_pod(name)},
    }


def cron_job(name: str, *, suspended: bool = False, schedule: str = "* * * * *") -> Manifest:
    """A CronJob whose Jobs write to the database with the application's secret."""
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "schedule": schedule,
            "suspend": suspended,
            "jobTemplate": {"spec": {"backoffLimit": 0, "template": writing_pod(name)}},
        },
    }
