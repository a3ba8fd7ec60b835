"""`close` empties the state that there is when it does so, not the one that there was when it asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from restore.cli import close
from restore.cutover.rollback import OwnConfig
from restore.model.request import Traffic
from tests.support.worlds import PITR, SWITCHED, asked, restored, settings

STACK: dict[str, Any] = {"type": "pulumi:pulumi:Stack", "outputs": {}}


class Stack:
    """A stack whose state an `up` changes while the question stands."""

    def __init__(self) -> None:
        self.serial = 1
        self.written: Mapping[str, Any] | None = None

    def read_config(self) -> dict[str, Any]:
        return {}

    def export(self) -> dict[str, Any]:
        return {"version": 3, "deployment": {"serial": self.serial, "resources": [STACK]}}

    def read_own_config(self) -> OwnConfig:
        return OwnConfig({})

    def replace_state(self, state: Mapping[str, Any]) -> None:
        self.written = state

    def set(self, change: Mapping[str, str], remove: list[str]) -> None:
        assert not remove


def answering(value: object) -> Callable[..., object]:
    def answer(*_: object, **__: object) -> object:
        return value

    return answer


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    request = asked(PITR, traffic=Traffic.RESTORED)
    found = restored(cluster=SWITCHED)
    monkeypatch.setattr(close, "read_settings", answering(settings(request)))
    monkeypatch.setattr(close.gather, "gather", answering(found))
    for name in ("hand_back", "record"):
        monkeypatch.setattr(close, name, answering(None))
    monkeypatch.setattr(close.Rds, "add_tags", answering(None))
    return Stack()


def test_an_up_during_the_question_is_not_undone_by_the_answer(stack: Stack) -> None:
    def confirm(text: str) -> bool:
        assert "Closing restore inc-1" in text
        stack.serial = 2
        return True

    assert close.run(stack, confirm)  # pyright: ignore[reportArgumentType]
    assert stack.written
    assert stack.written["deployment"]["serial"] == 2


def test_without_a_yes_nothing_is_written(stack: Stack) -> None:
    assert not close.run(stack, lambda _: False)  # pyright: ignore[reportArgumentType]
    assert stack.written is None
