"""Everything at once: the inventory, and the evidence in a bucket."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from restore.aws import Aws
from restore.errors import PermanentError, Refused
from restore.evidence import Store
from restore.evidence.store import open_s3_documents
from restore.inventory.gather import gather
from restore.model.rds import Instance
from restore.model.request import LATEST, App, Login, Method, Request, SecretKey, Settings, Tls, Traffic
from tests.support.sandbox.adapter_sandbox import Gateway, Home
from validation.document_store import AlreadyExistsError

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def settings(gateway: Gateway, home: Home, source: Instance, kubeconfig: Path, tls: Tls) -> Settings:
    return Settings(
        stack="test",
        region="us-east-1",
        source=source.identifier,
        namespace=home.name,
        apps=(App("indexer"),),
        secret=SecretKey("credentials", "URL"),
        login=Login("ghostadmin", iam=True),
        tls=tls,
        evidence="evidence",
        request=Request("inc-1", Method.PITR, Traffic.FROZEN, time=LATEST),
        endpoints=gateway.aws().endpoints,
        kubeconfig=str(kubeconfig),
    )


def test_the_world_is_read_at_once(settings: Settings, source: Instance) -> None:
    found = gather(settings, NOW)
    assert found.now == NOW
    assert found.source
    assert found.source.resource_id == source.resource_id
    assert [item.status for item in found.backups] == ["active"]
    assert found.snapshots
    assert (found.candidate, found.safety_snapshot) == (None, None)
    assert found.cluster.deployments["indexer"]
    assert found.cluster.secret
    assert source.engine_version in found.orderable_versions
    assert found.capacity
    assert found.capacity.unasked == {}
    assert found.capacity.quotas
    assert found.capacity.quotas["DBInstances"].used >= 1
    assert source.settings.storage_type in {offer.storage_type for offer in found.capacity.offers or ()}
    assert [subnet for subnet in found.capacity.subnets or () if subnet.free]
    assert found.network
    assert found.network.unasked == {}
    (target,) = found.network.targets
    assert (target.groups, target.ingress) == (source.settings.vpc_security_group_ids, ())  # moto's own has no rule
    assert [place for place in target.places if place.acl and place.routes and place.block]


def test_an_operator_s_secret_that_is_not_there_is_found_before_anything_stops(settings: Settings) -> None:
    with pytest.raises(Refused) as caught:
        gather(replace(settings, login=Login("ghostadmin", "never-was")), NOW)
    assert [problem.subject for problem in caught.value.problems] == ["secret never-was"]


def test_who_only_looks_needs_neither_secret_nor_room(settings: Settings) -> None:
    found = gather(replace(settings, login=Login("ghostadmin", "never-was")), NOW, room=False)
    assert found.source
    assert found.capacity is None


def test_without_a_request_what_may_be_open_is_still_read(settings: Settings) -> None:
    found = gather(replace(settings, request=None), NOW)
    assert found.source
    assert found.cluster.deployments["indexer"]
    assert found.snapshots == ()


def test_a_source_that_is_gone_is_none_and_no_error(settings: Settings) -> None:
    assert gather(replace(settings, source="never-was"), NOW).source is None


def test_all_that_can_not_be_read_is_said_at_once_and_each_thing_once(settings: Settings) -> None:
    broken = replace(settings, endpoints={**settings.endpoints, "rds": "http://127.0.0.1:1"}, kubeconfig="/nowhere")
    with pytest.raises(Refused) as caught:
        gather(broken, NOW)
    assert [problem.subject for problem in caught.value.problems] == ["kubeconfig (/nowhere)", "AWS rds"]


def test_evidence_in_a_bucket_is_written_and_found_again(gateway: Gateway) -> None:
    aws = gateway.aws()
    aws.open_client("s3").create_bucket(Bucket="evidence")
    store = Store.open("s3://evidence/restores/prod", aws)
    assert store.read_all("prod", "inc-1") == ()
    where = store.write("prod", "inc-1", "quiesced", {"verdict": "PASS"})
    assert where.startswith("s3://evidence/restores/prod/prod/inc-1/")
    store.write("prod", "inc-1", "quiesced", {"verdict": "FAIL"})
    assert [item["verdict"] for item in store.read_all("prod", "inc-1")] == ["PASS", "FAIL"]
    found = store.read_latest("prod", "inc-1", "quiesced")
    assert found
    assert found["verdict"] == "FAIL"
    for page in ("<p>1</p>", "<p>2</p>"):
        assert store.publish("prod", "inc-1", {"records": []}, page).endswith("/inc-1/report.html")
    kept = aws.open_client("s3").get_object(Bucket="evidence", Key="restores/prod/prod/inc-1/report.html")
    assert (kept["Body"].read(), kept["ContentType"]) == (b"<p>2</p>", "text/html; charset=utf-8")
    assert len(store.read_all("prod", "inc-1")) == 2


def test_a_record_that_s3_kept_without_saying_so_is_found_and_none_is_replaced(gateway: Gateway) -> None:
    aws = gateway.aws()
    aws.open_client("s3").create_bucket(Bucket="evidence-again")
    documents = open_s3_documents(aws, "evidence-again", "")
    where = documents.put("prod/inc-1/1.json", b"{}")
    assert documents.put("prod/inc-1/1.json", b"{}") == where
    with pytest.raises(AlreadyExistsError):
        documents.put("prod/inc-1/1.json", b"[]")
    assert documents.get("prod/inc-1/1.json") == b"{}"


def test_a_bucket_that_is_not_there_is_told(gateway: Gateway) -> None:
    with pytest.raises(PermanentError, match="NoSuchBucket"):
        Store.open("s3://no-such-bucket-here/x", Aws("us-east-1", gateway.aws().endpoints)).write("s", "i", "g", {})
