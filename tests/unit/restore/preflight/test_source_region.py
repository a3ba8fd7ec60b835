"""A source in another region: what is known without it, what this region lacks, and what a person has to answer for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from restore import plan
from restore.candidate.settings import choose_target_settings
from restore.model.context import RestoreContext
from restore.model.inventory import Inventory
from restore.model.planned import Plan
from restore.model.rds import AutomatedBackup, Snapshot
from restore.model.region import LateDump, Places, SecurityGroup, SourceRegion
from restore.model.request import CopySettings, CreateSettings, DumpStore, Request, Settings, Traffic
from restore.recovery_points.point_in_time import list_pitr_windows
from restore.recovery_points.resolve import resolve
from tests.support.worlds import (
    DUMP,
    FROZEN_AGAIN,
    LATEST,
    NOW,
    PITR,
    SNAPSHOT,
    SOURCE_HOST,
    SOURCE_SETTINGS,
    asked,
    backup,
    candidate,
    cluster,
    deployment,
    dump,
    dumped,
    instance,
    inventory,
    only_problem,
    problems,
    secret,
    settings,
    snapshot,
)

HERE = "us-west-2"
LOST = SourceRegion("us-east-1", "no answer: Connect timeout")
ANSWERS = SourceRegion(
    "us-east-1", security_groups={"sg-1": "shop-db", "sg-2": "operators"}, parameters={"work_mem": "8"}
)
UNFENCED = "quiesced.unfenced:us-east-1"
WAIVED = {UNFENCED: "the network team has cut the region off"}
GIVEN = {
    "instanceClass": "db.r6g.large",
    "dbSubnetGroupName": "shop-subnets",
    "vpcSecurityGroupIds": ("sg-91", "sg-92"),
    "parameterGroupName": "shop-pg17",
}
PLACES = Places(
    {"shop-subnets": "vpc-9", "other": "vpc-8"},
    {"shop-pg17": "postgres17", "default.postgres17": "postgres17"},
    (
        SecurityGroup("sg-91", "shop-db", "vpc-9"),
        SecurityGroup("sg-81", "shop-db", "vpc-8"),
        SecurityGroup("sg-92", "operators", "vpc-9"),
    ),
)
STANDING_BY = cluster(deployment("api", 0), deployment("indexer", 0), secret())


def replica(**changes: Any) -> AutomatedBackup:
    """The source's automated backups, as they are replicated to this region."""
    found = backup(
        arn=f"arn:aws:rds:{HERE}:123456789012:auto-backup:ab-1",
        status="replicating",
        latest=NOW - timedelta(minutes=12),
        kms_key_id="key-west",
        tags={"team": "shop"},
    )
    return replace(found, **changes)


def lost(**changes: Any) -> Inventory:
    """The source's region doesn't answer."""
    world = {"source": None, "source_region": LOST, "places": PLACES, "snapshots": (), "backups": (replica(),)}
    return inventory(**{**world, "cluster": STANDING_BY, **changes})


def answering(**changes: Any) -> Inventory:
    return lost(**{"source": instance(), "source_region": ANSWERS, **changes})


def elsewhere(request: Request = PITR, **changes: Any) -> Settings:
    apps = tuple(replace(app, replicas=2) for app in settings().apps)
    known = {"region": HERE, "source_region": "us-east-1", "instance": GIVEN, "apps": apps, "waive": WAIVED}
    return settings(request, **{**known, **changes})


def planned(request: Request, found: Inventory, **changes: Any) -> Plan:
    return plan.make(elsewhere(request, **changes), found)


def test_a_lost_source_is_restored_from_the_backup_that_was_replicated_here() -> None:
    made = planned(PITR, lost())
    assert made.point.automated_backup_arn == replica().arn
    assert made.point.source_resource_id == "db-SOURCE"
    assert made.tags["restore:source-resource-id"] == "db-SOURCE"
    assert made.tags["team"] == "shop"
    assert made.safety_snapshot is None
    assert made.settings.vpc_security_group_ids == ("sg-91", "sg-92")


def test_nobody_is_taken_for_stopped_in_a_region_that_does_not_answer() -> None:
    for request in (PITR, asked(traffic=Traffic.RESTORED)):
        found = problems(elsewhere(request, waive={}), lost(candidate=None))
        assert "region us-east-1" in found
        assert UNFENCED in found["region us-east-1"].fix
    assert "region us-east-1" not in problems(elsewhere(asked(traffic=Traffic.SOURCE), waive={}), lost())


def test_a_source_that_answers_tells_its_settings_and_asks_for_no_waiver() -> None:
    made = planned(PITR, answering(), waive={}, instance={})
    assert made.settings.vpc_security_group_ids == ("sg-91", "sg-92")
    assert made.settings.instance_class == SOURCE_SETTINGS.instance_class
    assert made.source is not None
    assert made.safety_snapshot is None, "another region is left as it is"


def test_the_window_here_is_never_stretched_by_what_the_source_has_elsewhere() -> None:
    context = RestoreContext(elsewhere(LATEST), LATEST, answering())
    assert list_pitr_windows(context.inventory, "shop") == (replica(),)
    late = asked(time=NOW - timedelta(minutes=6))
    origin = resolve(RestoreContext(elsewhere(late), late, answering())).origin
    assert origin is None, "the source's own window reaches there, the replicated one doesn't"


def test_a_backup_of_an_earlier_instance_of_the_name_is_not_the_sources() -> None:
    old = replica(source_resource_id="db-OLD", latest=NOW)
    assert list_pitr_windows(answering(backups=(old, replica())), "shop") == (replica(),)


def test_everything_that_this_region_lacks_is_named_at_once() -> None:
    bare = Places({}, {}, ())
    found = problems(elsewhere(instance={}), answering(places=bare))
    assert {"subnet group shop-subnets", "parameter group shop-pg17", "security group shop-db"} <= found.keys()
    assert "security group operators" in found
    fix = found["subnet group shop-subnets"].fix
    assert fix.startswith(f"aws rds create-db-subnet-group --region {HERE} --db-subnet-group-name shop-subnets")
    assert "create.parameterGroup true" in found["parameter group shop-pg17"].fix


def test_a_parameter_group_is_made_of_what_the_source_says_and_never_of_nothing() -> None:
    bare = replace(PLACES, parameter_groups={})
    made = planned(PITR, answering(places=bare), create=CreateSettings(parameter_group=True))
    assert made.parameter_group is not None
    assert (made.parameter_group.family, dict(made.parameter_group.parameters)) == ("postgres17", {"work_mem": "8"})
    assert made.parameter_group.adopt is None
    silent = only_problem(elsewhere(create=CreateSettings(parameter_group=True)), lost(places=bare))
    assert "can't be read" in silent.found


def test_a_restore_never_gets_default_parameters_because_the_source_is_silent() -> None:
    given = {name: value for name, value in GIVEN.items() if name != "parameterGroupName"}
    problem = only_problem(elsewhere(instance=given), lost())
    assert problem.subject == "config instance"
    assert "parameterGroupName" in problem.found


def test_a_security_group_of_another_vpc_is_not_taken_for_its_namesake() -> None:
    settled = choose_target_settings(
        RestoreContext(elsewhere(instance={}), PITR, answering()), origin_of(PITR, answering())
    )
    assert "sg-81" not in settled.vpc_security_group_ids


def origin_of(request: Request, found: Inventory) -> Any:
    origin = resolve(RestoreContext(elsewhere(request), request, found)).origin
    assert origin is not None
    return origin


def test_what_names_a_key_or_a_directory_of_the_other_region_is_left_out_and_told() -> None:
    there = replace(SOURCE_SETTINGS, performance_insights_enabled=True, performance_insights_kms_key_id="key-east")
    made = planned(PITR, answering(source=instance(settings=there)), instance={})
    assert made.settings.performance_insights_kms_key_id is None
    assert any("performanceInsightsKmsKeyId" in note for note in made.notes)


EAST = "arn:aws:rds:us-east-1:123456789012:snapshot:shop-weekly"
REMOTE = asked(SNAPSHOT, snapshot=EAST)
KEY = CopySettings("arn:aws:kms:us-west-2:123456789012:key/k")


def remote(**changes: Any) -> Snapshot:
    return snapshot("shop-weekly", **{"arn": EAST, **changes})


def copied(**changes: Any) -> Snapshot:
    made = {"arn": f"arn:aws:rds:{HERE}:123456789012:snapshot:shop-inc-1-copy", "kms_key_id": "key-west"}
    tags = {"restore:id": "inc-1", "restore:stack": "prod", "restore:recovery-point": f"snapshot:{EAST}"}
    return snapshot("shop-inc-1-copy", **{**made, "tags": tags, **changes})


def test_a_snapshot_of_another_region_is_copied_with_a_key_of_this_one_and_priced() -> None:
    made = planned(REMOTE, answering(snapshots=(remote(),)), copy=KEY)
    assert made.copy is not None
    assert (made.copy.original, made.copy.name, made.copy.adopt) == (EAST, "shop-inc-1-copy", None)
    assert made.point.snapshot == "shop-inc-1-copy"
    assert made.point.tag == f"snapshot:{EAST}"
    costs = next(note for note in made.notes if note.startswith("costs:"))
    assert "no list price" not in costs
    assert "$2.00 once" in costs


def test_an_encrypted_snapshot_is_not_copied_without_a_key_or_with_one_of_another_region() -> None:
    found = answering(snapshots=(remote(),))
    assert "copy.kmsKeyId" in only_problem(elsewhere(REMOTE), found).fix
    wrong = CopySettings("arn:aws:kms:us-east-1:123456789012:key/k")
    assert only_problem(elsewhere(REMOTE, copy=wrong), found).subject == "config copy.kmsKeyId"


def test_a_copy_that_was_made_needs_its_original_no_more() -> None:
    made = planned(REMOTE, lost(copy=copied()))
    assert made.copy is not None
    assert made.copy.adopt == "shop-inc-1-copy"
    assert made.point.copy_of == EAST
    served = candidate(f"snapshot:{EAST}")
    later = planned(REMOTE, lost(copy=copied(), candidate=served, open_restores=(served,)))
    assert later.copy is not None, "what leaves the program would be deleted by the engine"


def test_a_copy_that_has_not_ended_is_waited_for_by_name() -> None:
    problem = only_problem(elsewhere(REMOTE), lost(copy=copied(status="creating", percent=40)))
    assert "40 % done" in problem.found
    assert problem.fix == "aws rds wait db-snapshot-available --db-snapshot-identifier shop-inc-1-copy"


def test_a_copy_of_another_snapshot_is_not_restored_in_its_place() -> None:
    tags = {"restore:id": "inc-1", "restore:stack": "prod", "restore:recovery-point": "snapshot:another"}
    assert "not a copy of" in only_problem(elsewhere(REMOTE), lost(copy=copied(tags=tags))).found


def test_an_encrypted_snapshot_of_another_account_is_copied_in_its_own_region_too() -> None:
    arn = "arn:aws:rds:us-east-1:999999999999:snapshot:shop-theirs"
    theirs = snapshot("shop-theirs", arn=arn, kind="shared")
    request = asked(SNAPSHOT, snapshot=arn)
    key = CopySettings("key-1")
    made = plan.make(settings(request, copy=key), inventory(snapshots=(theirs,)))
    assert made.copy is not None
    assert made.copy.kms_key_id == "key-1"


def test_going_back_to_another_region_is_a_restore_of_its_own() -> None:
    found = lost(cluster=FROZEN_AGAIN, candidate=candidate(), open_restores=(candidate(),))
    listed = problems(elsewhere(asked(traffic=Traffic.SOURCE)), found)
    assert "Failing back" in listed["traffic source"].fix


def test_replicas_of_a_region_that_stands_by_come_from_its_annotation() -> None:
    noted = deployment("api", 0, annotations={"restore.pulumi/replicas": "4"})
    made = planned(PITR, lost(cluster=cluster(noted, deployment("indexer", 0), secret())), apps=settings().apps[:1])
    assert made.apps[0].recorded_replicas == 4
    subjects = problems(elsewhere(apps=settings().apps), lost())
    assert {"deployment api", "deployment indexer"} <= subjects.keys()


def test_a_dump_that_has_not_arrived_is_told_with_its_replication_status() -> None:
    late = LateDump("database/postgresql/newest.sql.gz", NOW, "PENDING")
    region = replace(ANSWERS, late_dumps=(late,))
    found = dumped(
        source=instance(), source_region=region, places=PLACES, cluster=STANDING_BY, snapshots=(), backups=()
    )
    made = planned(DUMP, found, backups=DumpStore("shop-west", source_bucket="shop-backups"))
    assert any("newest.sql.gz" in note and "PENDING" in note for note in made.notes)
    assert made.fresh is not None
    assert made.fresh.kms_key_id is None, "the source's key is of another region"
    assert dump().version in str(made.point.dump)


def test_the_lost_regions_address_still_names_the_source() -> None:
    assert planned(PITR, lost()).apps[0].endpoint.host == SOURCE_HOST
