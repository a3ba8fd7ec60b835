"""Where to look at each instance and snapshot: the console, and commands that only read. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from restore.model.context import RestoreContext
from restore.model.identifiers import read_region
from restore.model.rds import Endpoint, Instance, Snapshot
from restore.model.request import Settings
from restore.status.model import Place

CONSOLES = {"cn-": "console.amazonaws.cn", "us-gov-": "console.amazonaws-us-gov.com"}
"""The console's domain by the beginning of the region, outside of the standard partition."""
READ_ONLY = "PGOPTIONS='-c default_transaction_read_only=on'"


def list_places(context: RestoreContext, database: str) -> tuple[Place, ...]:
    """Returns the source, the candidate, the snapshots of this restore, and the applications. `database`: the
    applications'."""
    settings = context.settings
    instances = (("source", context.source), ("candidate", context.candidate))
    snapshots = (("safety snapshot", context.safety), ("copied snapshot", context.copy))
    return (
        *(_build_instance_place(what, item, settings, database) for what, item in instances if item),
        *(_build_snapshot_place(what, item, settings) for what, item in snapshots if item),
        *_list_application_places(context),
    )


def _build_instance_place(what: str, instance: Instance, settings: Settings, database: str) -> Place:
    region = read_region(instance.arn) or settings.region
    describe = f"aws rds describe-db-instances --region {region} --db-instance-identifier {instance.identifier}"
    events = (
        f"aws rds describe-events --region {region} --source-type db-instance "
        f"--source-identifier {instance.identifier} --duration 120"
    )
    psql = (_compose_psql(instance.endpoint, settings, database),) if instance.endpoint else ()
    state = f"{instance.status}, {instance.resource_id}"
    return Place(what, instance.identifier, state, link_console(region, instance.identifier), (describe, events, *psql))


def _compose_psql(endpoint: Endpoint, settings: Settings, database: str) -> str:
    """Returns psql with a session that can't write; the password is asked for."""
    address, _, port = endpoint.via.rpartition(":")
    parts = {
        "host": endpoint.host,
        **({"hostaddr": address.strip("[]")} if address else {}),
        "port": port or str(endpoint.port),
        "user": settings.login.user,
        "dbname": database,
        "sslmode": settings.tls.mode,
        "sslrootcert": settings.tls.root_certificate or "",
    }
    text = " ".join(f"{name}={value}" for name, value in parts.items() if value)
    return f"{READ_ONLY} psql {shlex.quote(text)}"


def _build_snapshot_place(what: str, snapshot: Snapshot, settings: Settings) -> Place:
    region = read_region(snapshot.arn) or settings.region
    describe = f"aws rds describe-db-snapshots --region {region} --db-snapshot-identifier {snapshot.identifier}"
    done = f", {snapshot.percent} % done" if snapshot.status == "creating" and snapshot.percent is not None else ""
    console = f"https://{_find_host(region)}/rds/home?region={region}#snapshots-list:"
    return Place(what, snapshot.identifier, f"{snapshot.status}{done}", console, (describe,))


def _list_application_places(context: RestoreContext) -> Iterable[Place]:
    settings = context.settings
    if not settings.apps:
        return
    of_cluster = f" --context {shlex.quote(settings.context)}" if settings.context else ""
    kubectl = f"kubectl{of_cluster} -n {settings.namespace}"
    names = [app.name for app in settings.apps]
    found = context.inventory.cluster.deployments
    states = [
        f"{name} {deployment.replicas} wanted, {deployment.ready} ready" if deployment else f"{name}: no Deployment"
        for name, deployment in ((name, found.get(name)) for name in names)
    ]
    commands = (f"{kubectl} get deployments {' '.join(names)}", f"{kubectl} get pods -o wide", f"{kubectl} get events")
    yield Place("applications", settings.namespace, "; ".join(states), "", commands)


def link_console(region: str, identifier: str) -> str:
    """Returns the address of an instance in the console of its region's partition."""
    return f"https://{_find_host(region)}/rds/home?region={region}#database:id={identifier};is-cluster=false"


def _find_host(region: str) -> str:
    other = next((domain for begin, domain in CONSOLES.items() if region.startswith(begin)), None)
    return other or f"{region}.console.aws.amazon.com"
