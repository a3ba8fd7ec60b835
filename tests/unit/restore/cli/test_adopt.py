"""`adopt` writes a state and nothing else: whatever AWS or the cluster would notice stops it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from restore.cli import adopt
from restore.errors import PermanentError, Refused
from restore.evidence import Store
from restore.model.request import Settings, Traffic
from restore.pulumi_stack.automation import PlannedStep
from tests.support.worlds import FROZEN, PITR, asked, candidate, restored, settings

STASH = PlannedStep("create", "pulumi:index/stash:Stash", "conformed-inc-1")


def test_imports_and_receipts_are_harmless() -> None:
    adopt.require_harmless([STASH, PlannedStep("import", "aws:rds/instance:Instance", "candidate-inc-1")])


def test_what_only_the_plugin_remembers_is_no_change_of_a_database() -> None:
    remembered = PlannedStep("update", "aws:rds/instance:Instance", "candidate-inc-1", ("skipFinalSnapshot",))
    adopt.require_harmless([remembered])
    with pytest.raises(PermanentError, match="instanceClass"):
        adopt.require_harmless([replace(remembered, changes=("skipFinalSnapshot", "instanceClass"))])


@pytest.mark.parametrize("kind", ["create", "update", "delete", "replace", "create-replacement", "import-replacement"])
def test_nothing_is_adopted_by_changing_anything_outside_of_the_state(kind: str) -> None:
    with pytest.raises(PermanentError, match=f"{kind} candidate-inc-1"):
        adopt.require_harmless([STASH, PlannedStep(kind, "aws:rds/instance:Instance", "candidate-inc-1")])
    with pytest.raises(PermanentError, match=f"{kind} api"):
        adopt.require_harmless([PlannedStep(kind, "kubernetes:apps/v1:DeploymentPatch", "api")])


@dataclass
class Stack:
    """An empty stack, and what was done to it."""

    resources: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    steps: tuple[PlannedStep, ...] = (STASH,)
    config: dict[str, str] = field(default_factory=dict[str, str])
    done: list[str] = field(default_factory=list[str])
    name: str = "organization/restore/prod"

    def export(self) -> dict[str, Any]:
        return {"version": 3, "deployment": {"resources": self.resources}}

    def set(self, change: Mapping[str, str], remove: list[str]) -> None:
        assert not remove
        self.config |= change

    def preview(self, _program: object) -> tuple[PlannedStep, ...]:
        self.done.append("previewed")
        return self.steps

    def up(self, _program: object, message: str) -> None:
        self.done.append(message)


def answering(value: object) -> Callable[..., object]:
    def answer(*_: object, **__: object) -> object:
        return value

    return answer


Adopting = Callable[..., tuple[bool, str]]


@pytest.fixture
def adopting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Adopting:
    """Runs the command on a stack in a world where inc-1 is frozen; returns its answer and what it showed."""

    def read_settings(stack: Stack, _now: object, more: Mapping[str, str] | None = None) -> Settings:
        keys = {**stack.config, **(more or {})}
        request = asked(traffic=Traffic(keys.get("restore:traffic", "source"))) if "restore:id" in keys else None
        return replace(settings(PITR, evidence=str(tmp_path)), request=request)

    def run(stack: Stack, *, yes: bool = True) -> tuple[bool, str]:
        shown: list[str] = []

        def confirm(text: str) -> bool:
            shown.append(text)
            return yes

        found = restored(cluster=FROZEN, open_restores=(candidate(),))
        monkeypatch.setattr(adopt, "read_settings", read_settings)
        monkeypatch.setattr(adopt, "require_alone", answering(None))
        monkeypatch.setattr(adopt.gather, "gather", answering(found))
        operator = {"user": "grace", "host": "laptop", "aws": "arn"}
        monkeypatch.setattr(adopt.provenance, "read_operator", answering(operator))
        return adopt.run(cast("Any", stack), None, confirm), "\n".join(shown)

    return run


def test_a_lost_configuration_comes_back_with_the_state(adopting: Adopting, tmp_path: Path) -> None:
    stack = Stack()
    adopted, shown = adopting(stack)
    assert adopted
    assert stack.done == ["previewed", "adopt restore inc-1"]
    assert stack.config == {
        "restore:id": "inc-1",
        "restore:method": "pitr",
        "restore:time": "2026-11-22T14:30:00Z",
        "restore:traffic": "frozen",
    }
    assert "restore:traffic = frozen" in shown
    record = Store.open(str(tmp_path)).read_latest("prod", "inc-1", "adopt")
    assert record
    assert record["resource_id"] == "db-CANDIDATE"


def test_a_configuration_that_is_there_stays_as_it_is(adopting: Adopting) -> None:
    stack = Stack(config={"restore:id": "inc-1", "restore:traffic": "frozen"})
    assert adopting(stack)[0]
    assert stack.config == {"restore:id": "inc-1", "restore:traffic": "frozen"}


def test_a_no_adopts_nothing_and_sets_nothing(adopting: Adopting) -> None:
    stack = Stack()
    assert not adopting(stack, yes=False)[0]
    assert (stack.done, stack.config) == ([], {})


def test_what_would_change_aws_is_found_out_before_it_is_done(adopting: Adopting) -> None:
    stack = Stack(steps=(PlannedStep("create", "aws:rds/instance:Instance", "candidate-inc-1"),))
    with pytest.raises(PermanentError, match="nothing was adopted"):
        adopting(stack)
    assert (stack.done, stack.config) == (["previewed"], {})


def test_a_state_that_is_there_is_left_alone(adopting: Adopting) -> None:
    urn = "urn:pulumi:prod::restore::kubernetes:apps/v1:DeploymentPatch::api"
    stack = Stack([{"urn": urn, "type": "kubernetes:apps/v1:DeploymentPatch"}])
    with pytest.raises(Refused, match="it has api"):
        adopting(stack)
    assert not stack.done
