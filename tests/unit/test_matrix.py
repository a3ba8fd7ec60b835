"""The interruptions' matrix itself: no cell is lost on the way to its restore, and none strikes where it can't."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.matrix.__main__ import FEWEST, all_cells
from tests.matrix.causes import AT, CAUSES, DATABASE, WORKER
from tests.matrix.rounds import arrange, playable
from tests.matrix.steps import STEPS
from tests.matrix.wire import Call, Mode, name_aws_call, name_kubernetes_call, refusal


def test_no_cell_is_forgotten_or_played_twice() -> None:
    cells = all_cells()
    played = [cell.name for item in arrange(cells) for cell in item.cells]
    assert sorted(played) == sorted(cell.name for cell in cells)
    assert max(Counter(played).values()) == 1


def test_every_phase_that_is_struck_is_reached() -> None:
    for item in arrange(all_cells()):
        assert {cell.step.phase for cell in item.cells} <= set(item.phases)
        assert len({cell.step.phase for cell in item.cells}) == len(item.cells)
        assert {(cell.store, cell.kind) for cell in item.cells} == {(item.store, item.kind)}


def test_every_step_and_every_cause_has_cells() -> None:
    assert set(AT) == {step.name for step in STEPS}
    assert {cause.name for causes in AT.values() for cause in causes} == {cause.name for cause in CAUSES}
    possible, unplayed = playable(all_cells(), disks=False)
    assert len(possible) >= FEWEST, "a user who may not mount a disk must have enough cells too"
    assert {cell.cause.disk for cell in unplayed} == {"state", "evidence"}


def test_nothing_strikes_where_the_step_has_nothing_of_it() -> None:
    for step in STEPS:
        assert step.call or step.says, f"{step.name} can't be recognized"
        assert step.plugin or WORKER not in AT[step.name]
        assert step.database or not set(DATABASE) & set(AT[step.name])


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("/apis/apps/v1/namespaces/shop/deployments/api?fieldManager=x", "PATCH deployments"),
        ("/apis/apps/v1/namespaces/shop/deployments/api?dryRun=All", "DRY PATCH deployments"),
        ("/api/v1/namespaces/shop/pods/a:8080/proxy/health", "PATCH pods/proxy"),
        ("/version", "PATCH version"),
    ],
)
def test_a_call_to_the_cluster_is_known_by_its_resource(path: str, operation: str) -> None:
    assert name_kubernetes_call("PATCH", path, {}, b"") == Call("kubernetes", operation)


def test_a_call_to_aws_is_known_by_the_service_that_it_is_signed_for() -> None:
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=AKIA/20261122/us-east-1/{}/aws4_request, ..."}
    rds = {"Authorization": signed["Authorization"].format("rds")}
    s3 = {"Authorization": signed["Authorization"].format("s3")}
    assert name_aws_call("POST", "/", rds, b"Action=CreateDBSnapshot&Version=1") == Call("rds", "CreateDBSnapshot")
    assert name_aws_call("GET", "/bucket/key?versionId=1", s3, b"") == Call("s3", "GET /bucket/key")


@pytest.mark.parametrize("service", ["rds", "s3", "secretsmanager", "kubernetes"])
def test_a_refusal_says_what_was_refused(service: str) -> None:
    status, _, body = refusal(Call(service, "GET things"), Mode.REFUSES)
    assert status >= 400
    assert b"GET things" in body or b"things" in body
