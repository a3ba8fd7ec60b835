"""Two drills of a scratch namespace never run at a time: the second would delete what the first works with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from restore.drill.lease import SECONDS, DrillLease
from restore.errors import PermanentError
from restore.kubernetes.api import Conflict

PATH = "/apis/coordination.k8s.io/v1/namespaces/shop-drill/leases/restore-drill"


class Api:
    """An API server with one Lease, and how it answers."""

    def __init__(self, lease: dict[str, Any] | None = None, conflict: bool = False) -> None:
        self.lease, self.conflict = lease, conflict

    def get(self, path: str) -> dict[str, Any] | None:
        assert path == PATH
        return self.lease

    def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        assert path == PATH.rpartition("/")[0]
        if self.conflict:
            raise Conflict("it exists")
        self.lease = body
        return body

    def patch(self, _path: str, body: dict[str, Any], _kind: str) -> dict[str, Any]:
        if self.conflict:
            raise Conflict("it was changed")
        self.lease = body
        return body

    def delete(self, _path: str) -> bool:
        self.lease = None
        return True


def held(ago: timedelta) -> dict[str, Any]:
    renewed = f"{datetime.now(UTC) - ago:%Y-%m-%dT%H:%M:%S.%fZ}"
    spec = {
        "holderIdentity": "ada@laptop",
        "renewTime": renewed,
        "acquireTime": renewed,
        "leaseDurationSeconds": SECONDS,
    }
    return {"metadata": {"resourceVersion": "7"}, "spec": spec}


def lease(api: Any) -> DrillLease:
    return DrillLease(api, "shop-drill", "grace@ci", pause=lambda _seconds: None)


def test_it_is_held_while_the_drill_runs_and_free_afterwards() -> None:
    api = Api()
    with lease(api).hold():
        assert api.lease is not None
        assert api.lease["spec"]["holderIdentity"] == "grace@ci"
    assert api.lease is None


def test_a_drill_that_runs_keeps_out_another() -> None:
    api = Api(held(timedelta(seconds=5)))
    with pytest.raises(PermanentError, match="ada@laptop runs one"), lease(api).hold():
        pytest.fail("it went on")
    assert api.lease is not None


@pytest.mark.parametrize("behind", [timedelta(minutes=3), timedelta(hours=1)])
def test_a_drill_whose_clock_is_behind_is_not_taken_for_a_killed_one(behind: timedelta) -> None:
    api = Api(held(behind))
    other = lease(api)

    def renew(_seconds: float) -> None:
        api.lease = {**held(behind), "metadata": {"resourceVersion": "8"}}

    other.pause = renew
    with pytest.raises(PermanentError, match="ada@laptop runs one"), other.hold():
        pytest.fail("it went on")
    assert api.lease is not None
    assert api.lease["spec"]["holderIdentity"] == "ada@laptop"


def test_a_drill_that_was_killed_keeps_out_nobody_for_long() -> None:
    api = Api(held(timedelta(seconds=SECONDS + 1)))
    with lease(api).hold():
        assert api.lease is not None
        assert api.lease["metadata"] == {"resourceVersion": "7"}


@pytest.mark.parametrize("lease_of_killed", [None, held(timedelta(seconds=SECONDS + 1))])
def test_of_two_that_begin_at_once_one_is_kept_out(lease_of_killed: dict[str, Any] | None) -> None:
    with pytest.raises(PermanentError, match="one drill"), lease(Api(lease_of_killed, conflict=True)).hold():
        pytest.fail("it went on")


def test_a_drill_that_slept_takes_nothing_back_from_the_one_that_took_over() -> None:
    api = Api()
    sleeper = lease(api)
    with sleeper.hold():
        api.lease = taken_over = held(timedelta(0))
        taken_over["spec"]["holderIdentity"] = sleeper.holder  # the same person, or the same CI
        sleeper.renew(datetime.now(UTC))
        assert api.lease is taken_over
    assert api.lease is taken_over


def test_a_drill_that_goes_on_renews_its_own() -> None:
    api = Api()
    mine = lease(api)
    with mine.hold():
        mine.renew(datetime(2026, 11, 22, tzinfo=UTC))
        assert api.lease is not None
        assert api.lease["spec"]["renewTime"].startswith("2026-11-22")


def test_the_lease_is_free_after_a_failure_too() -> None:
    api = Api()
    with pytest.raises(ValueError, match="broken"), lease(api).hold():
        raise ValueError("broken")
    assert api.lease is None
