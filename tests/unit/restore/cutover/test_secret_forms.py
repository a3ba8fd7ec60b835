"""A connection in keys of its own, a JDBC URL, further keys: switched together, and given back byte for byte."""

from __future__ import annotations

import json
from dataclasses import replace

from restore.model.cluster import ConnectionSecret, Reference
from restore.model.labels import ANNOTATION_ID, ANNOTATION_PREVIOUS, ANNOTATION_PREVIOUS_ALSO
from restore.model.rds import Endpoint
from restore.model.request import ConnectionKeys, SecretKey, Traffic
from restore.plan import make
from tests.support.worlds import (
    CANDIDATE_HOST,
    FROZEN,
    FROZEN_AGAIN,
    RUNNING,
    SOURCE_HOST,
    asked,
    instance,
    inventory,
    only_problem,
    problems,
    restored,
    secret,
    settings,
)

NAME = "database-credentials"
DIRECT = f"postgresql://migrator:pw@{SOURCE_HOST}:5432/shop"
PARTS = {"DB_HOST": SOURCE_HOST, "DB_PORT": "5432", "DB_USER": "shop_app", "DB_PASSWORD": "p@ss", "DB_NAME": "shop"}
BY_PARTS = SecretKey("database-credentials", keys=ConnectionKeys("DB_HOST", "DB_PORT"), also_keys=("DIRECT_URL",))


def in_parts(host: str, direct: str, **notes: str) -> ConnectionSecret:
    values = {**PARTS, "DB_HOST": host, "DIRECT_URL": direct}
    url = f"postgresql://shop_app:p%40ss@{host}:5432/shop"
    held_by = {ANNOTATION_ID: "inc-1", ANNOTATION_PREVIOUS: f"{SOURCE_HOST}:5432", **notes} if notes else {}
    return replace(secret(url), key="DB_HOST", keys=tuple(values), values=values, annotations=held_by)


def test_keys_of_their_own_and_further_keys_are_switched_and_given_back_byte_for_byte() -> None:
    world = restored(cluster=replace(FROZEN, secret=in_parts(SOURCE_HOST, DIRECT)))
    there = make(settings(asked(traffic=Traffic.RESTORED), secret=BY_PARTS), world).secret
    assert there
    moved = DIRECT.replace(SOURCE_HOST, CANDIDATE_HOST)
    assert there.values == {"DB_HOST": CANDIDATE_HOST, "DB_PORT": "5432", "DIRECT_URL": moved}
    assert there.original_values == {"DB_HOST": SOURCE_HOST, "DB_PORT": "5432", "DIRECT_URL": DIRECT}
    note = {ANNOTATION_PREVIOUS_ALSO: json.dumps(dict(there.previous_also))}
    world = restored(cluster=replace(FROZEN_AGAIN, secret=in_parts(CANDIDATE_HOST, moved, **note)))
    back = make(settings(asked(traffic=Traffic.SOURCE), secret=BY_PARTS), world).secret
    assert back
    assert back.values == there.original_values


def test_a_key_that_named_a_replica_names_it_again_on_the_way_back() -> None:
    replica = instance("shop-read", "db-READ", endpoint=Endpoint("shop-read.abc.us-east-1.rds.amazonaws.com", 5432))
    read = "jdbc:postgresql://shop-read.abc.us-east-1.rds.amazonaws.com/shop"
    world = restored(cluster=replace(FROZEN, secret=in_parts(SOURCE_HOST, read)), replicas=(replica,))
    there = make(settings(asked(traffic=Traffic.RESTORED), secret=BY_PARTS), world).secret
    assert there
    assert there.values["DIRECT_URL"] == f"jdbc:postgresql://{CANDIDATE_HOST}/shop"
    note = {ANNOTATION_PREVIOUS_ALSO: json.dumps(dict(there.previous_also))}
    switched = in_parts(CANDIDATE_HOST, there.values["DIRECT_URL"], **note)
    world = restored(cluster=replace(FROZEN_AGAIN, secret=switched))  # also when the replica is gone by now
    back = make(settings(asked(traffic=Traffic.SOURCE), secret=BY_PARTS), world).secret
    assert back
    assert back.values["DIRECT_URL"] == read


def test_a_jdbc_url_is_switched_like_any_other() -> None:
    url = f"jdbc:postgresql://{SOURCE_HOST}:5432/shop?user=shop_app&password=p%40ss&ssl=true"
    there = make(
        settings(asked(traffic=Traffic.RESTORED)), restored(cluster=replace(FROZEN, secret=secret(url)))
    ).secret
    assert there
    assert there.values == {"DATABASE_URL": url.replace(SOURCE_HOST, CANDIDATE_HOST)}


def test_another_place_that_names_the_source_is_refused_until_it_is_switched_along_or_waived() -> None:
    place = f"Secret/{NAME}/DIRECT_URL"
    told = replace(RUNNING, references=(Reference("api", place, DIRECT), Reference("api", "env/X", "elsewhere")))
    refused = only_problem(settings(), inventory(cluster=told))
    assert refused.subject == "deployment api"
    assert refused.fix.startswith("pulumi config set --plaintext --path 'secret.alsoKeys[0]' DIRECT_URL")
    assert "migrator" not in str(refused)
    known = {f"preflight.reference:api/{place}": "a reporting job that is stopped anyway"}
    assert problems(settings(waive=known), inventory(cluster=told)) == {}
    assert problems(settings(asked(traffic=Traffic.SOURCE)), inventory(cluster=told)) == {}


def test_a_key_that_was_switched_is_never_left_out_of_a_patch_which_would_delete_it() -> None:
    note = {ANNOTATION_PREVIOUS_ALSO: json.dumps({"DIRECT_URL": f"{SOURCE_HOST}:5432"})}
    owned = replace(in_parts(CANDIDATE_HOST, DIRECT, **note), owned_keys=("DB_HOST", "DB_PORT", "DIRECT_URL"))
    changed = replace(owned, values={**owned.values, "DIRECT_URL": "postgresql://elsewhere/shop"})
    world = restored(cluster=replace(FROZEN_AGAIN, secret=changed))
    back = make(settings(asked(traffic=Traffic.SOURCE), secret=BY_PARTS), world).secret
    assert back
    assert back.values["DIRECT_URL"] == "postgresql://elsewhere/shop"
    forgotten = settings(asked(traffic=Traffic.SOURCE), secret=replace(BY_PARTS, also_keys=()))
    refused = only_problem(forgotten, world)
    assert "has written key DIRECT_URL" in refused.found


def test_what_tells_a_custom_resource_the_source_is_taken_out_by_a_command_that_kubectl_has() -> None:
    told = replace(RUNNING, references=(Reference("KnativeService/hook", "env/DIRECT_URL", DIRECT),))
    assert "edit service.serving.knative.dev hook" in only_problem(settings(), inventory(cluster=told)).fix
    told = replace(RUNNING, references=(Reference("CronJob/nightly", "env/DIRECT_URL", DIRECT),))
    assert "set env cronjob/nightly DIRECT_URL-" in only_problem(settings(), inventory(cluster=told)).fix
    told = replace(RUNNING, references=(Reference("api", "args/app", DIRECT),))
    assert "edit deployment api (arguments of container app" in only_problem(settings(), inventory(cluster=told)).fix
