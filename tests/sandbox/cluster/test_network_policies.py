"""Network policies hold for the processes of pods, as in a cluster whose network plugin enforces them."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.machine.processes import wait_until
from tests.support.sandbox.running_cluster import NAMESPACE, WAIT, Json, RunningCluster, deployment

PORT, OTHER_PORT = 8080, 8081
AGENT = f"""
import http.server, json, os, socket, subprocess, sys, threading, urllib.parse

TRY = '''
import socket, sys
host, _, port = sys.argv[1].rpartition(":")
try:
    socket.create_connection((host, int(port)), float(sys.argv[2])).close()
    print("reached")
except TimeoutError:
    print("dropped")
except OSError as error:
    print(error)
'''

class Agent(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        given = dict(env={{}}, start_new_session=True) if "apart" in query else {{}}
        def attempt(place):
            command = [sys.executable, "-c", TRY, place, query["seconds"][0]]
            return subprocess.run(command, capture_output=True, text=True, **given).stdout.strip()
        running = {{place: None for place in query.get("to", [])}}
        threads = [threading.Thread(target=lambda p=place: running.update({{p: attempt(p)}})) for place in running]
        [thread.start() for thread in threads], [thread.join() for thread in threads]
        self.send_response(200), self.end_headers(), self.wfile.write(json.dumps(running).encode())
    def log_message(self, *words): pass

for port in ({PORT}, {OTHER_PORT}):
    server = http.server.ThreadingHTTPServer((os.environ["POD_IP"], port), Agent)
    threading.Thread(target=server.serve_forever).start()
"""
"""Says over HTTP which places it reaches, each asked by a process of its own (`apart`: that has left the pod's session
and environment)."""
SECONDS = 0.7


def agent(app: str) -> Json:
    """A Deployment of one pod that serves and asks."""
    ports = [{"name": "web", "containerPort": PORT}, {"name": "other", "containerPort": OTHER_PORT}]
    address = [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]
    command = ["python", "-c", AGENT]
    probe = {"httpGet": {"port": "web", "path": "/"}, "periodSeconds": 1}
    return deployment(app, "", 1, image="restore", command=command, ports=ports, env=address, readinessProbe=probe)


@dataclass(frozen=True)
class Network:
    """A client, two servers in pods, and a database that is no pod."""

    cluster: RunningCluster
    client: str
    server: str
    other: str
    database: str

    @property
    def block(self) -> str:
        return f"{self.database}/32"

    def reach(self, *places: str, words: str = "") -> dict[str, str]:
        """How each connection of the client ends."""
        query = "&".join([f"seconds={SECONDS}{words}", *(f"to={place}" for place in places)])
        with urllib.request.urlopen(f"http://{self.client}:{PORT}/?{query}") as answer:
            return json.load(answer)

    def expect(self, wanted: Mapping[str, str], words: str = "") -> None:
        """Waits until connections end so: the cluster learns of a policy a moment later."""
        seen: list[dict[str, str]] = []

        def fits() -> bool:
            seen.append(self.reach(*wanted, words=words))
            return seen[-1] == wanted

        wait_until(fits, WAIT / 9, f"{wanted}, not {seen[-1:]}", 0.05)

    def at(self, address: str, port: int = PORT) -> str:
        return f"{address}:{port}"


@pytest.fixture(scope="module")
def pods(cluster: RunningCluster) -> Iterator[Network]:
    apps = ("client", "server", "other")
    for app in apps:
        cluster.kube.create(agent(app))
    for app in apps:
        cluster.wait_ready(app, 1)
    client, server, other = (str(cluster.pods(app)[0]["status"]["podIP"]) for app in apps)
    database = cluster.layout.address("database")
    with socket.create_server((database, 5432)), socket.create_server((database, 5433)):
        yield Network(cluster, client, server, other, database)


@pytest.fixture
def network(pods: Network) -> Iterator[Network]:
    yield pods
    for item in pods.cluster.kube.list("NetworkPolicy", NAMESPACE):
        pods.cluster.kube.delete("NetworkPolicy", NAMESPACE, item["metadata"]["name"])


def policy(network: Network, app: str | None, **rules: Any) -> None:
    """Makes a policy of an application's pods, or of all; `egress` and `ingress` name its types too."""
    spec = {
        "podSelector": {"matchLabels": {"app": app}} if app else {},
        "policyTypes": [direction.capitalize() for direction in rules],
        **rules,
    }
    metadata = {"name": f"policy-of-{app or 'all'}", "namespace": NAMESPACE}
    network.cluster.kube.create(
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}
    )


def test_a_pod_that_no_policy_selects_reaches_everything(network: Network) -> None:
    policy(network, "other", egress=[], ingress=[])
    network.expect(
        {
            network.at(network.database, 5432): "reached",
            network.at(network.server): "reached",
            network.at(network.other): "dropped",
        }
    )


def test_what_no_rule_lists_is_dropped_and_never_refused(network: Network) -> None:
    policy(network, "client", egress=[])
    places = (network.at(network.database, 5432), network.at(network.server))
    network.expect({**dict.fromkeys(places, "dropped"), network.at(network.client): "reached"})


def test_a_process_that_left_the_pod_s_session_and_environment_is_held_too(network: Network) -> None:
    policy(network, None, egress=[])
    network.expect({network.at(network.database, 5432): "dropped"}, words="&apart=1")


def test_a_block_opens_its_addresses_at_its_ports_alone(network: Network) -> None:
    rule = {"to": [{"ipBlock": {"cidr": network.block}}], "ports": [{"port": 5432, "protocol": "TCP"}]}
    policy(network, "client", egress=[rule])
    network.expect(
        {
            network.at(network.database, 5432): "reached",
            network.at(network.database, 5433): "dropped",
            network.at(network.server): "dropped",
        }
    )


def test_an_exception_of_a_block_stays_closed_and_a_port_of_another_protocol_opens_nothing(network: Network) -> None:
    everywhere = {"cidr": "0.0.0.0/0", "except": [network.block]}
    policy(
        network,
        "client",
        egress=[
            {"to": [{"ipBlock": everywhere}], "ports": [{"port": PORT, "endPort": PORT + 1}]},
            {"ports": [{"port": 5432, "protocol": "UDP"}, {"port": 53, "protocol": "UDP"}]},
        ],
    )
    network.expect(
        {
            network.at(network.database, 5432): "dropped",
            network.at(network.server): "reached",
            network.at(network.server, OTHER_PORT): "reached",
        }
    )


@pytest.mark.parametrize(
    "peer",
    [
        {"podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["server"]}]}},
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}},
         "podSelector": {"matchLabels": {"app": "server"}}},
    ],
)  # fmt: skip
def test_selected_pods_are_reached_by_the_name_of_their_port(network: Network, peer: Json) -> None:
    policy(network, "client", egress=[{"to": [peer], "ports": [{"port": "web"}]}])
    network.expect(
        {
            network.at(network.server): "reached",
            network.at(network.server, OTHER_PORT): "dropped",
            network.at(network.other): "dropped",
            network.at(network.database, 5432): "dropped",
        }
    )


def test_pods_of_another_namespace_are_other_pods(network: Network) -> None:
    elsewhere = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}}
    policy(network, "client", egress=[{"to": [elsewhere]}])
    network.expect({network.at(network.server): "dropped"})


def test_a_pod_that_lets_only_others_in_is_not_reached_whatever_the_client_may(network: Network) -> None:
    policy(network, "client", egress=[{}])
    policy(network, "server", ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "other"}}}]}])
    policy(network, "other", ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "client"}}}]}])
    network.expect(
        {
            network.at(network.server): "dropped",
            network.at(network.other): "reached",
            network.at(network.database, 5432): "reached",
        }
    )


def test_a_cluster_that_ignores_policies_lets_everything_pass(network: Network) -> None:
    policy(network, "client", egress=[])
    network.expect({network.at(network.database, 5432): "dropped"})
    network.cluster.cluster.ignore_network_policies(True)
    try:
        network.expect({network.at(network.database, 5432): "reached"})
    finally:
        network.cluster.cluster.ignore_network_policies(False)
    network.expect({network.at(network.database, 5432): "dropped"})
