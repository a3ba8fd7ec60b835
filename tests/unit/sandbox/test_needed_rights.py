"""The table of needed rights and docs/permissions.md are the same, in both directions, with every condition."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from restore.model.aws_account import Caller
from restore.model.cluster import Cluster, Writer
from restore.model.context import RestoreContext
from restore.model.dependents import Dependent, DependentKind, Dependents, Follow, KnownBy
from restore.model.drill import DrillSettings
from restore.model.inventory import Inventory
from restore.model.notify import NotifySettings
from restore.model.prevention import PreventionSettings
from restore.model.rds import InstanceSettings
from restore.model.region import Places, SourceRegion
from restore.model.request import (
    App,
    CopySettings,
    CreateSettings,
    Cutover,
    DumpStore,
    Login,
    Request,
    Runner,
    SecretKey,
    Settings,
    ValidationSettings,
)
from restore.model.rights import AwsRight, ClusterRight, Phase, Right
from restore.preflight import rights
from restore.preflight.rights_scope import RightsScope
from sandbox.application import names, second_region
from sandbox.application.operator_roles import verbs_of
from sandbox.aws.iam.policy import Ask, Decision, Statement, decide, parse
from sandbox.rights import documented
from tests.support import worlds as w

PAGE = documented.read()
STATEMENTS = tuple(statement for policy in PAGE.policies for statement in parse(policy.document))
SOURCE = names.INSTANCE
ACCOUNT = "123456789012"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
ASKS_ITSELF = {"iam:SimulatePrincipalPolicy", "iam:GetRole"}
KEEPERS = tuple(
    Writer(kind, names.SECRET, "keeps it", "docs/operate.md", blocking=False) for kind in rights.SECRET_CONTROLLERS
)
OWNERS = tuple(
    Writer(kind, name, "owns it", "docs/operate.md", blocking=False, namespace="argocd")
    for kind, name in (("ArgoCD", "shop"), ("Flux", "kustomization shop"), ("Flux", "helmrelease shop"))
)


def site(request: Request, **changes: Any) -> Settings:
    """A site with the names of the page, and every option that asks for a right."""
    configured = w.settings(
        request,
        source=SOURCE,
        namespace=names.NAMESPACE,
        apps=tuple(App(name, health="http://{pod}:8080/health") for name in names.DEPLOYMENTS),
        secret=SecretKey(names.SECRET, names.SECRET_KEY, secret_id="ghost-protocol/sandbox/application"),
        login=Login("ghostadmin", names.MASTER_SECRET),
        backups=DumpStore(names.BACKUP_BUCKET, names.BACKUP_PREFIX),
        evidence="s3://ghost-protocol-sandbox-evidence/restores",
        validation=ValidationSettings(
            baseline="s3://ghost-protocol-sandbox-evidence/restores/baselines",
            image=f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/ghost-protocol-sandbox/psql:17",
        ),
        drill=DrillSettings(namespace=names.DRILL_NAMESPACE),
        notify=NotifySettings(sns_topic=f"arn:aws:sns:us-east-1:{ACCOUNT}:incidents"),
        prevention=PreventionSettings(enforce=True, replicate_to="us-west-2", dump_schedule="30 3 * * *"),
    )
    return replace(configured, **changes)


def found(base: Inventory) -> Inventory:
    named: dict[str, Any] = {
        "db_subnet_group_name": f"{SOURCE}-subnets",
        "parameter_group_name": f"{SOURCE}-pg17",
        "associated_roles": (f"s3Export=arn:aws:iam::{ACCOUNT}:role/rds-s3-export",),
        "domain_iam_role_name": "rds-directory",
        "monitoring_interval": 60,
        "monitoring_role_arn": f"arn:aws:iam::{ACCOUNT}:role/rds-monitoring-role",
    }
    settings: InstanceSettings = replace(w.SOURCE_SETTINGS, **named)
    cluster: Cluster = replace(w.RUNNING, writers=OWNERS + KEEPERS)
    return replace(
        base,
        source=w.instance(SOURCE, kms_key_id=KEY, settings=settings),
        snapshots=(w.snapshot(f"rds:{SOURCE}-1", kms_key_id=KEY, source_identifier=SOURCE),),
        backups=(w.backup(kms_key_id=KEY, source_identifier=SOURCE),),
        cluster=cluster,
        caller=Caller(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/restore-operator/on-call"),
    )


EAST = f"arn:aws:rds:us-east-1:{ACCOUNT}:snapshot:weekly"


def elsewhere(request: Request, **changes: Any) -> Settings:
    """The site's stack in a second region."""
    known: dict[str, Any] = {
        "region": second_region.REGION,
        "source_region": names.REGION,
        "copy": CopySettings(KEY.replace("us-east-1", second_region.REGION)),
        "create": CreateSettings(parameter_group=True),
        "backups": DumpStore(second_region.BACKUP_BUCKET, names.BACKUP_PREFIX),
        "prevention": None,
    }
    return site(request, **{**known, **changes})


def found_elsewhere(base: Inventory) -> Inventory:
    answers = SourceRegion(names.REGION, parameters={"work_mem": "8"})
    copied = w.snapshot("weekly", arn=EAST, kms_key_id=KEY, source_identifier=SOURCE)
    places = Places({f"{SOURCE}-subnets": "vpc-1"}, {}, ())
    return replace(found(base), snapshots=(copied,), source_region=answers, places=places)


BACKUPS = f"plan-1 arn:aws:iam::{ACCOUNT}:role/service-role/AWSBackupDefaultServiceRole"
DEPENDENTS = Dependents(
    (
        Dependent(DependentKind.ALARM, "db-cpu", KnownBy.IDENTIFIER),
        Dependent(DependentKind.PROXY, "shop", KnownBy.IDENTIFIER),
        Dependent(DependentKind.EVENT_SUBSCRIPTION, "failures", KnownBy.IDENTIFIER),
        Dependent(DependentKind.BACKUP_SELECTION, "daily/databases", KnownBy.ARN, BACKUPS),
    )
)
MANAGED = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:rds!db-1-AbCdEf"


def managed(base: Inventory) -> Inventory:
    """Where RDS keeps the source's master password itself."""
    assert base.source is not None
    return replace(base, source=replace(base.source, managed_secret=MANAGED))


CONTEXTS = {
    "copied from another region": (elsewhere(w.asked(w.SNAPSHOT, snapshot=EAST)), found_elsewhere(w.inventory())),
    "dump in another region": (elsewhere(w.DUMP), found_elsewhere(w.dumped())),
    "snapshot": (site(w.SNAPSHOT), found(w.inventory())),
    "pitr": (site(w.PITR), found(w.inventory())),
    "dump": (site(w.DUMP), found(w.dumped())),
    "in jobs": (site(w.PITR, runner=Runner.KUBERNETES), found(w.inventory())),
    "iam": (site(w.PITR, login=Login("ghostadmin", iam=True)), found(w.inventory())),
    "follow": (site(w.PITR, dependents=Follow.FOLLOW), replace(found(w.inventory()), dependents=DEPENDENTS)),
    "rename": (site(w.asked(w.PITR, cutover=Cutover.RENAME)), found(w.inventory())),
    "managed": (site(w.DUMP, login=Login("ghostadmin", "rds!db-1")), managed(found(w.dumped()))),
    "candidate made": (site(w.PITR), replace(found(w.restored()), candidate=w.candidate(identifier=f"{SOURCE}-inc-1"))),
}


def context(name: str) -> RestoreContext:
    configured, inventory = CONTEXTS[name]
    assert configured.request is not None
    return RestoreContext(configured, configured.request, inventory)


def needed(name: str) -> tuple[Right, ...]:
    return rights.list_needed_rights(context(name), frozenset(Phase))


def is_documented(right: Right) -> bool:
    if isinstance(right, AwsRight):
        return decide(STATEMENTS, Ask(right.action, right.resource, dict(right.context))) is Decision.ALLOWED
    return any(_rule_gives(role.namespace, rule, right) for role in PAGE.roles for rule in role.rules)


def _rule_gives(namespace: str, rule: dict[str, Any], right: ClusterRight) -> bool:
    named = rule.get("resourceNames")
    verbs = {(verb.verb, verb.resource, verb.group) for verb in verbs_of(rule)}
    return (
        namespace in (right.namespace, "")
        and (right.verb, right.resource, right.group) in verbs
        and (named is None or right.object_name in named)
    )


def test_the_page_and_the_table_name_the_same_rights() -> None:
    verbs = {str(verb) for role in PAGE.roles for rule in role.rules for verb in verbs_of(rule)}
    assert {row.name for row in rights.TABLE} == {*PAGE.actions(), *verbs}


@pytest.mark.parametrize("name", CONTEXTS)
def test_who_has_the_documented_rights_is_never_refused(name: str) -> None:
    assert [right for right in needed(name) if not is_documented(right)] == []


def test_every_documented_right_is_asked_for_by_some_restore() -> None:
    asked = {right.name for name in CONTEXTS for right in needed(name)}
    assert asked == {row.name for row in rights.TABLE} - ASKS_ITSELF


def is_used(statement: Statement, asked: tuple[AwsRight, ...]) -> bool:
    """Whether a right that is asked for is allowed by this statement."""
    return any(
        decide([statement], Ask(right.action, right.resource, dict(right.context))) is Decision.ALLOWED
        for right in asked
    )


def test_no_documented_statement_is_wider_than_what_is_asked_for() -> None:
    """Each statement with its resources and conditions lets something through that is really needed."""
    asked = tuple(right for name in CONTEXTS for right in needed(name) if isinstance(right, AwsRight))
    unused = [statement.sid for statement in STATEMENTS if not is_used(statement, asked)]
    assert unused == ["AskForRights"]


@pytest.mark.parametrize("row", rights.TABLE, ids=lambda row: f"{row.name} ({row.reason})")
def test_each_line_names_its_phases_and_what_stops_without_it(row: rights.NeededRight) -> None:
    assert row.phases
    assert all(rights.STOPS[phase] for phase in row.phases)
    if row.name not in ASKS_ITSELF:
        assert any(list(rights.list_rights(row, RightsScope(context(name)))) for name in CONTEXTS)
