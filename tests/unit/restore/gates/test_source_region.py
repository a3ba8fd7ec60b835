"""The gates where the source is in another region: who writes there is seen, or a person answers for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from restore.errors import Problem, TemporaryError
from restore.gates import quiesced, switched
from restore.model.inventory import Inventory
from restore.model.rds import Instance
from restore.model.region import SourceRegion
from restore.model.request import Request, Traffic
from tests.support.gate_worlds import PROVED, QUIET, WRITER, Databases, Quiet, Rds, Stage, stage
from tests.support.worlds import FROZEN, LATEST, PITR, SOURCE_HOST, asked, backup, candidate, instance, inventory

HERE = "us-west-2"
REASON = "the network team has cut the region off"
UNFENCED = "quiesced.unfenced:us-east-1"
SILENCE = TemporaryError.of(
    Problem("AWS rds", "no answer: Connect timeout", "an answer", "aws sts get-caller-identity")
)


class Silent:
    """RDS of a region that is lost."""

    def find_instance(self, _identifier: str) -> Instance | None:
        raise SILENCE

    def find_instance_by_resource_id(self, _resource_id: str) -> Instance | None:
        raise SILENCE


@pytest.fixture
def databases(monkeypatch: pytest.MonkeyPatch) -> Databases:
    databases = Databases()
    databases.install(monkeypatch)
    return databases


def world(*, answers: bool, **changes: Any) -> Inventory:
    region = SourceRegion("us-east-1", "" if answers else "no answer: Connect timeout")
    replicated = backup(arn=f"arn:aws:rds:{HERE}:123456789012:auto-backup:ab-1", status="replicating")
    found = {"source": instance() if answers else None, "source_region": region, "backups": (replicated,)}
    return inventory(**{**found, "cluster": FROZEN, **changes})


def at_the_gate(
    folder: Path, request: Request, found: Inventory, waive: Mapping[str, str], *, now_silent: bool | None = None
) -> Stage:
    """`now_silent`: whether the region answers when the gate asks; else as in the preview."""
    given = {
        "instanceClass": "db.r6g.large",
        "dbSubnetGroupName": "subnets",
        "vpcSecurityGroupIds": ("sg-1",),
        "parameterGroupName": "default.postgres17",
    }
    changes: dict[str, Any] = {"region": HERE, "source_region": "us-east-1", "instance": given, "waive": waive}
    at = stage(request, found, folder, **changes)
    silent = found.source is None if now_silent is None else now_silent
    there = Silent() if silent else Rds([instance()])
    at.rds.instances = [one for one in at.rds.instances if one.identifier != "shop"]
    return replace(at, context=replace(at.context, source_rds=cast("Any", there)))


def test_a_region_that_goes_dark_after_the_preview_shuts_the_freeze_by_name(
    databases: Databases, tmp_path: Path
) -> None:
    at = at_the_gate(tmp_path, PITR, world(answers=True), {}, now_silent=True)
    assert at.prove("quiesced", quiesced.prove) is not None
    assert at.problems.keys() == {UNFENCED}
    assert databases.asked == [], "nobody waits for a database of a lost region"


def test_a_person_who_answers_for_the_writers_opens_the_freeze(databases: Databases, tmp_path: Path) -> None:
    del databases
    at = at_the_gate(tmp_path, PITR, world(answers=False), {UNFENCED: REASON})
    assert at.prove("quiesced", quiesced.prove) is None
    assert at.last["waived"] == {UNFENCED: REASON}


def test_a_writer_of_the_other_region_is_seen_while_its_database_answers(databases: Databases, tmp_path: Path) -> None:
    databases.rest = Quiet((WRITER,), (), databases.rest.first, databases.rest.last)
    at = at_the_gate(tmp_path, PITR, world(answers=True), {})
    assert at.prove("quiesced", quiesced.prove) is not None
    assert "quiesced.sessions" in at.problems
    assert databases.asked == [SOURCE_HOST]


def test_latest_waits_for_what_arrives_here_and_not_for_the_source(databases: Databases, tmp_path: Path) -> None:
    del databases
    at = at_the_gate(tmp_path, LATEST, world(answers=True), {})
    behind = backup(latest=QUIET.first.at - timedelta(minutes=5))
    at.rds.windows = (behind,)
    assert at.prove("quiesced", quiesced.prove) is not None
    assert at.problems.keys() == {"quiesced.latest"}


def switching(folder: Path, waive: Mapping[str, str], *, answers: bool, now_silent: bool | None = None) -> Stage:
    found = world(answers=answers, candidate=candidate(), open_restores=(candidate(),))
    return at_the_gate(folder, asked(traffic=Traffic.RESTORED), found, waive, now_silent=now_silent)


def test_the_word_that_was_given_at_the_freeze_holds_at_the_switch(databases: Databases, tmp_path: Path) -> None:
    del databases
    at = switching(tmp_path, {UNFENCED: REASON}, answers=False)
    assert at.prove("switched", switched.prove, receipt=PROVED) is None


def test_a_region_that_goes_dark_before_the_switch_shuts_it_and_never_holds_it_up(
    databases: Databases, tmp_path: Path
) -> None:
    del databases
    at = switching(tmp_path, {}, answers=True, now_silent=True)
    assert at.prove("switched", switched.prove, receipt=PROVED) is not None
    assert at.problems.keys() == {"switched.unfenced:us-east-1"}
    assert at.prove("switched", switched.prove, receipt=PROVED) is not None
    known = switching(tmp_path / "b", {"switched.unfenced:us-east-1": REASON}, answers=True, now_silent=True)
    assert known.prove("switched", switched.prove, receipt=PROVED) is None
