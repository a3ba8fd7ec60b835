"""The nodes and the pods on them, of the whole cluster: a right that few operators have, so it is asked and not
demanded."""

from __future__ import annotations

from urllib.parse import quote

from restore.errors import RestoreError
from restore.kubernetes.api import Api
from restore.kubernetes.scheduling import parse_node, parse_node_pod
from restore.model.nodes import NodePod, NodeRoom

NODES, PODS = "/api/v1/nodes", "/api/v1/pods"
RUNNING = "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed"
"""Field selector of the pods that take room on a node."""


def read_node_room(api: Api) -> NodeRoom:
    """Returns the nodes and what runs on them; that they couldn't be asked is an answer too."""
    try:
        nodes = tuple(parse_node(item) for item in api.list_items(NODES))
        pods = tuple(parse_node_pod(item) for item in api.list_items(PODS, fieldSelector=RUNNING))
    except RestoreError as error:
        return NodeRoom(unasked=error.problem.found if error.problem else str(error))
    return NodeRoom(nodes, pods)


def read_pods(api: Api, namespace: str) -> tuple[NodePod, ...]:
    """Returns all pods of a namespace, ended ones too. Raises PermanentError, TemporaryError."""
    return tuple(parse_node_pod(item) for item in api.list_items(f"/api/v1/namespaces/{quote(namespace)}/pods"))
