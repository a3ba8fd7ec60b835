"""Gate `conformed`: an instance that isn't what the source was never serves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from restore.errors import PermanentError, Problem
from restore.gates import conformed
from restore.model.rds import InstanceSettings
from restore.model.rds_status import USABLE
from tests.support.gate_worlds import Stage, stage
from tests.support.worlds import FROZEN, SOURCE_SETTINGS, asked, candidate, instance, restored

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

    def ignored(*_: object) -> None:
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


def test_a_modification_that_rds_refuses_is_told_with_its_own_way_out(tmp_path: Path) -> None:
    at = made(tmp_path, replace(WANTED, multi_az=False))

    def refuses(*_: object) -> None:
        raise PermanentError.of(
            Problem("rds:ModifyDBInstance", "AccessDenied", "the right", "aws sts get-caller-identity")
        )

    at.rds.modify = refuses  # type: ignore[method-assign]
    assert refused(at)["conformed.unproved"].startswith("aws sts get-caller-identity; pulumi up")
