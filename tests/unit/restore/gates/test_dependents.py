"""What depends on the source follows only what this restore found there; nothing of it keeps applications down."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from restore.aws import dependents as reads
from restore.aws import follow
from restore.dependents import following
from restore.errors import PermanentError, Problem, TemporaryError
from restore.gates import dependents, serving
from restore.model.dependents import BackupSelection, Dependent, DependentKind, Dependents, Follow, KnownBy
from restore.model.request import Traffic
from sandbox.machine.layout import CHECKOUT
from tests.support import worlds
from tests.support.gate_worlds import KNOWN, Databases, Stage, of_pods, resumed
from tests.support.report_records import assembled
from tests.support.worlds import CANDIDATE_HOST, SOURCE_HOST

K = DependentKind
PLACE = "p-1 arn:role"
SOURCES = {
    K.PROXY: Dependent(K.PROXY, "shop", KnownBy.IDENTIFIER),
    K.ALARM: Dependent(K.ALARM, "db-cpu", KnownBy.IDENTIFIER),
    K.EVENT_SUBSCRIPTION: Dependent(K.EVENT_SUBSCRIPTION, "failures", KnownBy.IDENTIFIER),
    K.BACKUP_SELECTION: Dependent(K.BACKUP_SELECTION, "daily/databases", KnownBy.ARN, PLACE),
}
ALL = ["proxy/shop", "alarm/db-cpu", "event-subscription/failures", "backup-selection/daily/databases"]
DENIED = PermanentError.of(Problem("AWS cloudwatch:DescribeAlarms", "AccessDenied: no", "a right", "pulumi up"))


class Account:
    """What points where; every change that was asked for, as (operation, name, former, serving)."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.pointing = dict(SOURCES)
        self.selections: list[BackupSelection] = []
        self.refused: dict[str, BaseException] = {}
        self.unasked: dict[DependentKind, Exception] = {}
        patch.setattr(dependents, "FINDERS", {kind: self.finder(kind) for kind in SOURCES})
        for name in ("point_proxy", "point_alarm", "point_event_subscription", "add_selection", "remove_selection"):
            patch.setattr(follow, name, self.change(name))
        patch.setattr(reads, "read_selections", lambda _aws: self.selections)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]

    def finder(self, kind: DependentKind) -> Callable[..., list[Dependent]]:
        def find(*_: object) -> list[Dependent]:
            if kind in self.unasked:
                raise self.unasked[kind]
            return [self.pointing[kind]] if kind in self.pointing else []

        return find

    def change(self, name: str) -> Callable[..., bool]:
        def work(_aws: object, *arguments: object) -> bool:
            if name in self.refused:
                raise self.refused[name]
            self.calls.append((name, *(getattr(item, "identifier", item) for item in arguments)))  # pyright: ignore[reportArgumentType]
            return True

        return work


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    Databases(there={CANDIDATE_HOST: of_pods("api", "indexer"), SOURCE_HOST: of_pods("api", "indexer")}).install(
        monkeypatch
    )
    monkeypatch.setattr(serving, "find_elsewhere_problems", lambda *_: [])  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    return Account(monkeypatch)


def at(traffic: Traffic, folder: Path, **changes: Any) -> Stage:
    return resumed(traffic, folder, **{"dependents": Follow.FOLLOW, **changes})


def test_everything_that_points_to_the_source_follows_the_switch(account: Account, tmp_path: Path) -> None:
    stage = at(Traffic.RESTORED, tmp_path)
    assert stage.prove("serving", serving.prove) is None
    assert account.calls == [
        ("point_proxy", "shop", "shop", "shop-inc-1"),
        ("point_alarm", "db-cpu", "shop", "shop-inc-1"),
        ("point_event_subscription", "failures", "shop", "shop-inc-1"),
        ("add_selection", "p-1", "arn:role", "restore-inc-1", "shop-inc-1"),
    ]
    assert stage.last["facts"]["repointed"] == ALL


def test_the_record_comes_before_the_first_change(account: Account, tmp_path: Path) -> None:
    """By it alone the way back of a run that was killed in between knows what was moved."""
    account.refused = {"point_proxy": KeyboardInterrupt()}
    stage = at(Traffic.RESTORED, tmp_path)
    assert stage.prove("serving", serving.prove)
    assert account.calls == []
    records = list(stage.context.store.read_newest_first("prod", "inc-1", following.STEP))
    assert [item.key for item in following.parse_records(records)] == ALL


def test_the_way_back_takes_along_what_this_restore_moved_and_nothing_else(account: Account, tmp_path: Path) -> None:
    forth = at(Traffic.RESTORED, tmp_path)
    assert forth.prove("serving", serving.prove) is None
    account.calls.clear()
    account.pointing[K.ALARM] = Dependent(K.ALARM, "alarm-of-the-candidate-s-own", KnownBy.IDENTIFIER)
    assert at(Traffic.SOURCE, tmp_path).prove("serving", serving.prove) is None
    assert account.calls == [
        ("point_proxy", "shop", "shop-inc-1", "shop"),
        ("point_alarm", "db-cpu", "shop-inc-1", "shop"),
        ("point_event_subscription", "failures", "shop-inc-1", "shop"),
        ("remove_selection", "p-1", "restore-inc-1", "shop-inc-1"),
    ]


def test_a_source_that_is_gone_still_has_its_alarms(account: Account, tmp_path: Path) -> None:
    """Its last state is no reason to watch nothing."""
    stage = at(Traffic.RESTORED, tmp_path)
    stage.rds.instances = [one for one in stage.rds.instances if one.identifier != "shop"]
    assert stage.prove("serving", serving.prove) is None
    assert ("point_alarm", "db-cpu", "shop", "shop-inc-1") in account.calls


def test_a_way_back_of_a_restore_that_moved_nothing_touches_nothing(account: Account, tmp_path: Path) -> None:
    assert at(Traffic.SOURCE, tmp_path).prove("serving", serving.prove) is None
    assert account.calls == []


def test_a_proxy_that_was_left_without_a_target_is_gone_on_with(account: Account, tmp_path: Path) -> None:
    account.refused = {"point_proxy": TemporaryError("killed")}
    assert at(Traffic.RESTORED, tmp_path).prove("serving", serving.prove)
    account.refused, account.pointing = {}, {}
    account.calls.clear()
    assert at(Traffic.RESTORED, tmp_path).prove("serving", serving.prove) is None
    assert account.calls == [("point_proxy", "shop", "shop", "shop-inc-1")]


def test_what_can_not_follow_is_one_problem_with_its_command_and_the_others_follow(
    account: Account, tmp_path: Path
) -> None:
    account.refused = {"point_alarm": DENIED}
    stage = at(Traffic.RESTORED, tmp_path)
    assert stage.prove("serving", serving.prove)
    (problem,) = stage.problems.values()
    assert problem["subject"] == "serving.dependent:alarm/db-cpu"
    assert problem["fix"].startswith("aws cloudwatch describe-alarms --alarm-names db-cpu")
    assert [call[0] for call in account.calls] == ["point_proxy", "point_event_subscription", "add_selection"]
    waived = at(Traffic.RESTORED, tmp_path, waive={"serving.dependent:alarm/db-cpu": KNOWN})
    assert waived.prove("serving", serving.prove) is None


def test_a_kind_that_can_not_be_asked_is_a_problem_and_not_none(account: Account, tmp_path: Path) -> None:
    account.unasked = {K.ALARM: DENIED}
    stage = at(Traffic.RESTORED, tmp_path)
    assert stage.prove("serving", serving.prove)
    assert set(stage.problems) == {"serving.dependent:alarm"}


def test_listed_dependents_are_never_touched(account: Account, tmp_path: Path) -> None:
    assert at(Traffic.RESTORED, tmp_path, dependents=Follow.LIST).prove("serving", serving.prove) is None
    assert account.calls == []


def test_selections_by_tags_are_left_to_the_tags(account: Account, tmp_path: Path) -> None:
    account.pointing = {K.BACKUP_SELECTION: Dependent(K.BACKUP_SELECTION, "daily/all", KnownBy.TAGS, PLACE)}
    assert at(Traffic.RESTORED, tmp_path).prove("serving", serving.prove) is None
    assert account.calls == []


def backed_up(folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Stage:
    """The source was found in a backup plan."""
    found = Dependents((SOURCES[K.BACKUP_SELECTION],))
    restored = worlds.restored
    monkeypatch.setattr(worlds, "restored", lambda **more: restored(**{"dependents": found, **more}))  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    return at(Traffic.RESTORED, folder, dependents=Follow.LIST, **changes)


def test_a_new_production_in_no_backup_plan_is_not_called_safe(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_source = BackupSelection("p-1", "daily", "s-1", "databases", "arn:role", resources=(worlds.instance().arn,))
    account.selections = [only_source]
    stage = backed_up(tmp_path, monkeypatch)
    assert stage.prove("serving", serving.prove)
    assert set(stage.problems) == {"serving.backup-plan"}
    account.selections = [only_source, BackupSelection("p-1", "daily", "s-2", "new", "arn:role", resources=("*",))]
    assert stage.prove("serving", serving.prove) is None


def test_another_plan_than_the_source_s_is_not_its_backup(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.selections = [BackupSelection("p-2", "yearly", "s-2", "all", "arn:role", resources=("*",))]
    waived = backed_up(tmp_path, monkeypatch, waive={"serving.backup-plan": KNOWN})
    assert waived.prove("serving", serving.prove) is None
    assert set(waived.last["waived"]) == {"serving.backup-plan"}


def test_what_is_recorded_keeps_to_the_documented_schema(account: Account, tmp_path: Path) -> None:
    schema = json.loads((CHECKOUT / "docs" / "evidence.md").read_text().partition("```json\n")[2].partition("```")[0])
    stage = at(Traffic.RESTORED, tmp_path)
    assert stage.prove("serving", serving.prove) is None
    records = list(stage.context.store.read_newest_first("prod", "inc-1", following.STEP))
    validator: Any = jsonschema.Draft202012Validator(schema)
    assert [error.message for error in validator.iter_errors(assembled(records))] == []
    assert records[0]["planned"][0] == {"kind": "proxy", "name": "shop", "place": ""}
