"""What a source can be restored to: ranked by the data lost, and readable on a small terminal."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from restore.cli.options import listed
from restore.config.settings import Entries
from restore.model.request import DumpStore, Method
from restore.recovery_points.ranking import rank, render
from restore.units import spoken
from tests.support.worlds import DUMP_KEY, NOW, TARGET, backup, dump, inventory, settings, snapshot

SITE = {
    "source": "shop-prod-db",
    "namespace": "shop-prod",
    "login": {"user": "ops", "secretId": "shop/ops"},
    "tls": {"rootCertificate": "ca.pem"},
    "backups": {"bucket": "shop-backups"},
}
NIGHTLY = snapshot("rds:shop-2026-11-22-04-00", kind="automated")
OLD = snapshot("pre-migration", created=NOW - timedelta(days=40))
LATER = snapshot("after-damage", created=NOW - timedelta(minutes=10))
ALL = inventory(
    snapshots=(OLD, NIGHTLY, LATER, snapshot("unfinished", status="creating"), snapshot("m", engine="mysql"))
)


def test_the_newest_snapshot_is_not_recommended_where_pitr_loses_less() -> None:
    assert [option.value for option in rank(ALL, None)] == [
        "latest",
        "after-damage",
        "rds:shop-2026-11-22-04-00",
        "pre-migration",
    ]


def test_points_after_the_damage_come_last_and_say_so() -> None:
    ranked = rank(ALL, TARGET)
    assert [option.value for option in ranked] == [
        "2026-11-22T14:30:00Z",
        "rds:shop-2026-11-22-04-00",
        "pre-migration",
        "after-damage",
    ]
    assert [option.damaged for option in ranked] == [False, False, False, True]
    assert [spoken(option.lost) for option in ranked] == ["30 min", "11 h", "40 d", "10 min"]
    assert "MAY HOLD THE DAMAGE" in render(ranked, TARGET).split("\n\n")[-1]


def test_a_time_beyond_the_window_leaves_the_snapshots_that_reach_further_back() -> None:
    assert [option.value for option in rank(ALL, NOW - timedelta(days=30)) if not option.damaged] == ["pre-migration"]


def test_a_time_whose_log_is_not_uploaded_yet_is_offered_as_far_as_there_is_log() -> None:
    assert rank(ALL, NOW - timedelta(seconds=10))[0].value == "2026-11-22T14:56:00Z"


def test_a_source_that_is_gone_still_has_its_retained_backups() -> None:
    gone = inventory(source=None, backups=(backup(status="retained"),), snapshots=())
    (only,) = rank(gone, TARGET, "shop")
    assert only.commands == (
        "pulumi config set method pitr",
        "pulumi config set time 2026-11-22T14:30:00Z",
        "pulumi config rm-all snapshot foreignSnapshot dump",
    )
    assert "retained backup of db-SOURCE" in only.description


@pytest.mark.parametrize("moment", [None, TARGET])
def test_the_text_fits_a_small_terminal(moment: object) -> None:
    text = render(rank(ALL, TARGET if moment else None), TARGET if moment else None)
    assert max(len(line) for line in text.splitlines()) <= 80


def chains(text: str) -> list[list[list[str]]]:
    """The commands under each option, as a shell takes them when they are copied."""
    made: list[list[list[str]]] = []
    for block in text.split("\n\n")[1:]:
        chain = "\n".join(line for line in block.splitlines() if line.startswith(" " * 6)).replace("\\\n", "")
        made.append([shlex.split(command) for command in chain.split("&&")])
    return made


def applied(config: dict[str, Any], chain: list[list[str]]) -> dict[str, Any]:
    """A configuration after `pulumi config set <key> <value>` and `pulumi config rm-all <keys>`."""
    after = dict(config)
    for command in chain:
        assert command[:2] == ["pulumi", "config"]
        if command[2] == "set":
            key, value = command[3:]
            after[key] = value
        else:
            assert command[2] == "rm-all"
            after = {key: value for key, value in after.items() if key not in command[3:]}
    return after


@pytest.mark.parametrize(
    "earlier",
    [
        {"method": "snapshot", "snapshot": "another", "foreignSnapshot": "true"},
        {"method": "pitr", "time": "2026-11-22T14:00:00Z"},
        {"method": "dump", "dump": "latest"},
    ],
)
def test_what_is_printed_for_an_option_is_never_refused_for_what_an_earlier_choice_left(
    earlier: dict[str, Any],
) -> None:
    options = rank(replace(ALL, dumps=(dump(),)), TARGET)
    printed = chains(render(options, TARGET))
    assert {option.method for option in options} == set(Method)
    assert len(printed) == len(options)
    for option, chain in zip(options, printed, strict=True):
        config = applied(SITE | {"id": "inc-1"} | earlier, chain)
        request = Entries(config, "prod", "us-east-1").settings(NOW).request
        assert request
        assert request.method is option.method


def test_nothing_to_restore_from_is_said() -> None:
    assert render(rank(inventory(backups=(), snapshots=()), None)).startswith("No recovery point")


def test_dumps_are_ranked_by_the_moment_they_were_begun_and_an_archived_one_says_so() -> None:
    old = dump(key="old.dump", began=None, modified=NOW - timedelta(days=90), readable=False, storage_class="GLACIER")
    ranked = rank(inventory(source=None, backups=(), snapshots=(), dumps=(dump(), old)), TARGET, "shop")
    assert [(option.value, option.at) for option in ranked] == [
        (DUMP_KEY, NOW - timedelta(hours=11)),
        ("old.dump", NOW - timedelta(days=90)),
    ]
    assert "ARCHIVED (GLACIER)" in ranked[1].description
    assert ranked[0].commands[:2] == ("pulumi config set method dump", f"pulumi config set dump {DUMP_KEY}")


def test_a_dump_stored_after_the_damage_may_hold_it() -> None:
    late = dump(began=TARGET - timedelta(minutes=1), modified=TARGET + timedelta(minutes=1))
    assert rank(inventory(source=None, backups=(), snapshots=(), dumps=(late,)), TARGET, "shop")[0].damaged


def test_a_list_without_any_point_of_before_the_damage_says_so() -> None:
    only_later = rank(inventory(backups=(), snapshots=(LATER,)), TARGET)
    assert "None is of that moment or before" in render(only_later, TARGET)


def test_a_site_without_a_bucket_of_dumps_is_told_how_to_name_one_and_sees_the_other_points() -> None:
    dumps, unread = listed(settings(backups=DumpStore()))
    assert dumps == ()
    assert unread == ["dumps were not looked for: pulumi config set --path backups.bucket <bucket>"]
