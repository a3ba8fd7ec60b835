"""What the program registers for a plan, as the engine gets it, by Pulumi's own mocks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from pulumi.runtime import mocks
from pulumi.runtime.stack import run_pulumi_func

from restore.gates.hook import Gate, Proof, Running
from restore.gates.registry import PROOFS
from restore.model.planned import Plan
from restore.model.request import Settings
from restore.program import graph
from restore.program.receipts import Gates
from restore.program.restoration import Rds
from tests.support.worlds import candidate
from validation.verdict import Verdict


class Cloud(mocks.Mocks):
    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"the program must not invoke {args.token}")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        inputs = cast("dict[Any, Any]", args.inputs)  # pyright: ignore[reportUnknownMemberType]
        outputs = {"resourceId": f"db-of-{args.name}"} if args.typ.startswith("aws:rds/instance:") else {}
        return f"{args.name}-id", {**inputs, "output": inputs.get("input"), **outputs}


class Recorder(mocks.MockMonitor):
    """Keeps each registration as the engine would get it: options and dependencies included."""

    def __init__(self) -> None:
        super().__init__(Cloud())
        self.by_urn: dict[str, Any] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 (gRPC's name)
        response = super().RegisterResource(request)  # pyright: ignore[reportUnknownMemberType]
        self.by_urn[response.urn] = request
        return response


def register(plan: Plan, settings: Settings, *, proved: bool) -> Mapping[str, Any]:
    """The registrations of a plan, by URN; the stack's own is left out."""
    recorder = Recorder()
    mocks.set_mocks(Cloud(), project="restore", stack="prod", monitor=recorder)
    by_name = {name: Gate(name, 60, lambda _: Proof(Verdict.PASS, "ok"), lambda _: "") for name in PROOFS}

    def declare() -> None:
        graph.declare(
            plan,
            settings,
            Gates(plan.id, by_name, Running(), lambda: None, Rds(lambda: None, lambda *_: candidate())),
            lambda _step, _document: None,
            proved=proved,
        )

    asyncio.get_event_loop().run_until_complete(run_pulumi_func(declare))
    return {urn: request for urn, request in recorder.by_urn.items() if request.type != "pulumi:pulumi:Stack"}


def by_name(registrations: Mapping[str, Any]) -> Mapping[str, Any]:
    """The resources among registrations, components left out, by logical name."""
    return {request.name: request for request in registrations.values() if request.custom}
