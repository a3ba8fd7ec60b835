"""What the cluster answers becomes what the rules judge."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from restore.errors import PermanentError
from restore.kubernetes import parse
from restore.kubernetes.pods import parse_pod
from restore.model.request import ConnectionKeys

OURS: dict[str, str] = {"manager": "pulumi-restore", "operation": "Apply"}


def owned(fields: dict[str, Any], **entry: str) -> dict[str, Any]:
    return {**entry, "fieldsV1": fields}


def deployment(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "indexer", "uid": "u", "resourceVersion": "7"}, "spec": spec}


REPLICAS: dict[str, Any] = {"f:spec": {"f:replicas": {}}}


def test_a_deployment_at_zero_has_zero_and_not_the_default() -> None:
    found = parse.parse_deployment({**deployment(replicas=0), "status": {"terminatingReplicas": 2}})
    assert (found.replicas, found.ready, found.terminating) == (0, 0, 2)


def test_a_server_that_does_not_tell_terminating_pods_is_no_proof_of_none() -> None:
    assert parse.parse_deployment({**deployment(replicas=0), "status": {}}).terminating is None


def test_absent_replicas_are_one_as_the_api_defaults_them() -> None:
    assert parse.parse_deployment(deployment()).replicas == 1


def test_a_selector_is_the_text_that_a_list_call_takes() -> None:
    found = {
        "matchLabels": {"b": "2", "a": "1"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["x", "y"]},
            {"key": "old", "operator": "DoesNotExist"},
        ],
    }
    assert parse.render_selector(found) == "a=1,b=2,tier in (x,y),!old"


def test_the_owner_of_replicas_is_named_with_its_operation() -> None:
    metadata = {"managedFields": [owned(REPLICAS, manager="kubectl", operation="Update", subresource="scale")]}
    assert parse.find_field_manager(metadata, parse.REPLICAS) == "kubectl/Update/scale"


def test_a_former_owner_is_found_beside_our_own_ownership() -> None:
    entries = [owned(REPLICAS, **OURS), owned(REPLICAS, manager="helm", operation="Update")]
    assert parse.find_field_manager({"managedFields": entries}, parse.REPLICAS) == "helm/Update"


def test_replicas_owned_by_nobody_have_no_owner() -> None:
    entries = [owned({"f:spec": {"f:template": {}}}, manager="kubectl-client-side-apply", operation="Update")]
    assert parse.find_field_manager({"managedFields": entries}, parse.REPLICAS) is None


def secret(value: bytes, **more: Any) -> dict[str, Any]:
    data = {"URL": base64.b64encode(value).decode(), "OTHER": "eA=="}
    return {"metadata": {"name": "credentials", "namespace": "shop", **more}, "data": data}


def test_the_url_is_read_and_in_no_repr() -> None:
    found = parse.parse_connection_secret(secret(b"postgresql://u:hidden@h/d"), "URL")
    assert found.url == "postgresql://u:hidden@h/d"
    assert found.keys == ("OTHER", "URL")
    assert "hidden" not in repr(found)


def test_a_secret_that_nobody_can_change_is_known_as_such() -> None:
    assert not parse.parse_connection_secret(secret(b"x"), "URL").immutable
    assert parse.parse_connection_secret({**secret(b"x"), "immutable": True}, "URL").immutable


def test_kubectl_s_copy_of_the_secret_is_left_out() -> None:
    notes = {"kubectl.kubernetes.io/last-applied-configuration": '{"stringData":{"URL":"hidden"}}', "kept": "1"}
    found = parse.parse_connection_secret(secret(b"x", annotations=notes), "URL")
    assert found.annotations == {"kept": "1"}


def test_an_absent_key_is_none_and_an_empty_one_is_empty() -> None:
    assert parse.parse_connection_secret(secret(b""), "NONE").url is None
    assert parse.parse_connection_secret(secret(b""), "URL").url == ""


@pytest.mark.parametrize(
    ("stored", "named"), [(b"\xfa\xfbhidden", "no text"), ("\ufeffhidden\u00e4".encode("utf-16-le"), "UTF-16")]
)
def test_bytes_that_are_no_text_are_refused_without_showing_them(stored: bytes, named: str) -> None:
    with pytest.raises(PermanentError, match=named) as caught:
        parse.parse_connection_secret(secret(stored), "URL")
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("postgresql://u:a%40b@h:1/d", ("a%40b", "a@b")),
        ("postgresql://u:a@b@h/d", ("a@b", "a@b")),
        ("postgresql://u@h/d", ()),
        ("nothing", ()),
    ],
)
def test_the_password_in_a_url_is_known_in_both_spellings(url: str, found: tuple[str, ...]) -> None:
    assert parse.find_passwords(url) == found


def pod_object(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "indexer-1", "uid": "u"}, "spec": {}, "status": status}


def test_a_terminating_pod_is_still_there() -> None:
    found = pod_object(phase="Running", podIP="10.0.0.1", conditions=[{"type": "Ready", "status": "True"}])
    found["metadata"]["deletionTimestamp"] = "2026-11-22T14:30:00Z"
    seen = parse_pod(found)
    assert (seen.terminating, seen.ended, seen.address) == (True, False, "10.0.0.1")


def test_why_a_pod_does_not_start_is_told() -> None:
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
    found = parse_pod(pod_object(phase="Pending", containerStatuses=[{"name": "app", "state": waiting}]))
    assert found.reasons == ("app: ImagePullBackOff: not found",)
    assert not found.ready


def test_why_a_pod_is_not_scheduled_is_told() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"}
    assert parse_pod(pod_object(phase="Pending", conditions=[condition])).reasons == ("Unschedulable: no node",)


def test_how_a_restarting_container_ended_is_told() -> None:
    last = {"terminated": {"exitCode": 3, "reason": "Error"}}
    status = {"name": "app", "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": last}
    found = parse_pod(pod_object(phase="Running", containerStatuses=[status]))
    assert found.reasons == ("app: CrashLoopBackOff", "app: exit code 3 (Error)")


def test_an_ended_pod_can_not_write() -> None:
    ended = pod_object(phase="Failed", containerStatuses=[{"name": "a", "state": {"terminated": {"exitCode": 2}}}])
    assert (parse_pod(ended).ended, parse_pod(ended).exit_code) == (True, 2)


def test_a_url_is_made_of_single_keys_byte_for_byte() -> None:
    values = {"H": "db.example\n", "P": "5433", "U": "a b", "W": "p@s/s", "D": "shop"}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    parts = ConnectionKeys("H", "P", "U", "W", "D")
    found = parse.parse_connection_secret({"metadata": {"name": "s", "namespace": "n"}, "data": data}, "URL", parts)
    assert found.url == "postgresql://a%20b:p%40s%2Fs@db.example:5433/shop"
    assert (found.key, found.values) == ("H", values)
    assert "p@s" not in repr(found)
    del data["H"]
    assert parse.parse_connection_secret({"metadata": {"name": "s"}, "data": data}, "URL", parts).url is None


def test_a_password_that_a_jdbc_url_has_as_a_parameter_is_a_secret_too() -> None:
    assert parse.find_passwords("jdbc:postgresql://h/d?user=u&password=p%40ss&ssl=true") == ("p%40ss", "p@ss")
