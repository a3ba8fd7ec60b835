"""The program acts with the rights of docs/permissions.md alone, and says which one is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pulumi
import pytest

from restore.aws import Aws
from restore.config.settings import collect
from restore.errors import Refused
from restore.inventory.access import ask, ask_rights
from restore.inventory.gather import gather
from restore.kubernetes import Api
from restore.model.aws_account import Caller
from restore.model.context import RestoreContext
from restore.model.inventory import Inventory
from restore.model.request import Settings
from restore.model.rights import SECRET_CONTROLLERS, Phase, Right
from restore.preflight import rules
from restore.preflight.rights import STOPS, TABLE, list_needed_rights, list_phases_ahead
from restore.program import run
from sandbox.application import names, nightly_dump, stack_config
from sandbox.application.operator_rights import OperatorRights
from sandbox.application.operator_roles import users, verbs_of
from sandbox.aws import ACCOUNT
from sandbox.cluster.operator_login import USER
from sandbox.rights import documented
from sandbox.runtime import environment
from sandbox.trouble import catalogue
from sandbox.trouble.stage import Played
from tests.support.sandbox.harness import Project, Sandbox

PAGE = documented.read()
EVIDENCE = "ghost-protocol-sandbox-evidence"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/restore-operator/on-call"
LATER = ("iam:SimulatePrincipalPolicy", "iam:GetRole")
"""Given with the preview's rights, and asked for by whoever asks for rights."""
NOT_INSTALLED = ("keda.sh", "argoproj.io", "serving.knative.dev")
"""Groups of which nothing is asked for where they are not installed."""
ACTIONS = [action for action in documented.actions_of(PAGE.policies[0]) if action not in LATER]
VERBS = [
    verb for rule in PAGE.role("restore-preview").rules for verb in verbs_of(rule) if verb.group not in NOT_INSTALLED
]


@pytest.fixture
def rights(sandbox: Sandbox) -> Iterator[OperatorRights]:
    operator = OperatorRights.of(sandbox.layout)
    yield operator
    operator.remove([])


@pytest.fixture
def preview(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process has the operator's environment."""
    for name, value in environment.variables(sandbox.layout, "").items():
        monkeypatch.setenv(name, value)


def read(sandbox: Sandbox) -> None:
    """All that a preview reads, for a restore of each kind."""
    now = datetime.now(UTC)
    wanted = {"restore:id": "inc-1", "restore:method": "pitr", "restore:time": "latest", "restore:traffic": "frozen"}
    entries = stack_config.configuration(sandbox.layout) | wanted
    gather(collect(entries, "test", {}).read_settings(now), now)


@pytest.mark.slow
@pytest.mark.usefixtures("preview")
def test_each_right_that_a_preview_needs_is_named_when_it_is_missing(sandbox: Sandbox, rights: OperatorRights) -> None:
    read(sandbox)
    for action in ACTIONS:
        with rights.without(action), pytest.raises(Refused) as caught:
            read(sandbox)
        problems = caught.value.problems
        assert {problem.subject for problem in problems} == {f"AWS {action}"}
        assert f"not authorized to perform: {action}" in problems[0].found
        assert "docs/permissions.md" in problems[0].fix
    for verb in VERBS:
        with rights.without(str(verb)), pytest.raises(Refused) as caught:
            read(sandbox)
        (problem,) = caught.value.problems
        told = f'cannot {verb.verb} resource "{verb.resource}" in API group "{verb.group}"'
        assert (problem.subject, told in problem.found) == ("Kubernetes rights", True), problem
        assert "docs/permissions.md" in problem.fix
    read(sandbox)


FREEZES = {
    "pitr": {"restore:time": "latest"},
    "snapshot": {"restore:snapshot": "latest"},
    "dump": {"restore:dump": "latest"},
}
WAIVED = {"preflight.right:patch deployments.apps": "given by a webhook that no access review asks"}
PLACES = {
    "restore:evidence": f"s3://{EVIDENCE}/restores",
    "restore:validation": {"baseline": f"s3://{EVIDENCE}/restores/baselines"},
}


def frozen(sandbox: Sandbox, method: str, now: datetime) -> Settings:
    wanted = {"restore:id": "inc-1", "restore:method": method, "restore:traffic": "frozen"}
    entries = stack_config.configuration(sandbox.layout) | wanted | FREEZES[method] | PLACES
    return collect(entries, "test", {}).read_settings(now)


def needed(settings: Settings, inventory: Inventory) -> list[Right]:
    assert settings.request is not None
    context = RestoreContext(settings, settings.request, inventory)
    return list(list_needed_rights(context, list_phases_ahead(context)))


@pytest.mark.usefixtures("preview")
def test_each_right_of_every_later_phase_is_named_before_a_freeze(sandbox: Sandbox, rights: OperatorRights) -> None:
    """Of each method: with all documented rights nothing is refused, without one this one is."""
    now = datetime.now(UTC)
    nightly_dump.run(sandbox.layout)
    tried: set[str] = set()
    aws, api = Aws.of(settings := frozen(sandbox, "pitr", now)), Api(settings.kubeconfig)
    for method in FREEZES:
        settings = frozen(sandbox, method, now)
        inventory = gather(settings, now)
        wanted = needed(settings, inventory)
        answers = ask_rights(settings, inventory)
        assert (answers.asked, answers.denied, answers.not_asked) == (len(wanted), (), ()), method
        for name in sorted({right.name for right in wanted} - tried):
            with rights.without(name):
                answers = ask(aws, api, inventory.caller, [right for right in wanted if right.name == name])
            problems = rules.find_problems(settings, replace(inventory, rights=answers))
            assert [problem.subject for problem in problems] == [f"right {name}"]
            tried.add(name)
    assert len(tried) > 25


OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "pitr": {},
    "snapshot": {"method": "snapshot", "time": None, "snapshot": "latest"},
    "dump": {"method": "dump", "time": None, "dump": "latest"},
    "rename": {"cutover": "rename"},
    "follow": {"dependents": "follow"},
    "in jobs": {"runner": "kubernetes", "runnerJob": {"image": "restore:1", "serviceAccount": "restore-gates"}},
    "iam": {
        "login": {"user": names.MASTER_USER, "iam": True},
        "waive": {"quiesced.unreachable": "the sandbox's servers know no login by IAM"},
    },
}
"""What a run asks for, by what each adds to the rights that it needs."""
TROUBLES = (
    "uncopied-settings",
    "kerberos",
    "alarms-on-source",
    "events-of-source",
    "proxy-on-source",
    "backups-by-arn",
)
"""What makes the source need rights that a plain one doesn't."""
OF_A_RESTORE = frozenset(Phase) - {
    Phase.PREVIEW, Phase.ROTATE, Phase.RETIRE, Phase.PREVENT, Phase.DRILL, Phase.BY_HAND
}  # fmt: skip
ELSEWHERE = frozenset(
    {
        "rds:CopyDBSnapshot",
        "rds:CreateDBParameterGroup",
        "rds:ModifyDBParameterGroup",
        "rds:ListTagsForResource",
        *SECRET_CONTROLLERS.values(),
    }
)
"""Needed of a source in another region, and where a controller keeps the secret: tests/unit has those."""


@dataclass
class Program:
    """`pulumi preview` in this process: its program up to where it would declare the first resource."""

    sandbox: Sandbox
    declared: list[str] = field(default_factory=list[str])

    def keys(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        asked = {"id": "inc-1", "method": "pitr", "time": "latest", "traffic": "frozen"}
        wanted: dict[str, Any] = {**asked, **options}
        named = {f"restore:{key}": value for key, value in wanted.items() if value is not None}
        return stack_config.configuration(self.sandbox.layout) | PLACES | named

    def run(self, options: Mapping[str, Any]) -> str:
        """What it refuses; empty where it goes on to declare."""
        self.declared.clear()
        entries = self.keys(options).items()
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in entries}
        pulumi.runtime.set_all_config(texts, [])
        try:
            run.run()
        except pulumi.RunError as error:
            return str(error)
        assert self.declared == ["inc-1"]
        return ""

    def declare(self, settings: Settings, *_: object) -> None:
        """Stands where the first resource would be declared."""
        assert settings.request is not None
        self.declared.append(settings.request.id)

    def phases(self, options: Mapping[str, Any]) -> dict[str, set[Phase]]:
        """The phases of a restore that need each right, with these options."""
        now = datetime.now(UTC)
        settings = collect(self.keys(options), "test", {}).read_settings(now)
        assert settings.request is not None
        context = RestoreContext(settings, settings.request, gather(settings, now))
        by_right: dict[str, set[Phase]] = {}
        for phase in OF_A_RESTORE:
            for right in list_needed_rights(context, frozenset({phase})):
                by_right.setdefault(right.name, set()).add(phase)
        return by_right


@pytest.fixture
def program(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    played = Program(sandbox)
    monkeypatch.setattr(run, "read_plugin_caller", lambda: Caller(ACCOUNT, SESSION))
    monkeypatch.setattr(run, "declare", played.declare)
    monkeypatch.setattr(pulumi, "get_stack", lambda: "test")
    yield played
    pulumi.runtime.set_all_config({}, [])
    for trouble in Played(sandbox.layout).all():
        catalogue.end(sandbox.layout, trouble)


def is_named(name: str, text: str) -> bool:
    """By preflight's question, or, of one that the preview's own reads need as well, by the call that was denied."""
    verb, _, resource = name.partition(" ")
    kind, _, group = resource.partition(".")
    return (
        f"right {name}\n" in text
        or f"not authorized to perform: {name} " in text
        or f'cannot {verb} resource "{kind}" in API group "{group}"' in text
    )


@pytest.mark.slow
@pytest.mark.usefixtures("preview")
def test_a_run_names_each_right_of_each_phase_before_it_declares_anything(
    sandbox: Sandbox, rights: OperatorRights, program: Program
) -> None:
    """Freeze, restore, conform, load, validate, evidence, switch, serving, way back, close: one right at a time is
    taken away, and the run that would stop the applications is refused with it, and with what it is needed for."""
    nightly_dump.run(sandbox.layout)
    sandbox.aws.s3.create_bucket(Bucket=EVIDENCE)
    for trouble in TROUBLES:
        catalogue.play(sandbox.layout, trouble)
    tried: dict[str, set[Phase]] = {}
    for name, options in OPTIONS.items():
        assert program.run(options) == "", name
        for right, phases in sorted(program.phases(options).items()):
            if phases <= tried.get(right, set()):
                continue
            with rights.without(right):
                text = program.run(options)
            assert is_named(right, text), (name, right, text)
            assert program.declared == [], right
            if f"right {right}\n" in text:
                assert [phase for phase in phases if f"{phase}: {STOPS[phase]}" not in text] == [], (name, right)
            tried.setdefault(right, set()).update(phases)
    of_table = {row.name: row.phases & OF_A_RESTORE for row in TABLE if row.phases & OF_A_RESTORE}
    assert {right for right in of_table if right not in tried} <= ELSEWHERE
    assert set().union(*tried.values()) == OF_A_RESTORE


@pytest.mark.usefixtures("preview")
def test_who_may_not_ask_is_told_so_once_and_can_go_on(sandbox: Sandbox, rights: OperatorRights) -> None:
    now = datetime.now(UTC)
    settings = frozen(sandbox, "pitr", now)
    inventory = gather(settings, now)
    with rights.without("iam:SimulatePrincipalPolicy"):
        answers = ask_rights(settings, inventory)
    assert answers.denied == ()
    (told,) = answers.not_asked
    assert "not authorized to perform: iam:SimulatePrincipalPolicy" in told


@pytest.mark.slow
def test_a_freeze_that_may_not_stop_the_applications_says_so(
    sandbox: Sandbox, project: Project, rights: OperatorRights
) -> None:
    """The evidence is in a bucket: what was refused is told there as well."""
    before = sandbox.replicas()
    sandbox.aws.s3.create_bucket(Bucket=EVIDENCE)
    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen", evidence=f"s3://{EVIDENCE}/restores")
    with rights.without("patch deployments.apps"):
        project.up().failed("refused, nothing was touched (1 problem)", "right patch deployments.apps")
        project.edit(lambda config: config.update({"restore:waive": WAIVED}))
        project.up().failed('cannot patch resource "deployments"')
    assert sandbox.replicas() == before
    assert sandbox.instances().keys() == {names.INSTANCE}
    written = sandbox.aws.s3.list_objects_v2(Bucket=EVIDENCE, Prefix=f"restores/{project.stack}/inc-1/")
    assert any(str(item.get("Key")).endswith("report.html") for item in written.get("Contents", ()))


def test_the_operator_has_the_documented_rights_in_the_cluster_and_no_others(sandbox: Sandbox) -> None:
    operator = Api(str(sandbox.layout.operator_kubeconfig))
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview"}
    for namespace in {role.namespace for role in PAGE.roles if role.namespace}:
        spec = {"spec": {"namespace": namespace}}
        answer = operator.create("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {**review, **spec})
        given = {str(verb) for rule in answer["status"]["resourceRules"] for verb in verbs_of(rule)}
        of_namespace = [role for role in PAGE.roles if role.namespace in (namespace, "") and USER in users(role)]
        wanted = {str(verb) for one in of_namespace for rule in one.rules for verb in verbs_of(rule)}
        assert {right for right in given if not right.startswith("create selfsubject")} == wanted
