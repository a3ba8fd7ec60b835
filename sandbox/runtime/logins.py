"""Logins to AWS and to the cluster, as environment variables: the operator's, and those of its Jobs."""

from __future__ import annotations

from sandbox.aws.client import DEFAULT_REGION, OPERATOR_KEY, SECRET_KEY, SESSION_TOKEN
from sandbox.machine.layout import Layout


def operator(layout: Layout) -> dict[str, str]:
    return {
        "KUBECONFIG": str(layout.operator_kubeconfig),
        "AWS_ACCESS_KEY_ID": OPERATOR_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_SESSION_TOKEN": SESSION_TOKEN,
        "AWS_REGION": DEFAULT_REGION,
        "AWS_DEFAULT_REGION": DEFAULT_REGION,  # the only one that boto3 reads
        "AWS_ENDPOINT_URL": layout.aws_endpoint,
    }


def gates(layout: Layout) -> dict[str, str]:
    """Of the Jobs in which gates run: AWS knows them as the operator, the cluster as a user of their own."""
    return {**operator(layout), "KUBECONFIG": str(layout.gates_kubeconfig)}
