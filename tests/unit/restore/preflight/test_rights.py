"""A right that a later phase lacks is refused before anything stops, by name, with all others."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from restore import plan
from restore.config.keys import CHECK
from restore.errors import Refused
from restore.model.aws_account import Caller
from restore.model.context import RestoreContext
from restore.model.inventory import Inventory
from restore.model.request import Request, Settings, Traffic
from restore.model.rights import AwsRight, ClusterRight, Denied, Phase, Right, RightsAnswers
from restore.preflight import rights
from restore.preflight.rights_scope import RightsScope
from tests.support import worlds as w

ROLE = Caller("123456789012", "arn:aws:sts::123456789012:assumed-role/on-call/me")
S3 = {"evidence": "s3://shop-evidence/restores"}
WORLDS = {
    "snapshot": (w.settings(w.SNAPSHOT, **S3), w.inventory(caller=ROLE)),
    "pitr": (w.settings(w.PITR, **S3), w.inventory(caller=ROLE)),
    "dump": (w.settings(w.DUMP, **S3), w.dumped(caller=ROLE)),
}
ASKED = frozenset(Phase) - {Phase.PREVIEW, Phase.ROTATE, Phase.RETIRE, Phase.BY_HAND}


def context_of(settings: Settings, inventory: Inventory) -> RestoreContext:
    assert settings.request is not None
    return RestoreContext(settings, settings.request, inventory)


def rights_by_phase() -> list[tuple[str, Phase, Right]]:
    """Every right of every phase, for each method."""
    return [
        (method, phase, right)
        for method, (settings, inventory) in WORLDS.items()
        for phase in sorted(ASKED)
        for right in rights.list_needed_rights(context_of(settings, inventory), frozenset({phase}))
    ]


def named(parameter: object) -> str:
    return parameter.name if isinstance(parameter, AwsRight | ClusterRight) else str(parameter)


@pytest.mark.parametrize(("method", "phase", "right"), rights_by_phase(), ids=named)
def test_each_right_that_is_missing_is_named_before_the_freeze(method: str, phase: Phase, right: Right) -> None:
    settings, inventory = WORLDS[method]
    asked = rights.list_needed_rights(
        context_of(settings, inventory), rights.list_phases_ahead(context_of(settings, inventory))
    )
    assert right in asked
    answers = RightsAnswers(len(asked), (Denied(right, "implicitDeny"),))
    problem = w.only_problem(settings, replace(inventory, rights=answers))
    assert problem.subject == f"right {right.name}"
    assert f"{phase}: {rights.STOPS[phase]}" in problem.needed
    assert "docs/permissions.md" in problem.fix


def test_all_that_is_missing_is_told_at_once_and_each_kind_once() -> None:
    settings, inventory = WORLDS["pitr"]
    asked = rights.list_needed_rights(context_of(settings, inventory), ASKED)
    denied = tuple(Denied(right, "implicitDeny") for right in asked)
    with pytest.raises(Refused) as caught:
        plan.make(settings, replace(inventory, rights=RightsAnswers(len(asked), denied)))
    subjects = [problem.subject for problem in caught.value.problems]
    assert len(subjects) == len(set(subjects)) == len({right.name for right in asked})
    patch = next(item for item in caught.value.problems if item.subject == "right patch deployments.apps")
    assert "api in namespace shop-prod" in patch.found
    assert "indexer in namespace shop-prod" in patch.found
    assert "kubectl --namespace shop-prod auth can-i patch deployments.apps/api" in patch.fix


def test_a_denied_right_says_the_command_that_asks_for_it_again() -> None:
    settings, inventory = WORLDS["pitr"]
    arn = "arn:aws:rds:us-east-1:123456789012:db:shop-inc-1"
    right = AwsRight("rds:ModifyDBInstance", arn, (("aws:ResourceTag/restore:stack", "prod"),))
    problem = w.only_problem(settings, replace(inventory, rights=RightsAnswers(1, (Denied(right, "explicitDeny"),))))
    assert problem.found == f"denied on {arn} (explicitDeny)"
    assert (
        "aws iam simulate-principal-policy --policy-source-arn arn:aws:iam::123456789012:role/on-call "
        f"--action-names rds:ModifyDBInstance --resource-arns '{arn}' --context-entries "
        "ContextKeyName=aws:ResourceTag/restore:stack,ContextKeyValues=prod,ContextKeyType=string"
    ) in problem.fix
    log = ClusterRight.parse("get pods/log", "shop-prod")
    problem = w.only_problem(settings, replace(inventory, rights=RightsAnswers(1, (Denied(log, "no Role"),))))
    assert "kubectl --namespace shop-prod auth can-i get pods --subresource log" in problem.fix


def test_who_knows_better_than_the_simulation_can_go_on() -> None:
    """A key's own policy may give what the simulation denies: it isn't asked."""
    settings, inventory = WORLDS["pitr"]
    denied = Denied(AwsRight("kms:CreateGrant", "arn:aws:kms:us-east-1:123456789012:key/1"), "implicitDeny")
    lacking = replace(inventory, rights=RightsAnswers(1, (denied,)))
    assert """'waive["preflight.right:kms:CreateGrant"]' "<reason>\"""" in w.only_problem(settings, lacking).fix
    reason = "the key's policy names our role"
    assert w.problems(replace(settings, waive={"preflight.right:kms:CreateGrant": reason}), lacking) == {}
    for other in ("preflight.right:kms:Decrypt", "preflight.right"):
        assert w.problems(replace(settings, waive={other: reason}), lacking)


@pytest.mark.parametrize("right", ["kms:CreateGrant", "patch deployments.apps", "get pods/log"])
def test_the_waiver_of_a_right_is_a_name_that_the_configuration_takes(right: str) -> None:
    assert re.fullmatch(CHECK, rights.name_waiver(right))


def test_what_was_not_asked_is_said_and_refuses_nothing() -> None:
    settings, inventory = WORLDS["pitr"]
    unknown = RightsAnswers(20, (), ("rights in AWS: AWS iam:SimulatePrincipalPolicy: AccessDenied",))
    notes = plan.make(settings, replace(inventory, rights=unknown)).notes
    assert "rights: 20 of 20 that this run and later phases need are given" in notes
    assert "note: not asked: rights in AWS: AWS iam:SimulatePrincipalPolicy: AccessDenied" in notes


@pytest.mark.parametrize(
    ("traffic", "cluster", "ahead"),
    [
        (Traffic.SOURCE, w.RUNNING, Phase.RESTORE),
        (Traffic.FROZEN, w.RUNNING, Phase.CLOSE),
        (Traffic.RESTORED, w.FROZEN, Phase.SWITCH),
        (Traffic.SOURCE, w.FROZEN_AGAIN, Phase.WAY_BACK),
    ],
)
def test_once_the_applications_are_down_only_what_this_move_needs_is_asked(
    traffic: Traffic, cluster: w.Cluster, ahead: Phase
) -> None:
    settings = w.settings(w.asked(traffic=traffic))
    found = w.restored(cluster=cluster) if traffic is not Traffic.FROZEN else w.inventory(cluster=cluster)
    phases = rights.list_phases_ahead(context_of(settings, found))
    assert ahead in phases
    assert (Phase.RESTORE in phases) == (cluster is w.RUNNING)
    assert (Phase.FREEZE in phases) == (traffic is Traffic.FROZEN)


def test_a_rehearsal_asks_for_no_right_to_stop_anything() -> None:
    settings, inventory = w.settings(w.asked(traffic=Traffic.SOURCE)), w.inventory(caller=ROLE)
    context = context_of(settings, inventory)
    names = {right.name for right in rights.list_needed_rights(context, rights.list_phases_ahead(context))}
    assert names.isdisjoint({"patch deployments.apps", "patch secrets", "rds:CreateDBSnapshot"})
    assert "rds:RestoreDBInstanceToPointInTime" in names


def test_only_the_options_in_use_are_asked_for() -> None:
    def names(method: str) -> set[str]:
        context = context_of(*WORLDS[method])
        return {right.name for right in rights.list_needed_rights(context, ASKED)}

    assert "rds:CreateDBInstance" in names("dump")
    assert names("dump").isdisjoint({"rds:RestoreDBInstanceToPointInTime", "rds:RestoreDBInstanceFromDBSnapshot"})
    assert names("pitr").isdisjoint({"rds:CreateDBInstance", "s3:GetObjectVersion", "rds-db:connect", "iam:PassRole"})


def test_a_policy_that_lets_the_operator_into_the_source_alone_is_noticed() -> None:
    """The candidate has a DbiResourceId of its own, which nobody knows yet."""
    login = replace(w.settings().login, iam=True, secret_id=None)
    context = context_of(w.settings(w.PITR, login=login), w.inventory(caller=ROLE))
    (row,) = (row for row in rights.TABLE if row.name == "rds-db:connect")
    resources = [
        right.resource for right in rights.list_rights(row, RightsScope(context)) if isinstance(right, AwsRight)
    ]
    assert len(resources) == 2
    assert all(resource.endswith("/admin") for resource in resources)
    assert len({resource for resource in resources if "db-SOURCE/" in resource}) == 1


def test_names_of_another_partition_are_asked_in_that_partition() -> None:
    caller = Caller("123456789012", "arn:aws-us-gov:sts::123456789012:assumed-role/on-call/me")
    context = context_of(w.settings(w.PITR), w.inventory(caller=caller))
    asked = rights.list_needed_rights(context, frozenset({Phase.RESTORE}))
    arns = [right.resource for right in asked if isinstance(right, AwsRight) and right.action.startswith("rds:")]
    assert arns
    assert all(arn.startswith("arn:aws-us-gov:rds:us-east-1:123456789012:") for arn in arns)


def test_without_a_request_there_is_nothing_to_be_allowed() -> None:
    request: Request | None = None
    assert w.problems(w.settings(request), w.inventory()) == {}
