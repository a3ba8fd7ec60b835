"""docs/permissions.md is complete and says of each right what it is for; and the sandbox gives just that."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandbox.application import stack_config
from sandbox.application.operator_roles import Verb, verbs_of, without
from sandbox.aws.client import OPERATOR_KEY
from sandbox.aws.iam.guard import OperatorRights
from sandbox.machine.layout import Layout
from sandbox.rights import documented
from sandbox.runtime import environment

PAGE = documented.PAGE.read_text()
RIGHTS = documented.read()
VERBS = tuple(dict.fromkeys(verb for role in RIGHTS.roles for rule in role.rules for verb in verbs_of(rule)))


def test_each_right_has_its_reason_and_each_reason_its_right() -> None:
    _, _, table = PAGE.partition("## What each right is for")
    reasons = re.findall(r"^\| `([^`]+)` \| [^|]+ \|$", table, re.MULTILINE)
    assert len(reasons) == len(set(reasons))
    assert set(reasons) == {*RIGHTS.actions(), *map(str, VERBS)}


def test_every_policy_of_the_page_is_read_whatever_stands_around_it() -> None:
    assert len(RIGHTS.policies) == PAGE.count("```json")
    assert len(RIGHTS.roles) == PAGE.count("```yaml")
    assert PAGE.count("```") == 2 * (len(RIGHTS.policies) + len(RIGHTS.roles))
    assert all(policy.phase for policy in RIGHTS.policies)


def test_the_page_s_names_become_those_of_the_sandbox() -> None:
    assert RIGHTS.role("restore").namespace == "ghost-protocol-sandbox"
    assert "prod" not in str([policy.document for policy in RIGHTS.policies])


def test_a_part_of_a_policy_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a whole policy"):
        documented.parse('```json\n{"Effect": "Allow", "Action": "*", "Resource": "*"}\n```\n')
    with pytest.raises(ValueError, match="not a Role"):
        documented.parse("```yaml\nkind: ServiceAccount\n```\n")


def test_the_program_is_never_given_the_administrator_s_login(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path)
    given = environment.variables(layout, "")
    assert (given["AWS_ACCESS_KEY_ID"], given["KUBECONFIG"]) == (OPERATOR_KEY, str(layout.operator_kubeconfig))
    assert stack_config.configuration(layout)["kubernetes:kubeconfig"] == str(layout.operator_kubeconfig)
    assert given.keys() >= environment.administrator(layout).keys()


NO_DATA = frozenset(
    {
        "backup:DeleteBackupSelection",
        "cloudwatch:DeleteAlarms",
        "rds:DeleteEventSubscription",
        "sns:DeleteTopic",
    }
)
"""A selection only says what AWS Backup backs up; what it has backed up stays. The others hold no data."""
EXPIRING = frozenset({"rds:DeleteDBSnapshot", "s3:DeleteObject", "s3:DeleteObjectVersion"})
"""What `expire` and the nightly dump delete of their own (restore/prevention/expiry.py)."""


def test_nothing_deletes_a_database() -> None:
    statements = [(policy.phase, item) for policy in RIGHTS.policies for item in policy.document["Statement"]]
    deleting = [
        (phase, item)
        for phase, item in statements
        for action in documented.many(item["Action"])
        if action not in NO_DATA | EXPIRING and ("Delete" in action or "*" in action)
    ]
    (retire, retiring), (drill, drilling) = deleting
    assert "retire" in retire
    assert "restore:final-snapshot" in str(retiring["Condition"]), "only what was marked by retire, by nothing else"
    assert "Drill" in drill
    assert "restore:drill" in str(drilling["Condition"]), "only what a drill has made"


def test_a_snapshot_is_deleted_with_the_tag_of_a_stack_alone() -> None:
    statements = [item for policy in RIGHTS.policies for item in policy.document["Statement"]]
    (expiring,) = [item for item in statements if "rds:DeleteDBSnapshot" in documented.many(item["Action"])]
    assert expiring["Condition"] == {"Null": {"aws:ResourceTag/restore:stack": "false"}}


def test_an_action_that_is_taken_away_is_missing_in_every_statement() -> None:
    rights = OperatorRights(RIGHTS)
    everything = rights.statements
    rights.remove(["rds:ModifyDBInstance"])
    left = {action for statement in rights.statements for action in statement.actions}
    assert left == set(RIGHTS.actions()) - {"rds:ModifyDBInstance"}
    rights.remove([])
    assert rights.statements == everything
    with pytest.raises(ValueError, match="rds:DeleteDBCluster"):
        rights.remove(["rds:DeleteDBCluster"])


def test_a_verb_that_is_taken_away_is_missing_on_its_resource_alone() -> None:
    rules = RIGHTS.role("restore-preview").rules
    left = [verb for rule in without(rules, [Verb.parse("list jobs.batch")]) for verb in verbs_of(rule)]
    everything = [verb for rule in rules for verb in verbs_of(rule)]
    assert [verb for verb in everything if verb not in left] == [Verb("list", "jobs", "batch")]
    assert without(rules, []) == list(rules)


@pytest.mark.parametrize("text", ["list", "list ", "list jobs batch"])
def test_a_verb_without_its_resource_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="write a verb and a resource"):
        Verb.parse(text)
