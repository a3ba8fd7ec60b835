"""States that RDS brings about by itself, and that a rehearsal brings about at will."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from sandbox.aws.errors import AwsError
from sandbox.aws.rds.data import shapes
from sandbox.aws.rds.data.state import Instance, Step
from sandbox.aws.rds.service import master_password
from sandbox.aws.rds.service.region import Rds
from sandbox.aws.rds.work.steps import fill_disk
from sandbox.machine.blackhole import BlackHole
from sandbox.postgres.cluster import Place

KEY_GONE = "inaccessible-encryption-credentials"
DOWN = frozenset({"stopping", "failed", KEY_GONE, shapes.KEY_LOST})
"""Statuses of an instance whose server doesn't run (User Guide, "Viewing Amazon RDS DB instance status")."""
SERVING = frozenset({"storage-initialization", "storage-config-upgrade"})
"""Statuses of an instance that serves as ever."""


def set_condition(rds: Rds, instance: Instance, condition: str) -> None:
    """Brings an instance into a condition; `none` brings it back. Raises ValueError for one that isn't known."""
    actions: dict[str, Callable[[Rds, Instance], None]] = {
        "none": recover,
        "hung": hang,
        "unreachable": make_unreachable,
        "storage-full": fill_disk,
    }
    if condition in actions:
        actions[condition](rds, instance)
    elif condition in DOWN | SERVING:
        show(rds, instance, condition)
    else:
        raise ValueError(f"unknown condition {condition!r}; known are {sorted(actions.keys() | DOWN | SERVING)}")
    rds.store.save()


def show(rds: Rds, instance: Instance, status: str) -> None:
    """A status that stays, and what it means for the server."""
    with rds.store.lock:
        instance.rest = status
        instance.shape["DBInstanceStatus"] = status
    if status in DOWN:
        rds.cluster(instance).stop()


def hang(rds: Rds, instance: Instance) -> None:
    """RDS says available; the server takes connections and answers nobody."""
    rds.cluster(instance).freeze()


def make_unreachable(rds: Rds, instance: Instance) -> None:
    """RDS says available; whoever connects waits for an answer that never comes."""
    cluster = rds.cluster(instance)
    if instance.resource_id in rds.shared.unreachable:
        return
    public = cluster.place
    hidden = rds.shared.layout.address("unreachable", rds.region, instance.resource_id)
    with unwatched(rds, instance):
        cluster.move(Place(hidden, public.port))
        rds.shared.unreachable[instance.resource_id] = BlackHole(public.address, public.port)


def recover(rds: Rds, instance: Instance) -> None:
    """Available again, with a server that answers at its address and can write."""
    cluster = rds.cluster(instance)
    if cluster.frozen:
        cluster.thaw()
    with unwatched(rds, instance):
        if hole := rds.shared.unreachable.pop(instance.resource_id, None):
            hole.close()
            cluster.move(Place(rds.address(instance.identifier), int(instance.shape["DbInstancePort"])))
        if not cluster.running:
            cluster.start()
        if instance.rest == "storage-full":
            cluster.set_read_only(on=False)
        instance.rest = "available"


@contextmanager
def unwatched(rds: Rds, instance: Instance) -> Generator[None]:
    """A server that is down on purpose isn't started again meanwhile, as one that was killed is."""
    with rds.store.lock:
        instance.shape["DBInstanceStatus"] = "rebooting"
    try:
        yield
    finally:
        with rds.store.lock:
            instance.shape["DBInstanceStatus"] = instance.steps[0].status if instance.steps else instance.rest


def rotate_master_password(rds: Rds, instance: Instance) -> None:
    """What RDS does every seven days where it manages the password. Raises AwsError where it doesn't."""
    with rds.store.lock:
        password = master_password.rotate(rds, instance)
        step = Step("set_password", "resetting-master-credentials", {"password": password})
        rds.scheduler.submit(rds, instance, step)


def rotate_managed_secret(rds: Rds, name: str) -> str | None:
    """Rotates the password that RDS keeps in this secret (name or ARN); returns the ARN, None for another's secret."""
    for instance in [*rds.state.instances.values()]:
        arn = str(instance.shape.get("MasterUserSecret", {}).get("SecretArn", ""))
        if arn and (name == arn or f":secret:{name}-" in arn):
            rotate_master_password(rds, instance)
            return arn
    return None


def describe_as(rds: Rds, instance: Instance, fields: dict[str, object], describable: frozenset[str]) -> None:
    """Facts of the control plane alone, as DescribeDBInstances answers them; None takes one away.

    Raises AwsError for a field that the answer doesn't have.
    """
    if unknown := sorted(fields.keys() - describable):
        raise AwsError("InvalidParameterValue", f"DBInstance has no members {', '.join(unknown)}")
    with rds.store.lock:
        for name, value in fields.items():
            if value is None:
                instance.shape.pop(name, None)
            else:
                instance.shape[name] = value
        rds.store.save()
