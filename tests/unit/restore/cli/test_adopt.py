"""`adopt` writes a state and nothing else: whatever AWS or the cluster would notice stops it."""

from __future__ import annotations

import pytest

from restore.cli import adopt
from restore.errors import PermanentError
from restore.pulumi_stack.automation import PlannedStep

STASH = PlannedStep("create", "pulumi:index/stash:Stash", "conformed-inc-1")


def test_imports_and_receipts_are_harmless() -> None:
    adopt.require_harmless([STASH, PlannedStep("import", "aws:rds/instance:Instance", "candidate-inc-1")])


@pytest.mark.parametrize("kind", ["create", "update", "delete", "replace", "create-replacement", "import-replacement"])
def test_nothing_is_adopted_by_changing_anything_outside_of_the_state(kind: str) -> None:
    with pytest.raises(PermanentError, match=f"{kind} candidate-inc-1"):
        adopt.require_harmless([STASH, PlannedStep(kind, "aws:rds/instance:Instance", "candidate-inc-1")])
    with pytest.raises(PermanentError, match=f"{kind} api"):
        adopt.require_harmless([PlannedStep(kind, "kubernetes:apps/v1:DeploymentPatch", "api")])
