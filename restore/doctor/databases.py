"""Whether the source can be reached and logged in to from here, and who gets through to a candidate."""

from __future__ import annotations

from collections.abc import Iterator

from restore.cutover.connection_url import name_database
from restore.doctor.finding import Finding, build_ok, note
from restore.gates.runner import probe
from restore.kubernetes import Api
from restore.model.cluster import Cluster
from restore.model.inventory import Inventory
from restore.model.rds import Instance
from restore.model.request import Runner, Settings
from restore.preflight.network import judge_paths
from restore.preflight.passage import State


def examine_source(settings: Settings, instance: Instance, api: Api, cluster: Cluster) -> Iterator[Finding]:
    """Connects to the source as the operator, with its certificate verified, from where the gates will run. Raises
    RestoreError."""
    what, endpoint = "source", instance.endpoint
    if endpoint is None:
        yield note(what, f"not known: {instance.identifier} is {instance.status} and has no endpoint")
        return
    database = name_database(settings, cluster)
    if settings.runner is Runner.KUBERNETES:
        yield build_ok(what, f"from a Job: {probe.ask(api, probe.Question(settings, endpoint, database))}")
        return
    through = f" (through {endpoint.via})" if endpoint.via else ""
    yield build_ok(what, f"{probe.describe_login(settings, endpoint, database)}{through}")


def examine_network_path(inventory: Inventory) -> Iterator[Finding]:
    """Tells who gets through to a candidate: this machine, and the pods. What is closed is told by preflight's rule."""
    network = inventory.network
    if network is None:
        yield note("network path", "not known: no application runs")
        return
    for path in judge_paths(network):
        if path.passage.state is State.OPEN:
            groups = ", ".join(path.target.groups)
            yield build_ok(path.subject, f"open to port {path.target.port}, behind {groups}")
        elif path.passage.state is State.UNKNOWN:
            yield note(path.subject, f"not known: {path.passage.why}")
    for name, why in network.unasked.items():
        yield note("network path", f"not asked: {name} ({why}); docs/permissions.md has the right")
