"""Asks the cluster whether this login may do something: one SelfSubjectAccessReview for each right.

Every authenticated user may ask, by the cluster role system:basic-user (Kubernetes, "Authorization", section "Checking
API access").
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import cast

from restore.errors import RestoreError
from restore.kubernetes.api import Api, JsonBody
from restore.model.rights import ClusterRight, Denied, RightsAnswers

THREADS = 10
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def review_rights(api: Api, rights: Sequence[ClusterRight]) -> RightsAnswers:
    """Returns the rights that the cluster denies. That it can't be asked is an answer too, said once."""

    def find_denial(right: ClusterRight) -> Denied | None:
        status = cast("JsonBody", api.create(REVIEWS, build_review(right))["status"])
        if status.get("allowed"):
            return None
        return Denied(right, str(status.get("reason") or status.get("evaluationError") or "no Role allows it"))

    try:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="rights") as pool:
            denials = [answer for answer in pool.map(find_denial, rights) if answer]
    except RestoreError as error:
        return RightsAnswers(not_asked=(f"rights in the cluster: {error}",))
    return RightsAnswers(len(rights), tuple(denials))


def build_review(right: ClusterRight) -> JsonBody:
    """Returns the body of an access review. Pure."""
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": dict(right.attributes)},
    }
