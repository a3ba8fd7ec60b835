"""The tree of a preview in a terminal."""

from __future__ import annotations

import pytest

from sandbox.standins.engine.display.resource_tree import Row, render_tree
from sandbox.standins.engine.urns import make, short_type

STACK = make("dev", "p", "pulumi:pulumi:Stack", "p-dev")
FREEZE = make("dev", "p", "restore:index:Freeze", "inc-1", STACK)
CUTOVER = make("dev", "p", "restore:index:Cutover", "inc-1", STACK)
SNAPSHOT = make("dev", "p", "aws:rds/snapshot:Snapshot", "safety", FREEZE)
PATCH = make("dev", "p", "kubernetes:apps/v1:DeploymentPatch", "api", CUTOVER)
STASH = make("dev", "p", "pulumi:index:Stash", "way-back", CUTOVER)


def rows(*given: Row) -> dict[str, Row]:
    return {row.urn: row for row in given}


def test_children_stand_below_their_parent_whenever_they_come() -> None:
    tree = rows(
        Row(STACK, "", "+", "create", "2 messages"),
        Row(SNAPSHOT, FREEZE, "+", "create"),
        Row(FREEZE, STACK, "+", "create"),
        Row(CUTOVER, STACK, "~", "update", "[diff: ~traffic]"),
        Row(PATCH, CUTOVER, "-", "delete[retain]"),
        Row(STASH, CUTOVER),
    )
    assert render_tree(tree, STACK, 200) == [
        "     Type                                      Name    Plan               Info",
        " +   pulumi:pulumi:Stack                       p-dev   create             2 messages",
        " +   ├─ restore:index:Freeze                   inc-1   create",
        " +   │  └─ aws:rds:Snapshot                    safety  create",
        " ~   └─ restore:index:Cutover                  inc-1   update             [diff: ~traffic]",
        " -      └─ kubernetes:apps/v1:DeploymentPatch  api     delete[retain]",
    ]


def test_a_parent_that_stays_shows_where_it_has_a_child_that_changes() -> None:
    tree = rows(Row(STACK, ""), Row(CUTOVER, STACK), Row(FREEZE, STACK), Row(PATCH, CUTOVER, "~", "update"))
    assert [line.split()[-2:] for line in render_tree(tree, STACK, 200)[1:]] == [
        ["pulumi:pulumi:Stack", "p-dev"],
        ["restore:index:Cutover", "inc-1"],
        ["api", "update"],
    ]


def test_what_has_an_unknown_parent_stands_below_the_stack() -> None:
    lines = render_tree(rows(Row(PATCH, CUTOVER, "~", "update")), STACK, 200)
    assert lines[-1].startswith(" ~   └─ kubernetes:apps/v1:DeploymentPatch")


def test_a_line_ends_before_the_last_column_of_the_terminal() -> None:
    lines = render_tree(rows(Row(STACK, "", "+", "create", "x" * 100)), STACK, 80)
    assert max(map(len, lines)) == 79


@pytest.mark.parametrize(
    ("urn", "shown"),
    [
        (SNAPSHOT, "aws:rds:Snapshot"),
        (PATCH, "kubernetes:apps/v1:DeploymentPatch"),
        (STASH, "pulumi:index:Stash"),
        (FREEZE, "restore:index:Freeze"),
    ],
)
def test_a_type_is_shown_as_the_real_cli_shows_it(urn: str, shown: str) -> None:
    assert short_type(urn) == shown
