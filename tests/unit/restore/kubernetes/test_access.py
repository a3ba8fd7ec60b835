"""What the cluster denies is told right by right; that it can't be asked refuses nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from restore.errors import PermanentError, TemporaryError
from restore.kubernetes import Api
from restore.kubernetes.access import build_review, review_rights
from restore.model.rights import ClusterRight, Denied

PATCH = ClusterRight.parse("patch deployments.apps", "shop", "api")
LOG = ClusterRight.parse("get pods/log", "shop")


class Reviews:
    """An API server that allows the rights of these names."""

    def __init__(self, *allowed: str, error: Exception | None = None):
        self.allowed, self.error = allowed, error

    def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        assert path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        if self.error:
            raise self.error
        asked = body["spec"]["resourceAttributes"]
        name = f"{asked['verb']} {asked['resource']}{'/' if asked['subresource'] else ''}{asked['subresource']}"
        return {"status": {"allowed": name in self.allowed}}


def api(*allowed: str, error: Exception | None = None) -> Api:
    return cast("Api", Reviews(*allowed, error=error))


def test_a_right_is_asked_for_as_the_api_server_will_ask_itself() -> None:
    assert build_review(PATCH)["spec"]["resourceAttributes"] == {
        "verb": "patch",
        "group": "apps",
        "resource": "deployments",
        "subresource": "",
        "namespace": "shop",
        "name": "api",
    }
    attributes = build_review(LOG)["spec"]["resourceAttributes"]
    assert (attributes["resource"], attributes["subresource"], attributes["group"]) == ("pods", "log", "")


def test_every_denied_right_is_told_and_no_other() -> None:
    answers = review_rights(api("get pods/log"), [PATCH, LOG])
    assert (answers.asked, answers.denied) == (2, (Denied(PATCH, "no Role allows it"),))
    assert review_rights(api("get pods/log", "patch deployments"), [PATCH, LOG]).denied == ()


def test_a_cluster_that_cant_be_asked_denies_nothing_and_is_told() -> None:
    for error in (TemporaryError("no answer"), PermanentError("cannot create selfsubjectaccessreviews")):
        answers = review_rights(api(error=error), [PATCH, LOG])
        assert (answers.asked, answers.denied) == (0, ())
        assert answers.not_asked == (f"rights in the cluster: {error}",)


def test_names_of_rights_are_those_of_the_page() -> None:
    assert [right.name for right in (PATCH, LOG)] == ["patch deployments.apps", "get pods/log"]
