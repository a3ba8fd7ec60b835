"""Gate `conformed`: an instance that isn't what the source was never serves."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from restore import postgres
from restore.errors import PermanentError, Problem, RestoreError, TemporaryError
from restore.gates import conformed
from restore.model.rds import InstanceSettings
from restore.model.rds_status import USABLE
from restore.model.request import Traffic
from restore.postgres.errors import LOGIN_PAGE
from tests.support.gate_worlds import Stage, stage
from tests.support.worlds import FROZEN, SOURCE_SETTINGS, SWITCHED, asked, candidate, instance, restored

WANTED = replace(SOURCE_SETTINGS, deletion_protection=True)


def made(folder: Path, settings: InstanceSettings = WANTED, **changes: Any) -> Stage:
    found = restored(cluster=FROZEN, candidate=candidate(settings=settings, **changes))
    return stage(asked(), found, folder)


def refused(at: Stage) -> dict[str, str]:
    """The fixes by subject of a gate that stays shut."""
    assert at.prove("conformed", conformed.prove) is not None
    return {subject: problem["fix"] for subject, problem in at.problems.items()}


def test_an_instance_like_the_source_is_not_modified(tmp_path: Path) -> None:
    at = made(tmp_path)
    assert at.prove("conformed", conformed.prove) is None
    assert at.rds.modified == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("multi_az", False), ("backup_retention_period", 1), ("parameter_group_name", "default.postgres17")],
)
def test_a_setting_that_rds_does_not_take_is_named_with_the_key_that_lets_it_be(
    tmp_path: Path, name: str, value: object
) -> None:
    at = made(tmp_path, replace(WANTED, **{name: value}))  # pyright: ignore[reportArgumentType]

    def ignored(*_: object, **__: object) -> None:
        at.rds.modified.append(("", WANTED))

    at.rds.modify = ignored  # type: ignore[method-assign]
    (subject,) = refused(at)
    assert at.rds.modified
    key = subject.removeprefix("conformed.")
    assert key.replace("_", "").lower() == name.replace("_", "")
    assert refused(at)[subject].startswith(f"pulumi config set --path instance.{key} <value>")
    assert repr(value) in at.problems[subject]["found"]


@pytest.mark.parametrize("changes", [{"status": "creating"}, {"endpoint": None}])
def test_an_instance_that_does_not_answer_yet_is_not_conformed(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert refused(made(tmp_path, **changes)).keys() == {"conformed.unproved"}


@pytest.mark.parametrize("status", sorted(USABLE))
def test_an_instance_that_can_be_used_is_not_waited_for(tmp_path: Path, status: str) -> None:
    assert made(tmp_path, status=status).prove("conformed", conformed.prove) is None


def test_a_candidate_that_is_gone_is_made_again_by_the_command_in_the_message(tmp_path: Path) -> None:
    at = made(tmp_path)
    at.rds.instances = [instance()]
    fixes = refused(at)
    assert fixes["conformed.unproved"].startswith("pulumi refresh --yes --target '**candidate-inc-1'; pulumi up")


def test_an_instance_of_somebody_else_under_the_candidate_s_name_is_let_be(tmp_path: Path) -> None:
    at = made(tmp_path, replace(WANTED, multi_az=False))
    at.rds.instances = [instance(), candidate(settings=replace(WANTED, multi_az=False), tags={"team": "other"})]
    fixes = refused(at)
    assert fixes["conformed.unproved"].startswith("pulumi config set id <another id>")
    assert at.rds.modified == []


def denied(*_: object, **__: object) -> None:
    raise PermanentError.of(Problem("rds:ModifyDBInstance", "AccessDenied", "the right", "aws sts get-caller-identity"))


def test_a_modification_that_rds_refuses_is_told_as_that_setting_s(tmp_path: Path) -> None:
    at = made(tmp_path, replace(WANTED, multi_az=False))
    at.rds.modify = denied  # type: ignore[method-assign]
    assert refused(at).keys() == {"conformed.multiAz"}
    assert "False; RDS didn't change it: AccessDenied" in at.problems["conformed.multiAz"]["found"]


def test_one_refused_setting_does_not_keep_the_others_from_being_brought_in_line(tmp_path: Path) -> None:
    at = made(tmp_path, replace(WANTED, multi_az=False, backup_retention_period=1, max_allocated_storage=1))
    change = at.rds.modify

    def picky(resource_id: str, wanted: InstanceSettings, **_: object) -> None:
        if wanted.multi_az is not None:
            denied()
        change(resource_id, wanted)

    at.rds.modify = picky  # type: ignore[method-assign]
    assert refused(at).keys() == {"conformed.multiAz"}
    sent = [{item.name for item in fields(one) if getattr(one, item.name)} for _, one in at.rds.modified]
    assert sorted(map(sorted, sent)) == [["backup_retention_period"], ["max_allocated_storage"]]


def test_a_waived_setting_is_neither_changed_nor_waited_for(tmp_path: Path) -> None:
    different = replace(WANTED, multi_az=False, backup_retention_period=1)
    at = made(tmp_path, different)
    at.context = replace(
        at.context, settings=replace(at.context.settings, waive={"conformed.multiAz": "one zone is enough for a week"})
    )
    assert at.prove("conformed", conformed.prove) is None
    assert [one for _, one in at.rds.modified] == [InstanceSettings(backup_retention_period=7)]
    assert at.last["waived"] == {"conformed.multiAz": "one zone is enough for a week"}


def test_a_waived_gate_modifies_nothing(tmp_path: Path) -> None:
    at = made(tmp_path, replace(WANTED, multi_az=False))
    at.context = replace(at.context, settings=replace(at.context.settings, waive={"conformed": "the backup lasts"}))
    assert at.prove("conformed", conformed.prove) is None
    assert at.rds.modified == []


@pytest.mark.parametrize("waived", ["conformed", "conformed.backupRetentionPeriod"])
def test_no_waiver_leaves_a_restored_database_without_automated_backups(tmp_path: Path, waived: str) -> None:
    at = made(tmp_path, replace(WANTED, backup_retention_period=0))
    at.context = replace(at.context, settings=replace(at.context.settings, waive={waived: "in a hurry"}))
    assert at.prove("conformed", conformed.prove) is None
    assert [settings for _, settings in at.rds.modified] == [InstanceSettings(backup_retention_period=7)]


def test_backups_that_were_wanted_off_stay_off(tmp_path: Path) -> None:
    off = replace(SOURCE_SETTINGS, backup_retention_period=0)
    found = restored(source=instance(settings=off), cluster=FROZEN, candidate=candidate(settings=off))
    at = stage(asked(), found, tmp_path)
    assert at.prove("conformed", conformed.prove) is None
    assert at.rds.modified == []


def test_backups_are_switched_on_with_all_else_in_one_call(tmp_path: Path) -> None:
    at = made(tmp_path, replace(WANTED, backup_retention_period=0, max_allocated_storage=1))
    assert at.prove("conformed", conformed.prove) is None
    assert len(at.rds.modified) == 1


def test_what_rds_takes_call_by_call_is_not_held_up_by_the_first_backup(tmp_path: Path) -> None:
    at = made(tmp_path, replace(WANTED, multi_az=False, backup_retention_period=0, max_allocated_storage=1))
    change = at.rds.modify

    def picky(resource_id: str, wanted: InstanceSettings, **_: object) -> None:
        if wanted.multi_az is not None and wanted.max_allocated_storage is not None:
            denied()
        change(resource_id, wanted)

    at.rds.modify = picky  # type: ignore[method-assign]
    assert at.prove("conformed", conformed.prove) is None
    assert at.rds.modified[-1][1] == InstanceSettings(backup_retention_period=7)


def test_a_first_backup_that_holds_up_a_modification_is_told_with_the_way_on() -> None:
    busy = TemporaryError("AWS rds:ModifyDBInstance: InvalidDBInstanceState: Database instance is not available")
    said = conformed.describe_wait(candidate(status="backing-up"), ["multi_az", "iops"], busy)
    assert "waiting to change multiAz, iops" in said
    assert "pulumi config set --plaintext --path 'waive[\"conformed\"]'" in said
    assert "is modifying; waiting to change iops: AWS" in conformed.describe_wait(
        candidate(status="modifying"), ["iops"], busy
    )


def test_a_role_that_no_restore_takes_along_is_associated(tmp_path: Path) -> None:
    role = "s3Export=arn:aws:iam::123456789012:role/export"
    source = instance(settings=replace(WANTED, associated_roles=(role,)))
    at = stage(asked(), restored(source=source, cluster=FROZEN, candidate=candidate()), tmp_path)
    assert at.prove("conformed", conformed.prove) is None
    assert at.rds.roles == [("db-CANDIDATE", role)]


def test_static_parameters_count_before_anything_is_validated(tmp_path: Path) -> None:
    at = made(tmp_path, parameters_pending_reboot=True)
    assert at.prove("conformed", conformed.prove) is None
    assert at.rds.rebooted == ["db-CANDIDATE"]


def test_a_reboot_that_rds_refuses_is_told_with_its_command(tmp_path: Path) -> None:
    at = made(tmp_path, parameters_pending_reboot=True)
    at.rds.reboot = denied  # type: ignore[method-assign]
    assert refused(at)["conformed.pendingReboot"].startswith("aws rds reboot-db-instance")


def test_production_is_never_rebooted(tmp_path: Path) -> None:
    serves = restored(cluster=SWITCHED, candidate=candidate(parameters_pending_reboot=True))
    at = stage(asked(traffic=Traffic.RESTORED), serves, tmp_path)
    assert refused(at).keys() == {"conformed.pendingReboot"}
    assert at.rds.rebooted == []


# The operator's login


WRONG_PASSWORD = PermanentError.of(
    Problem("PostgreSQL", 'FATAL:  password authentication failed for user "admin"', "a login", LOGIN_PAGE)
)


def rotated(folder: Path, patch: pytest.MonkeyPatch, error: RestoreError = WRONG_PASSWORD, **changes: Any) -> Stage:
    """A candidate that refuses the operator until a password is set on it."""
    settings = changes.pop("settings", WANTED)
    at = made(folder, settings, **{"master_user": "admin", **changes})

    @contextmanager
    def connect(*_: object) -> Generator[None]:
        if not at.rds.passwords:
            raise error
        yield

    patch.setattr(postgres, "connect", connect)
    return at


def test_a_master_password_that_rds_has_rotated_is_set_on_the_candidate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = rotated(tmp_path, monkeypatch)
    assert at.prove("conformed", conformed.prove) is None
    assert at.rds.passwords == {"db-CANDIDATE": "operators-password"}


def test_the_operator_s_password_is_set_before_backups_are_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RDS takes no modification during the first backup, which can last for hours."""
    at = rotated(tmp_path, monkeypatch, settings=replace(WANTED, backup_retention_period=0))
    modify = at.rds.modify

    def once_the_operator_is_in(resource_id: str, desired: InstanceSettings, **_: object) -> None:
        assert at.rds.passwords
        modify(resource_id, desired)

    at.rds.modify = once_the_operator_is_in  # type: ignore[method-assign]
    assert at.prove("conformed", conformed.prove) is None
    assert at.rds.modified


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"master_user": "somebody"}, WRONG_PASSWORD),
        ({}, TemporaryError.of(Problem("PostgreSQL", "connection refused", "an answer", LOGIN_PAGE))),
    ],
)
def test_a_password_is_set_only_where_it_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], error: RestoreError
) -> None:
    at = rotated(tmp_path, monkeypatch, error)
    at.rds.instances = [replace(one, **changes) for one in at.rds.instances]
    assert at.prove("conformed", conformed.prove) is None
    assert at.rds.passwords == {}


def test_the_password_of_production_is_never_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rotated(tmp_path, monkeypatch)
    serves = restored(cluster=SWITCHED, candidate=candidate(master_user="admin"))
    at = stage(asked(traffic=Traffic.RESTORED), serves, tmp_path)
    assert at.prove("conformed", conformed.prove) is None
    assert at.rds.passwords == {}


def test_a_password_that_rds_does_not_take_is_a_problem_with_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = rotated(tmp_path, monkeypatch)
    at.rds.set_master_password = denied  # type: ignore[method-assign]
    assert refused(at)["conformed.login"].startswith("aws sts get-caller-identity")
