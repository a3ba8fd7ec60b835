"""What a source can be restored to: ranked by the data lost, and readable on a small terminal."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from restore.cli.option_list import OptionList, join_numbers, render, render_json
from restore.cli.options import build_checked_keys, choose, list_dumps
from restore.config.settings import Entries
from restore.errors import Refused
from restore.model.history import History, PhaseDuration
from restore.model.region import LateDump, RegionPoints, SourceRegion
from restore.model.request import DumpStore, Method
from restore.recovery_points.ranking import Option, Site, rank
from restore.units import format_duration
from tests.support.worlds import DUMP_KEY, NOW, TARGET, backup, dump, instance, inventory, settings, snapshot

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


def usable(options: Sequence[Option]) -> list[Option]:
    return [option for option in options if not option.obstacle]


def rendered(options: Sequence[Option], wanted_time: datetime | None = None) -> str:
    return render(OptionList(tuple(options), History(), wanted_time))


def test_the_newest_snapshot_is_not_recommended_where_pitr_loses_less() -> None:
    assert [option.value for option in usable(rank(ALL, None))] == [
        "latest",
        "after-damage",
        "rds:shop-2026-11-22-04-00",
        "pre-migration",
    ]


def test_points_after_the_damage_come_last_and_say_so() -> None:
    ranked = usable(rank(ALL, TARGET))
    assert [option.value for option in ranked] == [
        "2026-11-22T14:30:00Z",
        "rds:shop-2026-11-22-04-00",
        "pre-migration",
        "after-damage",
    ]
    assert [option.damaged for option in ranked] == [False, False, False, True]
    assert [format_duration(option.lost) for option in ranked] == ["30 min", "11 h", "40 d", "10 min"]
    assert "MAY HOLD THE DAMAGE" in rendered(ranked, TARGET).split("\n\n")[4]


def test_a_time_beyond_the_window_leaves_the_snapshots_that_reach_further_back() -> None:
    assert [option.value for option in usable(rank(ALL, NOW - timedelta(days=30))) if not option.damaged] == [
        "pre-migration"
    ]


def test_a_time_whose_log_is_not_uploaded_yet_is_offered_as_far_as_there_is_log() -> None:
    assert rank(ALL, NOW - timedelta(seconds=10))[0].value == "2026-11-22T14:56:00Z"


def test_a_source_that_is_gone_still_has_its_retained_backups() -> None:
    gone = inventory(source=None, backups=(backup(status="retained"),), snapshots=())
    (only,) = rank(gone, TARGET, Site("shop"))
    assert only.commands == (
        "pulumi config set method pitr",
        "pulumi config set time 2026-11-22T14:30:00Z",
        "pulumi config rm-all snapshot foreignSnapshot backupOf dump",
    )
    assert "retained backup of db-SOURCE" in only.description


@pytest.mark.parametrize("moment", [None, TARGET])
def test_the_text_fits_a_small_terminal(moment: object) -> None:
    text = rendered(rank(ALL, TARGET if moment else None), TARGET if moment else None)
    assert max(len(line) for line in text.splitlines()) <= 80


def chains(text: str) -> list[list[list[str]]]:
    """The commands under each option, as a shell takes them when they are copied."""
    made: list[list[list[str]]] = []
    for block in text.split("\n\n")[1:]:
        if "      pulumi config set" not in block:
            continue
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
        {"method": "pitr", "time": "2026-11-22T14:00:00Z", "backupOf": "another"},
        {"method": "dump", "dump": "latest"},
    ],
)
def test_what_is_printed_for_an_option_is_never_refused_for_what_an_earlier_choice_left(
    earlier: dict[str, Any],
) -> None:
    options = usable(rank(replace(ALL, dumps=(dump(),)), TARGET))
    printed = chains(rendered(options, TARGET))
    assert {option.method for option in options} == set(Method)
    assert len(printed) == len(options)
    for option, chain in zip(options, printed, strict=True):
        config = applied(SITE | {"id": "inc-1"} | earlier, chain)
        request = Entries(config, "prod", "us-east-1").read_settings(NOW).request
        assert request
        assert request.method is option.method
        assert (request.backup_of, request.foreign_snapshot) == (None, False)


def test_nothing_to_restore_from_is_said() -> None:
    assert rendered(rank(inventory(backups=(), snapshots=()), None)).startswith("No recovery point")


def test_dumps_are_ranked_by_the_moment_they_were_begun_and_an_archived_one_says_so() -> None:
    old = dump(key="old.dump", began=None, modified=NOW - timedelta(days=90), readable=False, storage_class="GLACIER")
    ranked = rank(inventory(source=None, backups=(), snapshots=(), dumps=(dump(), old)), TARGET, Site("shop"))
    assert [(option.value, option.at) for option in ranked] == [
        (DUMP_KEY, NOW - timedelta(hours=11)),
        ("old.dump", NOW - timedelta(days=90)),
    ]
    assert "ARCHIVED (GLACIER)" in ranked[1].description
    assert ranked[0].commands[:2] == ("pulumi config set method dump", f"pulumi config set dump {DUMP_KEY}")


def test_a_dump_stored_after_the_damage_may_hold_it() -> None:
    late = dump(began=TARGET - timedelta(minutes=1), modified=TARGET + timedelta(minutes=1))
    assert rank(inventory(source=None, backups=(), snapshots=(), dumps=(late,)), TARGET, Site("shop"))[0].damaged


def test_a_list_without_any_point_of_before_the_damage_says_so() -> None:
    only_later = rank(inventory(backups=(), snapshots=(LATER,)), TARGET)
    assert "None is of that moment or before" in rendered(only_later, TARGET)


def test_a_site_without_a_bucket_of_dumps_is_told_how_to_name_one_and_sees_the_other_points() -> None:
    dumps, unread = list_dumps(settings(backups=DumpStore()))
    assert dumps == ()
    assert unread == ["dumps were not looked for: pulumi config set --path backups.bucket <bucket>"]


def obstacle_of(value: str, options: Sequence[Option]) -> str:
    (found,) = [option for option in options if option.value.endswith(value)]
    return found.obstacle


def test_what_this_stack_cannot_restore_comes_last_and_says_why() -> None:
    ranked = rank(ALL, None)
    assert [bool(option.obstacle) for option in ranked] == [False] * 4 + [True] * 2
    assert "aws rds wait db-snapshot-available" in obstacle_of("unfinished", ranked)
    assert obstacle_of("m", ranked) == "engine mysql, not postgres"
    assert "pulumi config set snapshot unfinished" not in rendered(ranked)


def test_a_window_that_does_not_reach_back_says_so_and_is_not_offered() -> None:
    early = NOW - timedelta(days=30)
    (pitr,) = [option for option in rank(ALL, early) if option.method is Method.PITR]
    assert "its window begins after" in pitr.obstacle
    with pytest.raises(Refused, match="its window begins after"):
        choose(OptionList((pitr,), History(), early), 1)


ABROAD = "arn:aws:rds:us-east-1:210987654321:snapshot:vaulted"


def test_an_encrypted_snapshot_of_another_account_needs_a_key_to_be_copied_with() -> None:
    shared = inventory(backups=(), snapshots=(snapshot("vaulted", arn=ABROAD, kind="shared"),))
    (keyless,) = rank(shared, None, Site("shop", "us-east-1"))
    assert "copy.kmsKeyId" in keyless.obstacle
    (keyed,) = rank(shared, None, Site("shop", "us-east-1", copy_key="alias/here"))
    assert (keyed.obstacle, keyed.value) == ("", ABROAD)


def test_a_copy_names_what_it_was_made_of() -> None:
    (copied,) = rank(inventory(backups=(), snapshots=(snapshot("c", copy_of=ABROAD),)), None)
    assert copied.description.endswith(f"copy of {ABROAD}")


def test_an_aws_backup_recovery_point_is_one_like_others() -> None:
    (point,) = rank(inventory(backups=(), snapshots=(snapshot("awsbackup:job-1", kind="awsbackup"),)), None)
    assert point.description.startswith("AWS Backup snapshot")
    assert point.commands[1] == "pulumi config set snapshot awsbackup:job-1"


WEST = "arn:aws:rds:us-west-2:123456789012:snapshot:weekly"
FAR = RegionPoints("us-west-2", (snapshot("weekly", arn=WEST),), (backup(status="replicating"),))


def test_what_another_region_keeps_is_seen_and_never_taken_for_something_to_restore_here() -> None:
    ranked = rank(inventory(backups=(), snapshots=()), None, Site("shop", "us-east-1"), (FAR,))
    assert {option.method for option in ranked} == {Method.SNAPSHOT, Method.PITR}
    for option in ranked:
        assert "a stack of us-west-2 restores it, with sourceRegion us-east-1 (docs/region.md)" in option.obstacle
        assert "in us-west-2" in option.description
    assert rendered(ranked).startswith("None can be restored by this stack as things are.")


def test_a_snapshot_of_the_sources_region_is_copied_here() -> None:
    site = Site("shop", "us-east-1", source_region="us-west-2", copy_key="alias/here")
    ranked = rank(inventory(backups=(), snapshots=()), None, site, (FAR,))
    (snapshots,) = usable(ranked)
    assert snapshots.value == WEST
    assert "RDS restores a point in time only where its backup is" in ranked[1].obstacle


def test_a_dump_that_has_not_arrived_is_not_offered() -> None:
    late = LateDump("newest.sql.gz", NOW - timedelta(hours=1), "PENDING")
    region = SourceRegion("us-east-1", late_dumps=(late,))
    (only,) = rank(inventory(backups=(), snapshots=(), source_region=region), None)
    assert "PENDING" in only.obstacle


def test_backups_of_before_a_switchover_are_offered_with_the_key_that_they_need() -> None:
    old = instance(identifier="shop-old1", resource_id="db-OLD")
    before = backup(
        source_identifier="shop-old1",
        source_resource_id="db-OLD",
        earliest=NOW - timedelta(days=9),
        latest=NOW - timedelta(days=2),
    )
    ranked = usable(rank(inventory(snapshots=(), former=(old,), backups=(backup(), before)), NOW - timedelta(days=3)))
    (option,) = [option for option in ranked if option.backup_of]
    assert option.config == {"method": "pitr", "time": "2026-11-19T15:00:00Z", "backupOf": "shop-old1"}


def test_times_are_marked_by_what_they_are_known() -> None:
    took = {"candidate": 1200, "conformed": 120, "validated": 480}
    history = History(
        tuple(PhaseDuration("inc-0", phase, "pitr", seconds, 100, NOW) for phase, seconds in took.items())
    )
    text = render(OptionList(rank(ALL, None), history))
    assert "takes about 30 min to a validated database" in text
    assert "pitr: measured in 1 restore of this stack, last on 2026-11-22" in text
    assert "snapshot: a runbook's figure: no restore measured here yet" in text


def test_scripts_get_what_people_read() -> None:
    document = json.loads(render_json(OptionList(rank(ALL, TARGET), History(), TARGET, ("dumps: no",))))
    first, *_, last = document["options"]
    assert (first["number"], first["loses_seconds"], first["obstacle"]) == (1, 1800, None)
    assert first["set"] == {"method": "pitr", "time": "2026-11-22T14:30:00Z"}
    assert first["seconds_to_validated"]["measured"] is False
    assert last["obstacle"]
    assert (document["wanted"], document["unread"]) == ("2026-11-22T14:30:00Z", ["dumps: no"])


@pytest.mark.parametrize("number", [0, 99])
def test_a_number_that_is_not_in_the_list_checks_nothing(number: int) -> None:
    with pytest.raises(Refused, match="a number from 1 to"):
        choose(OptionList(rank(ALL, None), History()), number)


def test_a_point_is_tried_as_a_restore_of_its_own_without_what_was_configured_before() -> None:
    option = choose(OptionList(rank(ALL, TARGET), History(), TARGET), 2)
    keys = {"restore:id": "inc-1", "restore:method": "pitr", "restore:time": "latest", "restore:backupOf": "another"}
    merged = {**keys, **build_checked_keys(option)}
    plain = {key.removeprefix("restore:"): value for key, value in merged.items()}
    request = Entries(SITE | plain, "prod", "us-east-1").read_settings(NOW).request
    assert request
    assert (request.id, request.method, request.snapshot) == ("check", Method.SNAPSHOT, "rds:shop-2026-11-22-04-00")
    assert (request.time, request.backup_of, str(request.traffic)) == (None, None, "frozen")


def test_numbers_are_joined_for_people() -> None:
    assert join_numbers([1, 3, 4, 5, 9]) == "1, 3-5, 9"
