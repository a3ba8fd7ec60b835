"""Everything that exists at one moment and that the rules of preflight look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from restore.errors import Problem
from restore.model.aws_account import Caller
from restore.model.capacity import Capacity
from restore.model.cluster import Cluster
from restore.model.dependents import Dependents
from restore.model.dump import DumpChoice, DumpObject
from restore.model.history import History
from restore.model.images import ImageAnswers
from restore.model.network import Network
from restore.model.nodes import NodePod, NodeRoom
from restore.model.rds import AutomatedBackup, Instance, Snapshot
from restore.model.region import Places, SourceRegion
from restore.model.rights import RightsAnswers
from validation.verdict import Verdict as Verdict


@dataclass(frozen=True)
class Inventory:
    """The world at one moment: everything the rules of preflight need, read before anything is declared."""

    now: datetime
    source: Instance | None
    """In the stack's region, or in `source_region`."""
    backups: tuple[AutomatedBackup, ...]
    snapshots: tuple[Snapshot, ...]
    """Every snapshot of the source, and the one that was named, whosever it is."""
    candidate: Instance | None
    """The instance that has the candidate's identifier, or this restore's under the identifier of the source."""
    open_restores: tuple[Instance, ...]
    """Instances tagged as candidates of this stack, not closed."""
    cluster: Cluster
    caller: Caller | None = None
    """Who asked AWS for all of this."""
    name_holders: tuple[Instance, ...] = ()
    """The instances, whosever they are, that have one of the names which cutover rename moves."""
    replicas: tuple[Instance, ...] = ()
    """Read replicas of the source, in its region."""
    plugin_caller: Caller | None = None
    """Who will change AWS: the Pulumi plugin, as it says itself; None outside a Pulumi program."""
    rights: RightsAnswers = field(default_factory=RightsAnswers)
    """What the operator may do in the phases ahead, as far as it was asked."""
    safety_snapshot: Snapshot | None = None
    nodes: NodeRoom | None = None
    """Read where applications stop or come back."""
    capacity: Capacity | None = None
    """What AWS says of the instance and the snapshot that are still to be made."""
    network: Network | None = None
    """Who gets through to the candidate, as far as it was asked before anything stops."""
    pods: tuple[NodePod, ...] = ()
    """Those of the namespace, read along with the network."""
    images: ImageAnswers = field(default_factory=ImageAnswers)
    """Whether ECR has the images of the Jobs ahead."""
    history: History = field(default_factory=History)
    """What earlier restores of the stack took."""
    former: tuple[Instance, ...] = ()
    """Instances that a Blue/Green switchover has left: <source>-old1, ...; their backups are among `backups`."""
    orderable_versions: tuple[str, ...] = ()
    """PostgreSQL versions that the region still creates."""
    dump: DumpChoice | None = None
    """For method dump, while the candidate is still to be made."""
    dependents: Dependents = field(default_factory=Dependents)
    """What else knows the source."""
    dumps: tuple[DumpObject, ...] = ()
    """All of the bucket, newest first; read for `python -m restore options` only."""
    source_region: SourceRegion | None = None
    """Of a source in another region (key sourceRegion); None where it is in the stack's own."""
    places: Places | None = None
    """What the stack's region has under the source's names; read for a source in another region only."""
    copy: Snapshot | None = None
    """The copy of a snapshot that can't be restored as it is."""

    source_silence: Problem | None = None
    """Why the source of applications that are to be stopped doesn't answer the operator; None where it does, and where
    nobody has asked it."""

    @property
    def local_source(self) -> Instance | None:
        """The source, where it is in the stack's region: only there it can be restored from, saved and returned to."""
        return None if self.source_region else self.source
