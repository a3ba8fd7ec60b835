"""All troubles by name: listed, played, ended. And which real things are still not played."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.application.names import INSTANCE
from sandbox.machine.layout import Layout
from sandbox.trouble import account, clients, databases, dependents, secret_controllers, workloads
from sandbox.trouble.stage import Played, Stage, Trouble

GROUPS: dict[str, Sequence[Trouble]] = {
    "databases": databases.TROUBLES,
    "account": account.TROUBLES,
    "dependents": dependents.TROUBLES,
    "cluster": workloads.TROUBLES,
    "secrets": secret_controllers.TROUBLES,
    "applications": clients.TROUBLES,
}
TROUBLES = {trouble.name: trouble for group in GROUPS.values() for trouble in group}
NOT_PLAYED = (
    "Service Quotas: quotas are answered by DescribeAccountAttributes alone",
    "RDS Proxy: proxy-on-source is only described, and AWS Backup makes nothing of its plans",
    "read replicas that replicate: read-replica is a copy of its moment",
    "members of a Multi-AZ cluster, and directories: cluster-member and kerberos are only described",
    "lazy loading of blocks from S3: a restored database is as fast as its disk",
    "Vault, and the encryption of sealed-secrets: their controllers read AWS Secrets Manager and a symmetric key",
    "CSI volumes: csi-secret synchronizes the Secret, the pods mount nothing",
    "a scheduler: pods start on the one node whatever it has free, and while it is cordoned",
    "network policies of datagrams that are sent without connect(2): they pass",
    "metrics: autoscaler decides by itself that there is load",
)


class TroubleError(Exception):
    """A trouble that isn't there, is on already, or can't be undone."""


def play(layout: Layout, name: str, instance: str = INSTANCE) -> None:
    """Plays a trouble. Raises TroubleError."""
    trouble, played = find(name), Played(layout)
    if name in played.all():
        raise TroubleError(f"{name} is on already; to end it: python -m sandbox trouble {name} --off")
    memory = trouble.on(Stage(layout, instance))
    if trouble.off is not None:
        played.remember(name, instance, memory)


def end(layout: Layout, name: str) -> None:
    """Ends a trouble that is on. Raises TroubleError."""
    trouble, played = find(name), Played(layout)
    entry = played.all().get(name)
    if trouble.off is None:
        raise TroubleError(f"{name} can't be undone; for a fresh sandbox: {FRESH}")
    if entry is None:
        raise TroubleError(f"{name} isn't on; what is on: {', '.join(played.all()) or 'nothing'}")
    trouble.off(Stage(layout, entry["instance"]), entry["memory"])
    played.forget(name)


FRESH = "python -m sandbox down --purge && python -m sandbox up"


def find(name: str) -> Trouble:
    if name not in TROUBLES:
        raise TroubleError(f"no trouble {name!r}; all of them: python -m sandbox trouble")
    return TROUBLES[name]


def undo(name: str) -> str:
    """The command that ends a trouble."""
    return FRESH if find(name).off is None else f"python -m sandbox trouble {name} --off"


def listing(layout: Layout) -> str:
    """A line for each trouble, by group; those that are on are marked."""
    on = Played(layout).all()
    lines: list[str] = []
    for group, troubles in GROUPS.items():
        lines += ["", f"{group}:"] if lines else [f"{group}:"]
        lines += [f"{'*' if t.name in on else ' '} {t.name:29} {t.says}" for t in troubles]
    return "\n".join([*lines, "", "* is on. Play one: python -m sandbox trouble NAME; end it: ... NAME --off"])


def not_played() -> str:
    """What the sandbox doesn't play yet, for `doctor`."""
    return "\n".join(["not played:", *(f"  {line}" for line in NOT_PLAYED)])
