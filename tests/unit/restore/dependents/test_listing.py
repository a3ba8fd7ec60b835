"""The preview says what stays with the source, what to do, and never takes "may not ask" for "none"."""

from __future__ import annotations

from dataclasses import replace

import pytest

from restore import plan
from restore.dependents.advice import KINDS, RENAME, SECRET, build_command, describe_effect, stays_behind
from restore.dependents.listing import list_dependent_lines
from restore.inventory.dependents import remove_own
from restore.model.dependents import Dependent, DependentKind, Dependents, Follow, KnownBy
from restore.model.request import Traffic
from tests.support.worlds import PITR, asked, candidate, instance, inventory, settings

K = DependentKind
ALARM = Dependent(K.ALARM, "db-cpu", KnownBy.IDENTIFIER)
SELECTION = Dependent(K.BACKUP_SELECTION, "daily/databases", KnownBy.ARN, "p-1 arn:role")
BY_TAGS = replace(SELECTION, known_by=KnownBy.TAGS)
POLICY = Dependent(K.IAM_POLICY, "login", KnownBy.RESOURCE_ID)
PROXY = Dependent(K.PROXY, "shop", KnownBy.IDENTIFIER)
SLOT = Dependent(K.REPLICATION_SLOT, "cdc", KnownBy.ITSELF, detail="nobody reads it now")
REPLICA = Dependent(K.READ_REPLICA, "shop-replica", KnownBy.ITSELF)


def lines(*found: Dependent, cutover: str = SECRET, follow: Follow = Follow.LIST) -> list[str]:
    return list(list_dependent_lines(Dependents(found), cutover, follow))


def test_each_kind_has_one_line_with_its_names_and_what_to_do() -> None:
    more = [replace(ALARM, name=f"db-{number}") for number in range(7)]
    (line,) = lines(*more)
    assert line.startswith("depends: CloudWatch alarms db-0, db-1, db-2, db-3, db-4 and 2 more, by its identifier: go")
    assert 'docs/dependents.md, "Alarms"' in line
    assert "pulumi config set dependents follow" in line


def test_what_follows_is_said_to_follow_and_the_rest_is_not() -> None:
    followed, policy = lines(ALARM, POLICY, follow=Follow.FOLLOW)
    assert "re-pointed once the restored database serves" in followed
    assert "re-pointed" not in policy
    assert 'docs/dependents.md, "IAM policies"' in policy


def test_what_selects_by_tags_needs_nothing() -> None:
    assert lines(BY_TAGS) == [
        "depends: AWS Backup selections daily/databases, by its tags: take the restored instance along, which has the "
        "source's tags"
    ]


def test_what_could_not_be_asked_is_never_none() -> None:
    unasked = Dependents(unasked={"DNS records": "AccessDenied: no"})
    assert list(list_dependent_lines(unasked, SECRET, Follow.LIST)) == [
        "note: not asked: DNS records of the source: AccessDenied: no"
    ]


def test_read_replicas_have_their_own_line_already() -> None:
    assert lines(REPLICA) == []


@pytest.mark.parametrize(
    ("dependent", "by_secret", "by_rename"),
    [
        (ALARM, True, False),
        (SELECTION, True, False),
        (BY_TAGS, False, False),
        (POLICY, True, True),
        (PROXY, True, True),
        (SLOT, True, True),
        (REPLICA, True, True),
        (Dependent(K.DNS_RECORD, "db", KnownBy.ENDPOINT), True, False),
        (Dependent(K.FEATURE_ROLE, "s3Import", KnownBy.ITSELF), False, False),
    ],
)
def test_a_rename_takes_along_what_knows_a_name_and_nothing_else(
    dependent: Dependent, by_secret: bool, by_rename: bool
) -> None:
    assert (stays_behind(dependent, SECRET), stays_behind(dependent, RENAME)) == (by_secret, by_rename)
    assert "follow the name" not in describe_effect(dependent, SECRET)


def test_every_kind_has_a_page_or_a_command() -> None:
    for kind in DependentKind:
        fix = build_command(Dependent(kind, "x", KnownBy.ITSELF, "p-1 role"), instance(), candidate())
        assert fix.startswith(("aws ", "docs/dependents.md")), kind
        assert KINDS[kind].effect


def test_the_preview_of_a_move_tells_the_owners_of_infrastructure_code() -> None:
    found = inventory(dependents=Dependents((ALARM,)))
    notes = plan.make(settings(), found).notes
    assert any(note.startswith("depends: CloudWatch alarms db-cpu") for note in notes)
    assert any("still owns the source after the switch" in note for note in notes)
    rehearsal = plan.make(settings(asked(PITR, traffic=Traffic.SOURCE)), found).notes
    assert not any("still owns" in note for note in rehearsal)


def test_the_stack_s_own_event_subscription_is_nobody_else_s_to_re_point() -> None:
    """It would be moved twice: by gate serving, and by the stack that declares it."""
    theirs = Dependent(DependentKind.EVENT_SUBSCRIPTION, "failures", KnownBy.IDENTIFIER)
    own = Dependent(DependentKind.EVENT_SUBSCRIPTION, "restore-backups-prod", KnownBy.IDENTIFIER)
    assert remove_own(Dependents((theirs, own)), settings()).found == (theirs,)
