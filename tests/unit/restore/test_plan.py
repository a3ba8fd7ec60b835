"""The plan: what one `up` declares for each state of the world, down to the byte."""

from __future__ import annotations

import random
import string
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import unquote

import pytest

from restore.errors import Refused
from restore.model.history import History, PhaseDuration
from restore.model.identifiers import (
    MAX_SNAPSHOT,
    find_id_fault,
    find_instance_fault,
    find_snapshot_fault,
    name_final_snapshot,
)
from restore.model.inventory import Inventory
from restore.model.labels import ANNOTATION_REAPPLIED, TAG_ID, TAG_POINT, TAG_SOURCE, TAG_STACK
from restore.model.planned import Plan
from restore.model.rds import Endpoint, InstanceSettings
from restore.model.request import App, Method, Request, SecretKey, Traffic, ValidationSettings
from restore.plan import make
from tests.support.worlds import (
    CANDIDATE_AT,
    CANDIDATE_HOST,
    FROZEN,
    FROZEN_AGAIN,
    LATEST,
    NOW,
    PASSWORD,
    PITR,
    RETURNED,
    RUNNING,
    SNAPSHOT,
    SOURCE_AT,
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
    restored,
    secret,
    settings,
    snapshot,
)
from validation.verdict import Depth

RESTORED = asked(traffic=Traffic.RESTORED)
SOURCE = asked(traffic=Traffic.SOURCE)


def replicas(plan: Plan) -> dict[str, int]:
    return {app.name: app.replicas for app in plan.apps}


# What the candidate is made from


def test_a_restore_beside_production_touches_no_application() -> None:
    plan = make(settings(SOURCE), inventory())
    assert (plan.apps, plan.secret, plan.safety_snapshot) == ((), None, None)
    assert (plan.candidate, plan.adopt, plan.found_traffic) == ("shop-inc-1", None, Traffic.SOURCE)


def test_a_time_is_restored_by_the_resource_id_that_no_rename_can_move() -> None:
    point = make(settings(), inventory()).point
    assert (point.method, point.time, point.latest, point.at) == (Method.PITR, TARGET, False, TARGET)
    assert (point.source_resource_id, point.automated_backup_arn) == ("db-SOURCE", None)
    assert point.tag == "pitr:2026-11-22T14:30:00Z"


def test_latest_stays_open_until_the_instance_is_made() -> None:
    point = make(settings(LATEST), inventory()).point
    assert (point.latest, point.time, point.at, point.tag) == (True, None, None, "pitr:latest")


def test_latest_snapshot_is_the_newest_usable_one_of_the_source_and_never_this_restores_own() -> None:
    newest = snapshot("rds:shop-2026-11-22", kind="automated", created=NOW - timedelta(hours=2))
    others = (
        snapshot("old"),
        newest,
        snapshot("shop-inc-1-safety", created=NOW),
        snapshot("half-done", created=NOW, status="creating"),
        snapshot("foreign", created=NOW, source_resource_id="db-OTHER"),
        snapshot("shared", created=NOW, kind="shared"),
    )
    point = make(settings(SNAPSHOT), inventory(snapshots=others)).point
    assert (point.snapshot, point.tag, point.at) == (
        "rds:shop-2026-11-22",
        "snapshot:rds:shop-2026-11-22",
        newest.created,
    )


def test_a_source_that_is_gone_is_restored_from_the_retained_backup_that_covers_the_time() -> None:
    older = backup(status="retained", source_resource_id="db-OLDER", latest=NOW - timedelta(minutes=25))
    newer = backup(
        status="retained",
        source_resource_id="db-NEWER",
        earliest=NOW - timedelta(minutes=20),
        latest=NOW - timedelta(minutes=10),
    )
    given = {"instanceClass": "db.r6g.large", "dbSubnetGroupName": "subnets", "vpcSecurityGroupIds": ("sg-1",)}
    configured = settings(SOURCE, instance=given)
    found = inventory(source=None, backups=(newer, older))
    assert make(configured, found).point.source_resource_id == "db-OLDER"
    at_last = settings(replace(LATEST, traffic=Traffic.SOURCE), instance=given)
    plan = make(at_last, found)
    assert plan.point.source_resource_id == "db-NEWER"
    assert "a switch loses: what the source's backups never got, up to 5 min of its last writes" in plan.notes


def test_a_replicated_backup_goes_by_its_arn_because_its_instance_lives_in_another_region() -> None:
    given = {"instanceClass": "db.r6g.large", "dbSubnetGroupName": "subnets", "vpcSecurityGroupIds": ("sg-1",)}
    found = inventory(source=None, backups=(backup(status="replicating"),))
    assert make(settings(SOURCE, instance=given), found).point.automated_backup_arn == backup().arn


@pytest.mark.parametrize(
    ("tag", "request_", "at"),
    [
        ("pitr:2026-11-22T14:30:00Z", PITR, TARGET),
        ("pitr:latest", LATEST, None),
        ("pitr:2026-11-22T14:30:00Z", LATEST, TARGET),
        ("snapshot:shop-nightly", SNAPSHOT, snapshot().created),
        ("snapshot:shop-nightly", replace(SNAPSHOT, snapshot="SHOP-nightly"), snapshot().created),
        ("snapshot:shop-nightly", replace(SNAPSHOT, snapshot=snapshot().arn), snapshot().created),
        ("snapshot:expired-long-ago", replace(SNAPSHOT, snapshot="expired-long-ago"), None),
    ],
)
def test_an_existing_candidate_keeps_its_point_though_windows_move_on_and_snapshots_expire(
    tag: str, request_: Request, at: datetime | None
) -> None:
    found = restored(candidate=candidate(tag), backups=())
    plan = make(settings(request_), found)
    assert (plan.point.tag, plan.point.at, plan.adopt) == (tag, at, "db-CANDIDATE")
    assert plan.tags[TAG_POINT] == tag


# What the candidate is to be


def test_settings_are_the_sources_because_a_restore_gets_defaults_else() -> None:
    wanted = make(settings(), inventory()).settings
    assert wanted == replace(SOURCE_SETTINGS, iops=None, storage_throughput=None)


def test_overrides_win_and_everything_else_stays_the_sources() -> None:
    given = {"instanceClass": "db.r6g.4xlarge", "multiAz": False, "vpcSecurityGroupIds": ("sg-9",)}
    wanted = make(settings(instance=given), inventory()).settings
    changed = replace(
        SOURCE_SETTINGS, instance_class="db.r6g.4xlarge", multi_az=False, vpc_security_group_ids=("sg-9",)
    )
    assert wanted == replace(changed, iops=None, storage_throughput=None)


def test_the_candidate_is_protected_even_when_the_source_was_not() -> None:
    unprotected = instance(settings=replace(SOURCE_SETTINGS, deletion_protection=False))
    assert make(settings(), inventory(source=unprotected)).settings.deletion_protection is True


@pytest.mark.parametrize(
    ("kind", "size", "iops", "throughput"),
    [("gp3", 100, None, None), ("gp3", 400, 12000, 500), ("gp2", 400, None, None), ("io2", 100, 12000, None)],
)
def test_iops_that_rds_reports_but_would_refuse_are_not_passed(
    kind: str, size: int, iops: int | None, throughput: int | None
) -> None:
    own = replace(SOURCE_SETTINGS, storage_type=kind, allocated_storage=size, iops=12000, storage_throughput=500)
    wanted = make(settings(), inventory(source=instance(settings=own))).settings
    assert (wanted.iops, wanted.storage_throughput) == (iops, throughput)


def test_storage_grows_to_the_snapshots_and_its_limit_never_stands_below_it() -> None:
    wanted = make(settings(SNAPSHOT), inventory(snapshots=(snapshot(allocated_storage=600),))).settings
    assert (wanted.allocated_storage, wanted.max_allocated_storage, wanted.iops) == (600, None, 3000)


def test_tags_find_the_candidate_again_and_none_is_taken_from_an_earlier_restore() -> None:
    former = instance(tags={"team": "shop", "aws:x": "y", TAG_ID: "inc-0", "restore:closed": "2026-01-01"})
    assert make(settings(), inventory(source=former)).tags == {
        "team": "shop",
        TAG_ID: "inc-1",
        TAG_STACK: "prod",
        TAG_POINT: "pitr:2026-11-22T14:30:00Z",
        TAG_SOURCE: "db-SOURCE",
    }


def test_tags_that_somebody_gave_the_candidate_are_kept() -> None:
    made = candidate()
    tagged = replace(made, tags={**made.tags, "seen": "yes"})
    assert make(settings(), restored(candidate=tagged)).tags["seen"] == "yes"


def test_the_safety_snapshot_stays_declared_once_taken_and_is_not_taken_of_a_source_that_is_gone() -> None:
    tags = {TAG_ID: "inc-1", TAG_STACK: "prod"}
    taken = snapshot("shop-inc-1-safety", tags=tags)
    first = make(settings(), inventory())
    assert (first.safety_snapshot, first.adopt_safety) == ("shop-inc-1-safety", None)
    for found in (restored(safety_snapshot=taken), restored(safety_snapshot=taken, source=None)):
        plan = make(settings(), found)
        assert (plan.safety_snapshot, plan.adopt_safety) == ("shop-inc-1-safety", "shop-inc-1-safety")
    assert make(settings(), restored(source=None, safety_snapshot=None)).safety_snapshot is None
    assert make(settings(waive={"safety-snapshot": "the KMS key is lost"}), inventory()).safety_snapshot is None


# Traffic


def test_the_first_freeze_records_what_it_found_and_stops_everything() -> None:
    plan = make(settings(), inventory())
    assert replicas(plan) == {"api": 0, "indexer": 0}
    assert [(app.recorded_replicas, app.former_manager) for app in plan.apps] == [
        (3, "kubectl-client-side-apply/Update"),
        (2, "kubectl-client-side-apply/Update"),
    ]
    assert {app.endpoint for app in plan.apps} == {SOURCE_AT}
    assert plan.secret is None


@pytest.mark.parametrize("times", [1, 2, 3])
def test_replicas_come_back_as_first_found_after_any_number_of_runs_at_zero(times: int) -> None:
    found = restored(cluster=FROZEN)
    for _ in range(times):
        plan = make(settings(), found)
        assert [app.recorded_replicas for app in plan.apps] == [3, 2]
    plan = make(settings(RESTORED), found)
    assert replicas(plan) == {"api": 3, "indexer": 2}
    assert [app.former_manager for app in plan.apps] == ["helm/Update", "helm/Update"]


def test_an_override_of_replicas_wins_over_what_was_found() -> None:
    plan = make(settings(RESTORED, apps=(App("api", 5), App("indexer"))), restored(cluster=FROZEN))
    assert replicas(plan) == {"api": 5, "indexer": 2}


def test_the_switch_changes_the_host_and_no_other_byte_of_the_url() -> None:
    plan = make(settings(RESTORED), restored(cluster=FROZEN))
    assert plan.secret
    assert plan.secret.url == SWITCHED_URL
    assert plan.secret.original_url == URL
    assert (plan.secret.endpoint, plan.secret.previous) == (CANDIDATE_AT, SOURCE_AT)
    assert {app.endpoint for app in plan.apps} == {CANDIDATE_AT}


def test_a_second_run_after_the_switch_changes_nothing() -> None:
    plan = make(settings(RESTORED), restored(cluster=SWITCHED))
    assert plan.secret
    assert (plan.secret.url, plan.secret.original_url, plan.secret.reapplied) == (SWITCHED_URL, URL, "")
    assert (replicas(plan), plan.found_traffic) == ({"api": 3, "indexer": 2}, Traffic.RESTORED)
    assert all(app.reapplied == "" for app in plan.apps)


def test_freezing_on_the_way_back_leaves_the_url_alone() -> None:
    plan = make(settings(), restored(cluster=SWITCHED))
    assert plan.secret
    assert (plan.secret.url, plan.secret.original_url) == (SWITCHED_URL, URL)
    assert {app.endpoint for app in plan.apps} == {CANDIDATE_AT}


def test_the_way_back_gives_the_url_back_byte_for_byte() -> None:
    plan = make(settings(SOURCE), restored(cluster=FROZEN_AGAIN))
    assert plan.secret
    assert (plan.secret.url, plan.secret.endpoint) == (URL, SOURCE_AT)
    assert replicas(plan) == {"api": 3, "indexer": 2}
    assert {app.endpoint for app in plan.apps} == {SOURCE_AT}
    steady = make(settings(SOURCE), restored(cluster=RETURNED))
    assert steady.secret
    assert (steady.secret.url, steady.found_traffic) == (URL, Traffic.SOURCE)


def test_a_host_by_which_only_the_applications_know_the_source_comes_back_as_it_was_spelt() -> None:
    alias = "DB.internal.example"
    url = URL.replace(f"{SOURCE_HOST}:5432", alias)
    known = SecretKey("database-credentials", "DATABASE_URL", source_host="db.internal.example")
    frozen = replace(FROZEN, secret=secret(url))
    switched = make(settings(RESTORED, secret=known), restored(cluster=frozen)).secret
    assert switched
    assert (switched.url, str(switched.previous)) == (url.replace(alias, CANDIDATE_HOST), f"{alias}:5432")
    again = replace(FROZEN_AGAIN, secret=held_secret(switched.url, str(switched.previous)))
    back = make(settings(SOURCE, secret=known), restored(cluster=again)).secret
    assert back
    assert back.url == url


def test_a_candidate_at_another_port_takes_the_port_along() -> None:
    elsewhere = candidate(endpoint=Endpoint(CANDIDATE_HOST, 6432))
    plan = make(settings(RESTORED), restored(candidate=elsewhere, cluster=FROZEN)).secret
    assert plan
    assert plan.url == URL.replace(f"{SOURCE_HOST}:5432", f"{CANDIDATE_HOST}:6432")


@pytest.mark.parametrize("seed", range(50))
def test_no_url_is_ever_reencoded_there_and_back(seed: int) -> None:
    chance = random.Random(seed)
    safe = string.ascii_letters + string.digits + "-._~!$&'()*+,;="

    def written(length: int) -> str:
        return "".join(
            chance.choice([chance.choice(safe), f"%{chance.randrange(256):02X}", f"%{chance.randrange(256):02x}"])
            for _ in range(length)
        )

    port = chance.choice(["", ":5432"])
    query = chance.choice(["", "?", f"?schema={written(4)}&pgbouncer=true&x={written(9)}"])
    url = f"postgres://{written(8)}:{written(20)}@{SOURCE_HOST}{port}/{written(6)}{query}"
    there = make(settings(RESTORED), restored(cluster=replace(FROZEN, secret=secret(url)))).secret
    assert there
    assert there.url == url.replace(SOURCE_HOST, CANDIDATE_HOST)
    switched = held_secret(there.url, str(there.previous))
    back = make(settings(SOURCE), restored(cluster=replace(FROZEN_AGAIN, secret=switched))).secret
    assert back
    assert back.url == url


def test_no_plan_shows_the_password() -> None:
    for request_, where in ((PITR, SWITCHED), (RESTORED, FROZEN), (SOURCE, FROZEN_AGAIN)):
        plan = make(settings(request_), restored(cluster=where))
        assert plan.secret
        assert PASSWORD in plan.secret.url, "there is nothing to show"
        assert PASSWORD not in repr(plan)
        assert unquote(PASSWORD) not in repr(plan)


# Changes by others, and interrupted runs


def test_a_deployment_that_somebody_scaled_up_during_the_freeze_is_stopped_again() -> None:
    scaled = replace(held("api", 1, 3), replicas_manager="kubectl/Update")
    plan = make(settings(), restored(cluster=cluster(scaled, held("indexer", 0, 2), secret())))
    assert [(app.name, app.replicas, app.reapplied) for app in plan.apps] == [("api", 0, "rv-api"), ("indexer", 0, "")]


def test_an_application_that_an_interrupted_run_resumed_does_not_count_as_frozen() -> None:
    resumed = held("api", 3, 3, **{ANNOTATION_REAPPLIED: "rv-before"})
    plan = make(settings(), restored(cluster=cluster(resumed, held("indexer", 0, 2), secret())))
    assert plan.apps[0].reapplied == "rv-api"
    frozen = held("api", 0, 3, **{ANNOTATION_REAPPLIED: "rv-api"})
    settled = make(settings(), restored(cluster=cluster(frozen, held("indexer", 0, 2), secret())))
    assert settled.apps[0].reapplied == "rv-api"


def test_an_autoscalers_replicas_are_not_fought_over() -> None:
    more = replace(held("api", 7, 3), replicas_manager="kube-controller-manager/Update")
    plan = make(settings(RESTORED), restored(cluster=cluster(more, held("indexer", 2, 2), held_secret(SWITCHED_URL))))
    assert plan.apps[0].reapplied == ""


def test_a_secret_that_somebody_turned_back_is_switched_again() -> None:
    turned = replace(FROZEN_AGAIN, secret=held_secret(URL))
    plan = make(settings(RESTORED), restored(cluster=turned)).secret
    assert plan
    assert (plan.url, plan.reapplied) == (SWITCHED_URL, "rv-secret")


def test_a_half_done_move_is_called_neither() -> None:
    half = cluster(held("api", 3, 3), held("indexer", 0, 2), held_secret(SWITCHED_URL))
    assert make(settings(RESTORED), restored(cluster=half)).found_traffic is None


def test_an_application_that_is_meant_to_be_at_zero_hides_no_running_one() -> None:
    idle = cluster(deployment("api", 3), deployment("indexer", 0), secret())
    plan = make(settings(apps=(App("api"), App("indexer", 0))), inventory(cluster=idle))
    assert (plan.found_traffic, replicas(plan)) == (Traffic.SOURCE, {"api": 0, "indexer": 0})


# What the operator is told


def test_the_notes_say_what_stops_what_is_made_what_is_lost_how_long_and_what_next() -> None:
    assert make(settings(), inventory()).notes == (
        "stops: api (3), indexer (2) in shop-prod; nobody is served until traffic moves on",
        "creates: instance shop-inc-1 (db.r6g.large, gp3 100 GiB, Multi-AZ, PostgreSQL 17.10)",
        "from: point in time 2026-11-22T14:30:00Z of shop (db-SOURCE), data of 2026-11-22T14:30:00Z".replace(
            ", data of 2026-11-22T14:30:00Z", ""
        ),
        "creates: snapshot shop-inc-1-safety of the source, once nothing writes to it",
        "costs: shop-inc-1 about $0.48 an hour (db.r6g.large Multi-AZ $0.450, 100 GiB of gp3 $0.032; "
        "list price of 2026-10, list price of 2026-05), until it is deleted",
        "costs: shop-inc-1-safety up to $9.50 a month (list price of 2026-05), until it is deleted",
        "a switch loses: what was written after 2026-11-22T14:30:00Z (RPO 30 min as of now)",
        "takes: 1 h to 1 h 30 min to a validated database, a runbook's figure: no restore measured here yet",
        "checks read: at most 107.4 GB, which a fresh volume takes 32 min 21 s to fetch (depth full); with "
        "validation.depth sample at most 11.8 GB, 3 min 33 s",
        "note: Terraform or Pulumi still owns the source after the switch, and not the restored instance, until it "
        'takes over as python -m restore close says: docs/dependents.md, "Infrastructure code"',
        "next: pulumi config set traffic restored; pulumi up (or source, to go back)",
    )


def test_earlier_restores_of_the_team_say_how_long_this_one_takes() -> None:
    took = {"candidate": 1200, "conformed": 120, "validated": 480}
    phases = tuple(PhaseDuration("inc-0", phase, "pitr", seconds, 100, NOW) for phase, seconds in took.items())
    planned = make(settings(), inventory(history=History(phases)))
    expected = "measured in 1 restore of this stack, last on 2026-11-22"
    assert f"takes: about 30 min to a validated database, {expected}" in planned.notes
    assert planned.expected == f"about 30 min, {expected}"


def test_checks_that_cannot_end_in_their_time_are_told_before_the_freeze() -> None:
    short = ValidationSettings(budget_seconds=60)
    (told,) = (note for note in make(settings(validation=short), inventory()).notes if "budgetSeconds" in note)
    assert told.startswith("note: validation.budgetSeconds gives the checks 1 min")
    enough = ValidationSettings(budget_seconds=7200, depth=Depth.SAMPLE)
    notes = make(settings(validation=enough), inventory()).notes
    assert not [note for note in notes if "budgetSeconds" in note]
    assert [note for note in notes if note.startswith("checks read: at most 11.8 GB")]


def test_the_notes_warn_of_what_the_operator_did_not_ask_about() -> None:
    odd = instance(pending={"DBInstanceClass": "db.r6g.xlarge"}, status="backing-up", engine_version="17.10")
    plan = make(
        settings(waive={"rows:users": "purged on Friday"}), inventory(source=odd, orderable_versions=("17.11",))
    )
    told = "\n".join(plan.notes)
    assert "DBInstanceClass" in told
    assert "backing-up" in told
    assert "no longer creates PostgreSQL 17.10" in told
    assert "waived: rows:users: purged on Friday" in told


@pytest.mark.parametrize(
    ("request_", "found", "says"),
    [
        (SOURCE, inventory(), "next: pulumi config set traffic frozen"),
        (RESTORED, restored(cluster=FROZEN), "switches: secret database-credentials, key DATABASE_URL to shop-inc-1."),
        (RESTORED, restored(cluster=SWITCHED), "python -m restore rollback"),
        (PITR, restored(cluster=SWITCHED), "next: pulumi config set traffic source"),
        (SOURCE, restored(cluster=FROZEN_AGAIN), "nothing is copied back"),
        (LATEST, inventory(), "loses: nothing committed"),
        (LATEST, inventory(), "note: `latest` can be asked for only after the freeze"),
        (SNAPSHOT, inventory(), "RPO 11 h"),
    ],
)
def test_each_step_says_what_it_means(request_: Request, found: Inventory, says: str) -> None:
    plan = make(settings(request_), found)
    assert says in "\n".join(plan.notes)


# Identifiers


def test_every_accepted_id_makes_identifiers_that_rds_accepts() -> None:
    chance = random.Random(1)
    texts = ["".join(chance.choice("ab9-A_é ") for _ in range(chance.randrange(0, 34))) for _ in range(2000)]
    for text in texts + ["".join(chance.choice("ab9-") for _ in range(12)) for _ in range(200)]:
        badly_built = not text[:1].isalpha() or text.endswith("-") or "--" in text
        refused = badly_built or len(text) > 30 or bool(set(text) & set("A_é "))
        assert bool(find_id_fault(text)) == refused, text
        if not refused:
            name = f"shop-{text}"
            assert find_instance_fault(name) is None, text
            made = (f"{name}-safety", name_final_snapshot(name, "prod"))
            assert all(find_snapshot_fault(one) is None and len(one) <= MAX_SNAPSHOT for one in made), text


def test_the_final_snapshot_has_one_name_in_every_run_and_another_in_every_stack() -> None:
    assert name_final_snapshot("shop-inc-1", "prod") == name_final_snapshot("shop-inc-1", "prod")
    assert name_final_snapshot("shop-inc-1", "prod") != name_final_snapshot("shop-inc-1", "staging")


def test_nothing_is_planned_while_anything_is_wrong() -> None:
    with pytest.raises(Refused):
        make(settings(), inventory(source=None, backups=()))
    with pytest.raises(ValueError, match="nothing to plan"):
        make(settings(None), inventory())


def test_settings_of_a_source_that_is_gone_come_from_its_candidate_once_there_is_one() -> None:
    plan = make(settings(), restored(source=None))
    assert plan.settings.instance_class == "db.r6g.large"
    assert isinstance(plan.settings, InstanceSettings)


def test_running_applications_are_found_as_such() -> None:
    assert make(settings(), inventory(cluster=RUNNING)).found_traffic is Traffic.SOURCE
