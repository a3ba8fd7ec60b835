"""A deletion that is killed anywhere is finished by the next run, with one final snapshot, and touches nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from restore.aws.metrics import Measured
from restore.errors import PermanentError, Refused, RestoreError
from restore.evidence import Store
from restore.model.labels import TAG_CLOSED
from restore.model.rds import AutomatedBackup, Instance, InstanceSettings, Snapshot
from restore.retire.run import STEP, Retiring
from sandbox.machine.layout import CHECKOUT
from tests.support import worlds as w

CLOSED = w.candidate(tags={**w.candidate().tags, TAG_CLOSED: "2026-11-01T00:00:00Z"})
HOURS = tuple(Measured(0, w.NOW - timedelta(hours=hour)) for hour in range(1, 7 * 24 + 1))
FINAL = "shop-inc-1-final-20261122t150000z"


class Killed(Exception):
    """The process was ended at this call."""


@dataclass
class FakeRds:
    """Two instances; a deletion takes as long as it is looked at twice."""

    listed: dict[str, Instance] = field(default_factory=lambda: {"db-SOURCE": w.instance(), "db-CANDIDATE": CLOSED})
    made: dict[str, Snapshot] = field(default_factory=dict[str, Snapshot])
    calls: list[str] = field(default_factory=list[str])
    looks_left: int = 2
    kill_after: str = ""
    kill_before: str = ""

    def list_instances(self) -> tuple[Instance, ...]:
        return tuple(self.listed.values())

    def find_instance_by_resource_id(self, resource_id: str) -> Instance | None:
        item = self.listed.get(resource_id)
        if item and item.status == "deleting":
            self.looks_left -= 1
            if self.looks_left <= 0:
                del self.listed[resource_id]
        return item

    def find_snapshot(self, identifier: str) -> Snapshot | None:
        return self.made.get(identifier)

    def list_snapshots(self, *, resource_id: str | None = None) -> tuple[Snapshot, ...]:
        return tuple(item for item in self.made.values() if item.source_resource_id == resource_id)

    def list_automated_backups(self, *, resource_id: str | None = None) -> tuple[AutomatedBackup, ...]:
        return ()

    def add_tags(self, arn: str, tags: Mapping[str, str]) -> None:
        resource_id = next(item.resource_id for item in self.listed.values() if item.arn == arn)
        self._call("tag", resource_id, lambda item: replace(item, tags={**item.tags, **tags}))

    def modify(self, resource_id: str, desired: InstanceSettings) -> Mapping[str, Any]:
        assert desired == InstanceSettings(deletion_protection=False)
        free = replace(self.listed[resource_id].settings, deletion_protection=False)
        self._call("modify", resource_id, lambda item: replace(item, settings=free))
        return {"DeletionProtection": False}

    def delete(self, resource_id: str, final_snapshot: str) -> None:
        assert self.listed[resource_id].settings.deletion_protection is False
        self.made[final_snapshot] = w.snapshot(final_snapshot, source_resource_id=resource_id, status="available")
        self._call("delete", resource_id, lambda item: replace(item, status="deleting"))

    def _call(self, name: str, resource_id: str, change: Callable[[Instance], Instance]) -> None:
        if self.kill_before == name:
            raise Killed
        self.calls.append(f"{name} {resource_id}")
        self.listed[resource_id] = change(self.listed[resource_id])
        if self.kill_after == name:
            raise Killed


def retiring(rds: FakeRds, folder: Path, resource_id: str = "db-CANDIDATE", **changes: Any) -> Retiring:
    base = Retiring(
        settings=w.settings(None),
        resource_id=resource_id,
        days=7,
        not_asked="",
        rds=rds,
        store=Store.open(str(folder)),
        read=lambda: w.inventory(candidate=None, open_restores=()),
        measure=lambda _instance, _since: HOURS,
        operator={"user": "on-call", "host": "laptop", "aws": "arn"},
        clock=lambda: w.NOW,
        say=lambda _: None,
        longest=0.0,
    )
    return replace(base, **changes)


def records(folder: Path) -> list[Mapping[str, Any]]:
    return [record for record in Store.open(str(folder)).read_all("prod", "inc-1") if record["step"] == STEP]


def yes(_: str) -> bool:
    return True


def no(_: str) -> bool:
    return False


def test_the_tag_comes_first_and_the_protection_is_lifted_for_it_alone(tmp_path: Path) -> None:
    rds = FakeRds()
    assert retiring(rds, tmp_path).run(yes)
    assert rds.calls == ["tag db-CANDIDATE", "modify db-CANDIDATE", "delete db-CANDIDATE"]
    assert list(rds.listed) == ["db-SOURCE"]
    assert rds.listed["db-SOURCE"] == w.instance()
    begun, ended = records(tmp_path)
    assert (begun["ended"], ended["ended"]) == (None, w.NOW.isoformat())
    assert begun["final_snapshot"] == ended["final_snapshot"] == FINAL


def test_the_deletion_is_recorded_as_the_schema_says(tmp_path: Path) -> None:
    assert retiring(FakeRds(), tmp_path).run(yes)
    schema = json.loads((CHECKOUT / "docs" / "evidence.md").read_text().partition("```json\n")[2].partition("```")[0])
    document = json.loads((tmp_path / "prod" / "inc-1" / "evidence.json").read_text())
    validator: Any = jsonschema.Draft202012Validator(schema)
    assert [record["step"] for record in document["records"]] == [STEP, STEP]
    assert [error.message for error in validator.iter_errors(document)] == []
    del document["records"][1]["final_snapshot"]
    assert list(validator.iter_errors(document))


def test_without_a_yes_nothing_is_touched(tmp_path: Path) -> None:
    rds = FakeRds()
    assert not retiring(rds, tmp_path).run(no)
    assert (rds.calls, records(tmp_path)) == ([], [])


def test_what_changes_while_the_question_stands_is_seen(tmp_path: Path) -> None:
    rds = FakeRds()
    answers = iter([HOURS, (Measured(1, w.NOW), *HOURS)])

    def measure(*_: object) -> tuple[Measured, ...]:
        return next(answers)

    with pytest.raises(Refused, match="sessions"):
        retiring(rds, tmp_path, measure=measure).run(yes)
    assert rds.calls == []


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", ["tag", "modify", "delete"])
def test_a_killed_run_is_finished_by_the_next_with_one_final_snapshot(tmp_path: Path, call: str, moment: str) -> None:
    rds = FakeRds(kill_before=call) if moment == "before" else FakeRds(kill_after=call)
    with pytest.raises(Killed):
        retiring(rds, tmp_path).run(yes)
    rds.kill_after = rds.kill_before = ""
    if call == "delete" and moment == "before":
        rds.made.clear()  # the fake makes the snapshot before it is killed
    later = w.NOW + timedelta(minutes=9)
    again = retiring(rds, tmp_path, clock=lambda: later, read=lambda: w.inventory(now=later, open_restores=()))
    assert again.run(yes)
    assert (list(rds.listed), list(rds.made)) == (["db-SOURCE"], [FINAL if (call, moment) != ("tag", "before") else
                                                                  FINAL.replace("150000", "150900")])  # fmt: skip
    assert records(tmp_path)[-1]["ended"] == later.isoformat()
    written = len(records(tmp_path))
    assert again.run(yes)
    assert len(records(tmp_path)) == written


def test_a_tag_inherited_from_another_final_snapshot_does_not_name_this_one(tmp_path: Path) -> None:
    rds = FakeRds(made={"old-final": w.snapshot("old-final", source_resource_id="db-GONE")})
    rds.listed["db-CANDIDATE"] = replace(CLOSED, tags={**CLOSED.tags, "restore:final-snapshot": "old-final"})
    assert retiring(rds, tmp_path).run(yes)
    assert list(rds.made) == ["old-final", FINAL]


def test_a_name_in_place_of_the_resource_id_deletes_nothing(tmp_path: Path) -> None:
    rds = FakeRds()
    with pytest.raises(Refused, match="DbiResourceId"):
        retiring(rds, tmp_path, "shop-inc-1").run(yes)
    assert rds.calls == []


def test_cloudwatch_that_can_not_be_asked_is_no_proof_of_silence(tmp_path: Path) -> None:
    def denied(*_: object) -> tuple[Measured, ...]:
        raise PermanentError("AccessDenied")

    with pytest.raises(Refused, match="CloudWatch can't be asked"):
        retiring(FakeRds(), tmp_path, measure=denied).run(yes)


def test_a_final_snapshot_that_is_missing_is_never_called_done(tmp_path: Path) -> None:
    rds = FakeRds()

    def lose(_: str) -> None:
        rds.made.clear()

    with pytest.raises(RestoreError, match="no such snapshot"):
        retiring(rds, tmp_path, say=lose).run(yes)
    assert [record["ended"] for record in records(tmp_path)] == [None]
