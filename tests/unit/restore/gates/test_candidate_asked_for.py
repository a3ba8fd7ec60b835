"""A restore has one instance, made from the one recovery point that it was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from restore.errors import PermanentError
from restore.gates.context import GateContext
from restore.model.labels import TAG_POINT, TAG_STACK
from restore.model.rds import Instance
from tests.support import gate_worlds as g
from tests.support import worlds as w


@dataclass
class Rds:
    """RDS in which somebody else's restore may become visible with our own call."""

    listed: list[Instance | None]
    """What each look sees, then the last for ever."""
    accepts: bool
    asked: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])

    def find_instance(self, identifier: str) -> Instance | None:
        assert identifier == w.candidate().identifier
        return self.listed.pop(0) if len(self.listed) > 1 else self.listed[0]

    def restore(self, parameters: Mapping[str, Any]) -> bool:
        self.asked.append(parameters)
        return self.accepts


def ask(folder: Path, rds: Any) -> tuple[GateContext, Any]:
    context = g.stage(w.PITR, w.inventory(), folder).context
    return replace(context, rds=rds), rds


def tagged(context: GateContext, **changes: str) -> Instance:
    names = {"point": TAG_POINT, "stack": TAG_STACK}
    return w.candidate(tags={**context.plan.tags, **{names[name]: value for name, value in changes.items()}})


def test_an_answer_that_was_lost_makes_no_second_instance(tmp_path: Path) -> None:
    context, rds = ask(tmp_path, Rds([None], accepts=False))
    rds.listed = [None, tagged(context)]
    assert context.ask_for_candidate() == tagged(context)
    assert len(rds.asked) == 1


@pytest.mark.parametrize("accepts", [True, False])
def test_what_another_run_had_made_from_another_moment_is_not_this_restore(tmp_path: Path, accepts: bool) -> None:
    """Two people with one id and two times; or the time was changed right after a kill, before RDS listed the
    instance."""
    context, rds = ask(tmp_path, Rds([None], accepts=accepts))
    rds.listed = [None, tagged(context, point="pitr:2026-11-22T13:00:00Z")]
    with pytest.raises(PermanentError, match="13:00:00Z"):
        context.ask_for_candidate()


def test_somebody_else_s_instance_of_that_name_is_not_taken(tmp_path: Path) -> None:
    context, rds = ask(tmp_path, Rds([None], accepts=False))
    rds.listed = [None, tagged(context, stack="staging")]
    with pytest.raises(PermanentError, match="somebody else's"):
        context.ask_for_candidate()
