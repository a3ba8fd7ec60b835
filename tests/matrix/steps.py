"""The columns: at which step of a restore a cause strikes. Another step is one more entry of STEPS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tests.matrix.stage import UP, Stage
from tests.matrix.wire import KUBERNETES, Call, Trap


class Phase(StrEnum):
    """A command of a restore, and what it is to reach."""

    REHEARSE = "rehearse"
    LOAD = "load"
    FREEZE = "freeze"
    SWITCH = "switch"
    REFREEZE = "freeze again"
    RETURN = "return"
    CLOSE = "close"


class Kind(StrEnum):
    """A restore by what differs in it from the others."""

    SECRET = "cutover by secret"
    RENAME = "cutover by rename"
    DUMP = "method dump"


CLOSE = ("python", "-m", "restore", "close", "--yes")
ROLLBACK = ("python", "-m", "restore", "rollback", "--accept-loss", "--yes")
TRAFFIC = {
    Phase.REHEARSE: "source",
    Phase.LOAD: "source",
    Phase.FREEZE: "frozen",
    Phase.SWITCH: "restored",
    Phase.REFREEZE: "frozen",
    Phase.RETURN: "source",
}

Says = Callable[[Stage], bool]


@dataclass(frozen=True)
class Step:
    """`call`: the call that the step begins with; `says`: what the command has printed by then. One of them or both."""

    name: str
    phase: Phase
    call: Callable[[Stage, Call], bool] | None = None
    says: Says | None = None
    database: str = ""
    """`source` or `candidate`: the database that the step works with."""
    plugin: str = ""
    """What works for the step beside the program: a plugin, pg_restore, a pod."""
    kind: Kind = Kind.SECRET
    rollback: bool = False
    """Its phase's command is `python -m restore rollback`, which sets `traffic` itself."""

    @property
    def command(self) -> tuple[str, ...]:
        return ROLLBACK if self.rollback else command_of(self.phase)

    def trap(self, stage: Stage, *, after: bool) -> Trap | None:
        if self.call is None:
            return None
        call, says = self.call, self.says
        return Trap(lambda made: call(stage, made) and (says is None or says(stage)), after)


def command_of(phase: Phase) -> tuple[str, ...]:
    return CLOSE if phase is Phase.CLOSE else UP


def rds(operation: str) -> Callable[[Stage, Call], bool]:
    return lambda _, call: call == Call("rds", operation)


def renaming(*, aside: bool) -> Callable[[Stage, Call], bool]:
    """The rename that moves who holds production's name away (`aside`), or the one that gives the name anew."""
    return lambda stage, call: call == Call("rds", "ModifyDBInstance") and stage.is_name_held() == aside


def kubernetes(operation: str) -> Callable[[Stage, Call], bool]:
    return lambda _, call: call == Call(KUBERNETES, operation)


def is_dump_read(stage: Stage, call: Call) -> bool:
    return call.service == "s3" and call.operation.startswith("GET ") and call.operation.endswith(stage.dump_key)


def printed(text: str) -> Says:
    """`ID` in the text is the restore's."""
    return lambda stage: text.replace("ID", stage.id) in stage.project.output


AWS, KUBE = "pulumi-resource-aws", "pulumi-resource-kubernetes"
STEPS = (
    Step("restore", Phase.REHEARSE, rds("RestoreDBInstanceToPointInTime"), plugin=AWS),
    Step("conform", Phase.REHEARSE, rds("ModifyDBInstance")),
    Step("validate", Phase.REHEARSE, says=printed("validated: checking"), database="candidate", plugin="pod"),
    Step("load", Phase.LOAD, is_dump_read, printed("imported: loading"), "candidate", "pg_restore", Kind.DUMP),
    Step("freeze", Phase.FREEZE, kubernetes("PATCH deployments"), plugin=KUBE),
    Step("quiesce", Phase.FREEZE, says=printed("quiesced: waiting for"), database="source"),
    Step("keep", Phase.FREEZE, rds("CreateDBSnapshot"), plugin=AWS),
    Step("switch", Phase.SWITCH, says=printed("switched-ID creat"), database="candidate"),
    Step("secret", Phase.SWITCH, kubernetes("PATCH secrets"), plugin=KUBE),
    Step("resume", Phase.SWITCH, kubernetes("PATCH deployments"), plugin=KUBE),
    Step("serve", Phase.SWITCH, says=printed("serving-ID creat"), database="candidate"),
    Step("refreeze", Phase.REFREEZE, kubernetes("PATCH deployments"), plugin=KUBE),
    Step("return", Phase.RETURN, kubernetes("PATCH secrets"), database="candidate", plugin=KUBE),
    Step("rollback", Phase.RETURN, kubernetes("PATCH secrets"), database="candidate", plugin=KUBE, rollback=True),
    Step("rename", Phase.SWITCH, renaming(aside=True), kind=Kind.RENAME),
    Step("name", Phase.SWITCH, renaming(aside=False), kind=Kind.RENAME),
    Step("rename back", Phase.RETURN, renaming(aside=True), kind=Kind.RENAME),
    Step("name back", Phase.RETURN, renaming(aside=False), kind=Kind.RENAME),
    Step("close", Phase.CLOSE, kubernetes("PATCH deployments")),
    Step("leave", Phase.CLOSE, rds("AddTagsToResource")),
)
