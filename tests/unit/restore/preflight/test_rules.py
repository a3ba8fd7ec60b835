"""The refusals: each thing that would do harm is found before anything is declared, with a way out."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from restore import plan
from restore.config.keys import SAFETY_CHECK
from restore.model.cluster import Cluster, Writer
from restore.model.inventory import Inventory
from restore.model.labels import ANNOTATION_ID, TAG_CLOSED, TAG_ID, TAG_POINT, TAG_SOURCE, TAG_STACK
from restore.model.rds import Endpoint
from restore.model.rds_status import BROKEN
from restore.model.request import App, Login, Method, Request, SecretKey, Traffic
from restore.preflight.rules import RULES
from tests.support.worlds import (
    FROZEN,
    FROZEN_AGAIN,
    LATEST,
    NOW,
    PASSWORD,
    PITR,
    RETURNED,
    RUNNING,
    SNAPSHOT,
    SOURCE_HOST,
    SOURCE_SETTINGS,
    SWITCHED,
    SWITCHED_URL,
    TARGET,
    URL,
    asked,
    backup,
    candidate,
    cluster,
    deployment,
    held,
    held_secret,
    instance,
    inventory,
    only_problem,
    problems,
    restored,
    safety,
    secret,
    settings,
    snapshot,
)

RESTORED = asked(traffic=Traffic.RESTORED)
SOURCE = asked(traffic=Traffic.SOURCE)
GONE = {"instanceClass": "db.r6g.large", "dbSubnetGroupName": "subnets", "vpcSecurityGroupIds": ("sg-1",)}


def named(name: str, **changes: Any) -> Request:
    return asked(SNAPSHOT, snapshot=name, **changes)


def with_cluster(**changes: Any) -> Inventory:
    return inventory(cluster=replace(RUNNING, **changes))


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        (None, inventory()),
        (SOURCE, inventory()),
        (PITR, inventory()),
        (LATEST, inventory()),
        (SNAPSHOT, inventory()),
        (PITR, restored(cluster=FROZEN)),
        (RESTORED, restored(cluster=FROZEN)),
        (RESTORED, restored(cluster=SWITCHED)),
        (PITR, restored(cluster=SWITCHED)),
        (SOURCE, restored(cluster=FROZEN_AGAIN)),
        (SOURCE, restored(cluster=RETURNED)),
        (SOURCE, restored(cluster=FROZEN)),
        (PITR, restored(cluster=RETURNED)),
    ],
)
def test_the_whole_way_there_and_back_is_free_when_nothing_is_wrong(request_: Request | None, found: Inventory) -> None:
    assert problems(settings(request_), found) == {}


# Time


def test_a_time_outside_the_window_is_refused_with_the_window() -> None:
    early = only_problem(settings(asked(time=NOW - timedelta(days=8))), inventory(snapshots=()))
    assert early.needed == "within 2026-11-15T15:00:00Z to 2026-11-22T14:56:00Z"
    assert early.fix == "pulumi config set time 2026-11-15T15:00:00Z"


def test_a_time_before_the_window_names_the_snapshot_that_reaches_back() -> None:
    older = snapshot("before-migration", created=NOW - timedelta(days=9))
    newer = snapshot("too-late", created=NOW - timedelta(days=1))
    problem = only_problem(settings(asked(time=NOW - timedelta(days=8))), inventory(snapshots=(newer, older)))
    assert "before-migration" in problem.found
    assert "pulumi config set snapshot before-migration" in problem.fix


def test_a_time_whose_log_is_not_uploaded_yet_says_when_to_try_again() -> None:
    problem = only_problem(settings(asked(time=NOW - timedelta(minutes=1))), inventory())
    assert "uploads its logs every 5 minutes" in problem.found
    assert "try again after 2026-11-22T15:04:00Z" in problem.fix


def test_a_time_in_the_future_is_called_so() -> None:
    assert "in the future" in only_problem(settings(asked(time=NOW + timedelta(hours=1))), inventory()).found


@pytest.mark.parametrize("seconds", [0, 1])
def test_the_ends_of_the_window_are_within_it(seconds: int) -> None:
    first, last = NOW - timedelta(days=7), NOW - timedelta(minutes=4)
    for edge, outside in ((first, -seconds), (last, seconds)):
        found = problems(settings(asked(time=edge + timedelta(seconds=outside))), inventory())
        assert bool(found) == bool(seconds)


def test_the_second_proposed_for_a_window_with_fractions_is_within_it() -> None:
    ragged = backup(earliest=NOW - timedelta(days=7) + timedelta(milliseconds=300))
    problem = only_problem(settings(asked(time=NOW - timedelta(days=8))), inventory(backups=(ragged,), snapshots=()))
    assert problem.fix == "pulumi config set time 2026-11-15T15:00:01Z"


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (inventory(backups=()), "no automated backups"),
        (inventory(backups=(backup(earliest=None, latest=None, status="creating"),)), "no restorable time yet"),
        (inventory(backups=(backup(source_resource_id="db-EARLIER", status="retained"),)), "no automated backups"),
        (inventory(source=None, backups=()), "doesn't exist"),
        (inventory(source=None, backups=(backup(),)), "doesn't exist"),
        (inventory(source=None, backups=(backup(status="retained", source_identifier="other"),)), "doesn't exist"),
    ],
)
def test_without_a_backup_of_this_very_instance_there_is_no_point_in_time(found: Inventory, says: str) -> None:
    assert says in only_problem(settings(SOURCE, instance=GONE), found).found


# Snapshots


def test_a_misspelt_snapshot_is_refused_with_the_nearest_ones() -> None:
    others = (snapshot("pre-migration-7"), snapshot("zzz"), snapshot("pre-migration-8", status="creating"))
    problem = only_problem(settings(named("pre-migratoin-7")), inventory(snapshots=others))
    assert "pre-migration-7 (manual, 2026-11-22T04:00:00Z)" in problem.needed
    assert "pre-migration-8" not in problem.needed
    assert problem.fix == "pulumi config set snapshot pre-migration-7"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"status": "creating", "percent": 40}, "status creating, 40 % done"),
        ({"status": "failed"}, "status failed"),
        ({"engine": "mysql"}, "engine mysql"),
        ({"engine": "aurora-postgresql"}, "engine aurora-postgresql"),
        ({"source_resource_id": "db-OTHER", "source_identifier": "other"}, "of other (db-OTHER)"),
        ({"source_resource_id": "db-OTHER"}, "of an earlier instance called shop"),
        ({"kind": "shared"}, "shared and encrypted"),
        ({"encrypted": False}, "not encrypted"),
    ],
)
def test_a_snapshot_that_cannot_or_should_not_be_restored_is_refused(changes: dict[str, Any], says: str) -> None:
    found = inventory(snapshots=(snapshot("chosen", **changes),))
    assert says in only_problem(settings(named("chosen")), found).found


def test_a_foreign_snapshot_is_restored_only_on_purpose() -> None:
    foreign = snapshot("chosen", source_resource_id="db-OTHER", source_identifier="other")
    assert problems(settings(named("chosen", foreign_snapshot=True)), inventory(snapshots=(foreign,))) == {}


def test_latest_with_no_usable_snapshot_says_which_are_not() -> None:
    problem = only_problem(settings(SNAPSHOT), inventory(snapshots=(snapshot("tonight", status="creating"),)))
    assert "tonight" in problem.found


def test_a_snapshot_of_another_major_version_needs_groups_of_its_own() -> None:
    old = inventory(snapshots=(snapshot("chosen", engine_version="16.9"),))
    problem = only_problem(settings(named("chosen")), old)
    assert "postgres16" in problem.needed
    groups = {"parameterGroupName": "shop-pg16", "optionGroupName": "default:postgres-16"}
    assert problems(settings(named("chosen"), instance=groups), old) == {}


# The restored instance


def test_storage_smaller_than_the_recovery_points_is_refused() -> None:
    for request_ in (PITR, SNAPSHOT):
        assert "100 GiB" in only_problem(settings(request_, instance={"allocatedStorage": 50}), inventory()).needed


def test_iops_below_the_snapshots_or_where_rds_takes_none_are_refused() -> None:
    fast = inventory(
        source=instance(settings=replace(SOURCE_SETTINGS, storage_type="io2", iops=5000)),
        snapshots=(snapshot(storage_type="io2", iops=5000),),
    )
    assert "5000" in only_problem(settings(SNAPSHOT, instance={"iops": 1000}), fast).needed
    assert "400 GiB" in only_problem(settings(instance={"iops": 4000}), inventory()).needed


def test_a_source_that_is_gone_leaves_settings_that_must_be_given() -> None:
    found = inventory(source=None, backups=(backup(status="retained"),))
    problem = only_problem(settings(SOURCE, instance={"instanceClass": "db.r6g.large"}), found)
    assert problem.found.endswith("dbSubnetGroupName, vpcSecurityGroupIds")
    assert problems(settings(SOURCE, instance=GONE), found) == {}


def test_an_identifier_that_somebody_else_has_is_never_taken_over() -> None:
    for tags in ({}, {TAG_ID: "inc-1", TAG_STACK: "staging"}, {TAG_ID: "inc-2", TAG_STACK: "prod"}):
        taken = inventory(candidate=candidate(tags=tags))
        assert "instance shop-inc-1" in problems(settings(), taken)


def test_a_candidate_that_was_renamed_is_not_made_a_second_time() -> None:
    renamed = candidate(identifier="shop-copy")
    problem = only_problem(settings(), inventory(open_restores=(renamed,)))
    assert "shop-inc-1 now" in problem.found


def test_a_closed_restore_is_not_taken_up_again_by_accident() -> None:
    closed = candidate()
    found = inventory(candidate=replace(closed, tags={**closed.tags, TAG_CLOSED: "2026-11-01"}))
    assert "closed 2026-11-01" in problems(settings(), found)["instance shop-inc-1"].found


@pytest.mark.parametrize(
    "request_",
    [asked(time=TARGET - timedelta(seconds=1)), SNAPSHOT, LATEST, named("shop-nightly")],
)
def test_the_recovery_point_of_an_id_never_changes(request_: Request) -> None:
    found = restored()
    if request_ is LATEST:
        assert problems(settings(request_), found) == {}
    else:
        assert "made from pitr:2026-11-22T14:30:00Z" in only_problem(settings(request_), found).found


def test_a_source_identifier_taken_over_by_another_instance_stops_the_restore() -> None:
    problem = only_problem(settings(), restored(source=instance(resource_id="db-IMPOSTOR"), cluster=FROZEN))
    assert "db-IMPOSTOR" in problem.found
    assert "db-SOURCE" in problem.found


def test_a_name_too_long_for_rds_is_refused() -> None:
    long = settings(source="s" * 58)
    assert "config id" in problems(long, inventory(source=None, backups=()))


def test_a_safety_snapshot_of_somebody_else_is_not_relied_on() -> None:
    assert "didn't take it" in only_problem(settings(), inventory(safety_snapshot=snapshot("shop-inc-1-safety"))).found
    ours = snapshot("shop-inc-1-safety", tags={TAG_ID: "inc-1", TAG_STACK: "prod"}, status="failed")
    assert "status failed" in only_problem(settings(), inventory(safety_snapshot=ours)).found


def test_more_tags_than_rds_takes_are_refused_before_the_freeze() -> None:
    tagged = instance(tags={f"t{number}": "" for number in range(47)})
    assert "47 tags" in only_problem(settings(), inventory(source=tagged)).found


def test_a_source_of_another_engine_is_refused() -> None:
    assert "engine mysql" in only_problem(settings(), inventory(source=instance(engine="mysql"))).found


def test_a_source_that_is_being_deleted_is_waited_for() -> None:
    for status in ("deleting", "delete-precheck"):
        problem = only_problem(settings(), inventory(source=instance(status=status)))
        assert status in problem.found
    assert problems(settings(RESTORED), restored(source=instance(status="deleting"), cluster=SWITCHED)) == {}


def test_a_candidate_that_was_deleted_after_the_switch_does_not_hold_up_the_way_back() -> None:
    for request_, where in ((PITR, SWITCHED), (SOURCE, FROZEN_AGAIN)):
        assert problems(settings(request_), inventory(cluster=where, safety_snapshot=safety())) == {}
    assert problems(settings(RESTORED), inventory(cluster=SWITCHED, safety_snapshot=safety())) != {}


def test_a_source_that_is_being_deleted_does_not_keep_the_applications_on_a_sick_candidate() -> None:
    leaving = restored(source=instance(status="deleting"), cluster=SWITCHED)
    assert problems(settings(PITR), leaving) == {}
    assert problems(settings(SOURCE), replace(leaving, cluster=FROZEN_AGAIN)) != {}


@pytest.mark.parametrize("status", sorted(BROKEN))
def test_applications_are_not_stopped_when_the_source_could_not_be_saved_first(status: str) -> None:
    found = inventory(source=instance(status=status))
    problem = only_problem(settings(), found)
    assert status in problem.found
    assert "{" not in problem.fix
    assert problems(settings(SOURCE), found) == {}
    assert problems(settings(waive={"safety-snapshot": "the key is lost"}), found) == {}


@pytest.mark.parametrize("status", [*sorted(BROKEN), "deleting"])
def test_a_broken_candidate_is_not_switched_to_but_never_holds_up_the_way_back(status: str) -> None:
    broken = candidate(status=status)
    for request_, where in ((PITR, FROZEN), (RESTORED, FROZEN), (RESTORED, SWITCHED), (SOURCE, RUNNING)):
        assert status in only_problem(settings(request_), restored(candidate=broken, cluster=where)).found
    for request_, where in ((PITR, SWITCHED), (PITR, FROZEN_AGAIN), (SOURCE, FROZEN_AGAIN), (SOURCE, RETURNED)):
        assert problems(settings(request_), restored(candidate=broken, cluster=where)) == {}


def test_an_instance_put_in_the_candidates_place_is_not_switched_to_but_never_holds_up_the_way_back() -> None:
    stranger = replace(candidate(), resource_id="db-STRANGER", tags={})
    for request_, where in ((PITR, FROZEN), (RESTORED, FROZEN)):
        found = problems(settings(request_), restored(candidate=stranger, cluster=where, open_restores=()))
        assert "no restore made it" in found["instance shop-inc-1"].found
    for request_, where in ((SOURCE, FROZEN), (PITR, SWITCHED), (SOURCE, FROZEN_AGAIN), (SOURCE, RETURNED)):
        assert problems(settings(request_), restored(candidate=stranger, cluster=where, open_restores=())) == {}


def test_there_is_no_way_back_to_a_source_that_is_gone() -> None:
    assert "nothing to go back to" in only_problem(settings(SOURCE), restored(source=None, cluster=FROZEN_AGAIN)).found


# Other restores


def test_a_restore_that_is_open_is_not_forgotten_when_its_id_leaves_the_configuration() -> None:
    for found in (restored(), inventory(cluster=FROZEN), inventory(cluster=replace(RUNNING, secret=held_secret(URL)))):
        problem = only_problem(settings(None), found)
        assert problem.subject == "restore inc-1"
        assert "pulumi config set id inc-1" in problem.fix
        assert "python -m restore close" in problem.fix


def test_a_second_restore_waits_until_the_first_is_closed() -> None:
    other = asked(id="inc-2")
    for found in (inventory(open_restores=(candidate(),)), inventory(cluster=FROZEN)):
        assert "restore inc-1" in problems(settings(other), found)["restore inc-2"].found
    elsewhere = candidate(tags={TAG_ID: "inc-9", TAG_STACK: "staging"})
    assert problems(settings(), inventory(open_restores=(elsewhere,))) == {}


# Applications


def test_an_application_that_left_the_configuration_while_stopped_is_not_forgotten() -> None:
    problem = only_problem(settings(apps=(App("indexer"),)), restored(cluster=FROZEN))
    assert problem.subject == "deployment api"
    assert problem.fix == """pulumi config set --path 'apps["api"]' '{}'"""


def test_an_unknown_deployment_is_refused_with_the_nearest() -> None:
    found = Cluster(
        {"api-gatway": None, "indexer": deployment("indexer", 2), "api-gateway": deployment("x", 1)}, (), secret()
    )
    configured = settings(apps=(App("api-gatway"), App("indexer")))
    assert "perhaps api-gateway" in only_problem(configured, inventory(cluster=found)).needed


def test_a_paused_rollout_is_refused_because_its_former_pods_would_come_back() -> None:
    paused = cluster(deployment("api", 3, paused=True), deployment("indexer", 2), secret())
    problem = only_problem(settings(), inventory(cluster=paused))
    assert problem.subject == "deployment api"
    assert problem.fix == "kubectl --namespace shop-prod rollout resume deployment/api"
    rehearsal = settings(asked(traffic=Traffic.SOURCE))
    assert problems(rehearsal, inventory(cluster=paused)) == {}


@pytest.mark.parametrize("found", [None, secret(None), secret(None, keys=())])
def test_a_missing_secret_or_key_is_refused_because_the_provider_would_create_it(found: Any) -> None:
    problem = only_problem(settings(), with_cluster(secret=found))
    assert "secret database-credentials" in problem.subject


def test_a_misspelt_key_of_the_secret_is_answered_with_the_nearest() -> None:
    problem = only_problem(
        settings(secret=SecretKey("database-credentials", "DATABSE_URL")), with_cluster(secret=secret(None))
    )
    assert problem.fix == "pulumi config set --plaintext --path secret.key DATABASE_URL"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (URL.replace(SOURCE_HOST, "other.abc.us-east-1.rds.amazonaws.com"), "points at other.abc"),
        (URL.replace(":5432/", ":6432/"), f"points at {SOURCE_HOST}:6432"),
        (f"{URL}&host=elsewhere", "host"),
        ("postgresql://u:p@one:5432,two:5432/db", "one host"),
        ("mysql://u:p@one/db", "not a database URL"),
        ("", "not a database URL"),
        ("postgresql:///db", "without a host"),
    ],
)
def test_a_url_that_does_not_name_the_source_is_refused_without_showing_it(url: str, says: str) -> None:
    problem = only_problem(settings(), with_cluster(secret=secret(url)))
    assert says in problem.found
    assert PASSWORD not in str(problem)


@pytest.mark.parametrize("after", ["\n", "\r\n", " "])
def test_a_newline_behind_the_url_holds_nobody_up_and_stays(after: str) -> None:
    """`echo "$URL" | base64` writes one, and the applications read past it."""
    frozen = replace(FROZEN, secret=secret(f"{URL}{after}"))
    assert problems(settings(), with_cluster(secret=secret(f"{URL}{after}"))) == {}
    switch = plan.make(settings(RESTORED), restored(cluster=frozen)).secret
    assert switch
    assert (switch.url, switch.original_url) == (f"{SWITCHED_URL}{after}", f"{URL}{after}")


KUBECTL = """#!/bin/sh
case "$*" in
  *"get secret"*) base64 "$FOLDER/stored" ;;
  "create secret"*) cat ;;
  *"patch secret"*) cat > "$FOLDER/patched" ;;
esac
"""


@pytest.mark.parametrize(
    "stored", [f"\ufeff{URL}\n", f'"{URL}"', f"'{URL}'\r\n", f"{URL[:40]}\r\n{URL[40:]}", f"`{URL}`"]
)
def test_what_stands_around_the_url_is_named_and_goes_with_the_printed_command(stored: str, tmp_path: Path) -> None:
    problem = only_problem(settings(), with_cluster(secret=secret(stored)))
    assert PASSWORD not in str(problem)
    (tmp_path / "stored").write_bytes(stored.encode())
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(KUBECTL)
    kubectl.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "FOLDER": str(tmp_path)}
    subprocess.run(["sh", "-c", problem.fix], env=environment, check=True, timeout=30)
    assert (tmp_path / "patched").read_text() == URL


def unchangeable(found: Cluster) -> Cluster:
    assert found.secret
    return replace(found, secret=replace(found.secret, immutable=True))


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        (PITR, inventory(cluster=unchangeable(RUNNING))),
        (RESTORED, restored(cluster=unchangeable(FROZEN))),
        (SOURCE, restored(cluster=unchangeable(FROZEN_AGAIN))),
    ],
)
def test_an_immutable_secret_is_refused_before_anything_stops(request_: Request, found: Inventory) -> None:
    problem = only_problem(settings(request_), found)
    assert (problem.subject, problem.found.partition(",")[0]) == ("secret database-credentials", "immutable: true")
    assert "kubectl --namespace shop-prod get secret database-credentials" in problem.fix


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        (SOURCE, inventory(cluster=unchangeable(RUNNING))),
        (SOURCE, restored(cluster=unchangeable(RETURNED))),
        (RESTORED, restored(cluster=unchangeable(SWITCHED))),
    ],
)
def test_an_immutable_secret_that_stays_as_it_is_holds_nobody_up(request_: Request, found: Inventory) -> None:
    assert problems(settings(request_), found) == {}


@pytest.mark.parametrize("host", [SOURCE_HOST.upper(), f"{SOURCE_HOST}."])
def test_a_host_is_the_same_in_any_spelling(host: str) -> None:
    assert problems(settings(), with_cluster(secret=secret(URL.replace(SOURCE_HOST, host)))) == {}


def test_a_url_that_names_the_source_by_a_cname_is_accepted_once_that_is_said() -> None:
    known = SecretKey("database-credentials", "DATABASE_URL", "db.shop.internal")
    found = with_cluster(secret=secret(URL.replace(SOURCE_HOST, "db.shop.internal")))
    assert "secret.sourceHost db.shop.internal" in only_problem(settings(), found).fix
    assert problems(settings(secret=known), found) == {}


def test_a_source_that_is_gone_is_known_by_its_former_name() -> None:
    gone = inventory(source=None, backups=(backup(status="retained"),))
    assert problems(settings(instance=GONE), gone) == {}
    other = secret(URL.replace("shop.abc", "shopping.abc"))
    assert len(problems(settings(instance=GONE), replace(gone, cluster=replace(RUNNING, secret=other)))) == 1


def test_a_lost_record_of_the_way_back_is_found_before_it_is_needed() -> None:
    lost = replace(SWITCHED, secret=held_secret(SWITCHED.secret.url or "", "")) if SWITCHED.secret else SWITCHED
    assert "annotation" in only_problem(settings(RESTORED), restored(cluster=lost)).found


def test_replicas_that_nobody_can_say_are_asked_for_before_anything_stops() -> None:
    idle = cluster(deployment("api", 3), deployment("indexer", 0), secret())
    problem = only_problem(settings(), inventory(cluster=idle))
    assert problem.subject == "deployment indexer"
    assert problems(settings(apps=(App("api"), App("indexer", 2))), inventory(cluster=idle)) == {}
    damaged = cluster(held("api", 0, 3), replace(held("indexer", 0, 2), annotations={ANNOTATION_ID: "inc-1"}), secret())
    assert only_problem(settings(RESTORED), restored(cluster=damaged)).subject == "deployment indexer"


def test_traffic_does_not_move_without_the_applications_being_named() -> None:
    bare = inventory(cluster=Cluster({}, (), None))
    assert only_problem(settings(apps=()), bare).subject == "config apps"
    assert problems(settings(SOURCE, apps=()), bare) == {}


# Traffic


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Traffic.RESTORED, RUNNING),
        (Traffic.RESTORED, RETURNED),
        (Traffic.SOURCE, SWITCHED),
        (Traffic.RESTORED, cluster(held("api", 0, 3), held("indexer", 1, 2), secret())),
        (
            Traffic.SOURCE,
            cluster(held("api", 0, 3), held("indexer", 2, 2), held_secret(SWITCHED_URL)),
        ),
        (Traffic.SOURCE, replace(RUNNING, secret=secret(SWITCHED_URL))),
    ],
)
def test_a_move_that_skips_frozen_is_refused_because_both_databases_would_be_written(
    wanted: Traffic, found: Cluster
) -> None:
    problem = only_problem(settings(asked(traffic=wanted)), restored(cluster=found))
    assert problem.subject == f"traffic {wanted}"
    assert f"frozen; pulumi up; then pulumi config set traffic {wanted}; pulumi up" in problem.fix


@pytest.mark.parametrize("found", [RUNNING, FROZEN, SWITCHED, FROZEN_AGAIN, RETURNED])
def test_freezing_is_always_allowed(found: Cluster) -> None:
    assert problems(settings(), restored(cluster=found)) == {}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (
            Traffic.RESTORED,
            cluster(held("api", 3, 3), held("indexer", 0, 2), held_secret(SWITCHED_URL)),
        ),
        (Traffic.SOURCE, cluster(held("api", 3, 3), held("indexer", 0, 2), held_secret(URL))),
    ],
)
def test_a_move_that_was_interrupted_can_be_finished(wanted: Traffic, found: Cluster) -> None:
    assert problems(settings(asked(traffic=wanted)), restored(cluster=found)) == {}


@pytest.mark.parametrize("made", [None, candidate(endpoint=None, status="creating")])
def test_nobody_is_switched_to_a_candidate_that_is_not_there(made: Any) -> None:
    problem = only_problem(settings(RESTORED), inventory(candidate=made, safety_snapshot=safety(), cluster=FROZEN))
    assert "pulumi config set traffic frozen" in problem.fix


def test_nobody_is_switched_before_a_freeze_was_proved_and_the_source_saved() -> None:
    problem = only_problem(settings(RESTORED), restored(cluster=FROZEN, safety_snapshot=None))
    assert "pulumi config set traffic frozen" in problem.fix
    assert (
        problems(
            settings(RESTORED, waive={SAFETY_CHECK: "its KMS key is lost"}),
            restored(cluster=FROZEN, safety_snapshot=None),
        )
        == {}
    )


CRON = Writer("CronJob", "nightly", "reads the secret at 03:00", "kubectl patch cronjob nightly ...", blocking=True)
AUTOSCALER = Writer("HorizontalPodAutoscaler", "api", "inactive at zero replicas", "none needed", blocking=False)


@pytest.mark.parametrize(
    ("request_", "found", "refused"),
    [
        (PITR, RUNNING, True),
        (PITR, FROZEN, True),
        (RESTORED, FROZEN, True),
        (RESTORED, SWITCHED, False),
        (PITR, SWITCHED, True),
        (SOURCE, RUNNING, False),
        (SOURCE, FROZEN_AGAIN, False),
    ],
)
def test_another_writer_is_stopped_before_traffic_moves(request_: Request, found: Cluster, refused: bool) -> None:
    busy = restored(cluster=replace(found, writers=(CRON, AUTOSCALER)))
    assert set(problems(settings(request_), busy)) == ({"CronJob nightly"} if refused else set())


def test_another_writer_is_waived_by_its_own_name_alone() -> None:
    busy = restored(cluster=replace(RUNNING, writers=(CRON,)))
    refused = only_problem(settings(), busy)
    name = "preflight.writer:CronJob/nightly"
    assert f"""pulumi config set --plaintext --path 'waive["{name}"]' "<reason>\"""" in refused.fix
    assert problems(settings(waive={name: "it only reads, asked the team"}), busy) == {}
    for other in ("preflight.writer:CronJob/hourly", "preflight.writer:Job/nightly"):
        assert set(problems(settings(waive={other: "it only reads, asked the team"}), busy)) == {"CronJob nightly"}


# All of it


def test_every_problem_is_told_at_once() -> None:
    wrong = inventory(
        source=instance(status="failed"),
        backups=(),
        candidate=candidate(tags={}),
        cluster=Cluster({"api": None, "indexer": deployment("indexer", 0)}, (CRON,), None),
    )
    assert set(problems(settings(), wrong)) == {
        "recovery point pitr:2026-11-22T14:30:00Z",
        "instance shop-inc-1",
        "instance shop",
        "deployment api",
        "deployment indexer",
        "secret database-credentials",
        "CronJob nightly",
    }


def test_rules_stand_an_empty_world() -> None:
    nothing = inventory(source=None, backups=(), snapshots=(), cluster=Cluster({}, (), None))
    for method, point in ((Method.PITR, {"time": TARGET}), (Method.SNAPSHOT, {"snapshot": "gone"})):
        for traffic in Traffic:
            request_ = Request("inc-1", method, traffic, **point)  # pyright: ignore[reportArgumentType]
            assert problems(settings(request_), nothing)
    assert len(set(RULES)) == len(RULES)


def test_an_endpoint_at_another_port_is_another_server() -> None:
    moved = instance(endpoint=Endpoint(SOURCE_HOST, 6432))
    assert "points at" in only_problem(settings(), inventory(source=moved)).found


# RDS as it is


def test_a_member_of_a_multi_az_cluster_is_refused() -> None:
    problem = only_problem(settings(), inventory(source=instance(db_cluster="shop-cluster")))
    assert "member of Multi-AZ DB cluster shop-cluster" in problem.found
    assert problem.fix.startswith("aws rds restore-db-cluster-to-point-in-time --source-db-cluster-identifier shop-c")


OLD = instance("shop-old1", "db-OLD")
OLD_BACKUP = backup(
    arn="arn:aws:rds:us-east-1:123456789012:auto-backup:ab-old",
    source_identifier="shop-old1",
    source_resource_id="db-OLD",
)
SWITCHED_OVER = {
    "former": (OLD,),
    "backups": (backup(earliest=NOW - timedelta(minutes=10)), OLD_BACKUP),
}
"""A Blue/Green switchover ten minutes ago: what came before is with shop-old1."""


def test_a_time_before_a_blue_green_switchover_is_offered_from_the_instance_that_has_it() -> None:
    problem = only_problem(settings(), inventory(**SWITCHED_OVER))
    assert "shop-old1, which a Blue/Green switchover left, has it" in problem.found
    assert problem.fix == "pulumi config set backupOf shop-old1"


def test_the_backups_of_another_instance_are_used_on_purpose_and_named_in_the_tag() -> None:
    asked_for = asked(PITR, backup_of="shop-old1")
    made = plan.make(settings(asked_for), inventory(**SWITCHED_OVER))
    assert (made.point.source_resource_id, made.point.at) == ("db-OLD", TARGET)
    assert made.point.tag == "pitr:2026-11-22T14:30:00Z@shop-old1"
    assert made.tags[TAG_POINT] == made.point.tag
    assert made.tags[TAG_SOURCE] == "db-SOURCE"
    assert "of shop-old1 (db-OLD)" in "\n".join(made.notes)


def test_a_candidate_made_of_another_instance_s_backups_stays_what_it_is() -> None:
    made_of = candidate(point="pitr:2026-11-22T14:30:00Z@shop-old1")
    found = restored(candidate=made_of, open_restores=(made_of,), cluster=FROZEN)
    assert plan.make(settings(asked(PITR, backup_of="shop-old1")), found).point.at == TARGET
    assert "was made from pitr:2026-11-22T14:30:00Z@shop-old1" in only_problem(settings(), found).found


def test_backups_that_are_not_there_are_refused() -> None:
    problem = only_problem(settings(asked(PITR, backup_of="shop-old9")), inventory())
    assert problem.subject == "config backupOf"


@pytest.mark.parametrize("status", ["replicating", "active", "retained"])
def test_a_backup_replicated_from_another_region_is_restored_by_its_arn_when_its_source_is_gone(status: str) -> None:
    replica = backup(status=status, region="us-west-2")
    found = inventory(source=None, backups=(replica,), snapshots=())
    made = plan.make(settings(instance=GONE), found)
    assert made.point.automated_backup_arn == replica.arn


def test_a_backup_retained_here_goes_by_its_instance_s_resource_id() -> None:
    found = inventory(source=None, backups=(backup(status="retained"),), snapshots=())
    made = plan.make(settings(instance=GONE), found)
    assert (made.point.automated_backup_arn, made.point.source_resource_id) == (None, "db-SOURCE")


# What the preview says of it


def notes(**source: Any) -> str:
    return "\n".join(plan.make(settings(), inventory(source=instance(**source))).notes)


def test_read_replicas_that_stay_with_the_source_are_named() -> None:
    said = notes(replicas=("shop-reader",))
    assert "read replicas of the source stay its own (shop-reader)" in said
    assert "aws rds create-db-instance-read-replica --source-db-instance-identifier shop-inc-1" in said
    assert "read replicas" not in notes()


MANAGED = "arn:aws:secretsmanager:us-east-1:123456789012:secret:rds!db-1234-AbCdEf"


def test_a_master_password_that_rds_rotates_is_told_with_what_becomes_of_it() -> None:
    said = notes(managed_secret=MANAGED, master_user="admin")
    assert "RDS manages the master password of shop and rotates it" in said
    assert f"pulumi config set --plaintext --path login.secretId {MANAGED}" in said
    assert "manages" not in notes(master_user="admin")


@pytest.mark.parametrize("name", [MANAGED, "rds!db-1234"])
def test_the_secret_that_rds_keeps_is_known_by_its_arn_and_by_its_name(name: str) -> None:
    source = instance(managed_secret=MANAGED, master_user="admin")
    said = plan.make(settings(login=Login("admin", name)), inventory(source=source)).notes
    assert not [line for line in said if "pulumi config set --plaintext --path login.secretId" in line]


def test_the_secret_of_an_instance_that_is_gone_is_told_with_the_way_on() -> None:
    found = inventory(source=None, backups=(backup(status="retained"),))
    said = plan.make(settings(instance=GONE, login=Login("admin", MANAGED)), found).notes
    assert [line for line in said if "RDS deletes" in line and "login.secretId <name>" in line]
