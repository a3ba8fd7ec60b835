"""A real Kubernetes control plane in one process, built from source once; its pods are local processes."""

from sandbox.cluster.binary import binary
from sandbox.cluster.launcher import KubernetesCluster, images

__all__ = ["KubernetesCluster", "binary", "images"]
