"""Update plans: what a preview said would happen, and the refusal of anything else.

A plan is a file of its own (`preview --save-plan`, `up --plan`), readable by this engine only.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from sandbox.standins.engine import VERSION
from sandbox.standins.engine.errors import Problem, Refusal
from sandbox.standins.engine.property_values import (
    MASK,
    Props,
    Value,
    as_object,
    go_format,
    has_unknown,
    parse_json,
    reveal,
)
from sandbox.standins.engine.state.files import now, write
from sandbox.standins.engine.state.passphrase_secrets import Crypter
from sandbox.standins.engine.state.stack_settings import Entry

HARMLESS = {"same": (), "update": ("same",), "replace": ("same", "update"), "create-replacement": ("same", "update")}
GROUPS = ("adds", "updates", "deletes")
SIGNS = dict(zip(GROUPS, "+~-", strict=True))


@dataclass
class ResourcePlan:
    """The input changes and the steps that one resource may have."""

    adds: Props = field(default_factory=dict[str, Value])
    updates: Props = field(default_factory=dict[str, Value])
    deletes: Props = field(default_factory=dict[str, Value])
    steps: list[str] = field(default_factory=list[str])

    @classmethod
    def between(cls, olds: Props, news: Props) -> ResourcePlan:
        return cls(
            adds={k: v for k, v in news.items() if k not in olds},
            updates={k: v for k, v in news.items() if k in olds and olds[k] != v},
            deletes={k: v for k, v in olds.items() if k not in news},
        )

    @classmethod
    def from_json(cls, data: Props) -> ResourcePlan:
        diff = as_object(as_object(data.get("goal")).get("inputDiff"))
        groups = {name: as_object(diff.get(name)) for name in GROUPS}
        return cls(**groups, steps=cast(list[str], data.get("steps") or []))

    def to_json(self) -> Value:
        diff: Props = {name: getattr(self, name) for name in GROUPS if getattr(self, name)}
        return {"goal": {"inputDiff": diff}, "steps": [*self.steps]}

    def group(self, key: str) -> tuple[str, Value]:
        for name in GROUPS:
            held = cast(Props, getattr(self, name))
            if key in held:
                return SIGNS[name], held[key]
        return "=", None


def difference(planned: ResourcePlan, actual: ResourcePlan) -> list[str]:
    """The properties that change otherwise than planned, in the Pulumi CLI's short form."""
    differences: list[str] = []
    for name in GROUPS:
        sign = SIGNS[name]
        for key, value in sorted(cast(Props, getattr(actual, name)).items()):
            was, expected = planned.group(key)
            if was != sign:
                differences.append(f"{was}{sign}{key}[{{{_shown(value)}}}]")
            elif sign != "-" and not has_unknown(expected) and expected != value:
                differences.append(f"{was}{sign}{key}[{{{_shown(expected)}}}!={{{_shown(value)}}}]")
    return differences


def _shown(value: Value) -> str:
    return MASK if reveal(value) != value else go_format(value)


class Plan:
    """A plan in the making (in a preview), or one that constrains (in an update)."""

    def __init__(self, resources: dict[str, ResourcePlan] | None = None) -> None:
        self._constrains = resources is not None
        self._planned = resources or {}
        self._left = {urn: list(plan.steps) for urn, plan in self._planned.items()}
        self._mutex = threading.Lock()

    def inputs(self, urn: str, olds: Props, news: Props) -> None:
        """Takes or checks the inputs of a registration. Raises Refusal for what violates the plan."""
        actual = ResourcePlan.between(olds, news)
        if not self._constrains:
            with self._mutex:
                self._planned[urn] = actual
        elif differences := difference(self._planned.get(urn, ResourcePlan()), actual):
            raise Refusal(f"resource {urn} violates plan: properties changed: {', '.join(differences)}")

    def allow(self, urn: str, op: str) -> None:
        """Takes or checks one step. Raises Refusal for one that exceeds the plan."""
        with self._mutex:
            if not self._constrains:
                self._planned.setdefault(urn, ResourcePlan()).steps.append(op)
                return
            if urn not in self._left and op != "same":
                problem = "no steps were expected for this resource"
            elif not (left := self._left.get(urn, ["same"])):
                problem = "no more steps were expected for this resource"
            elif op != (allowed := left.pop(0)) and op not in HARMLESS.get(allowed, ()):
                problem = f"this resource is constrained to {allowed}"
            else:
                return
        raise Refusal(f"resource {urn} violates plan: {op} is not allowed by the plan: {problem}")

    def missing(self) -> list[str]:
        """Resources that were to change and didn't come up."""
        left = self._left if self._constrains else {}
        return [urn for urn, steps in left.items() if set(steps) - {"same"}]

    # The file

    def save(self, path: Path, config: Mapping[str, Entry], crypter: Crypter) -> None:
        shown: Props = {key: MASK if entry.secret else entry.text for key, entry in config.items()}
        plans: Props = {urn: crypter.sealed(plan.to_json()) for urn, plan in self._planned.items()}
        manifest: Props = {"time": now(), "version": f"v{VERSION}"}
        document: Props = {"manifest": manifest, "config": shown, "resourcePlans": plans}
        write(path, json.dumps(document, indent=4))

    @classmethod
    def load(cls, path: Path, crypter: Crypter) -> Plan:
        """Raises Problem for a file that is absent or no plan."""
        try:
            document = as_object(parse_json(path.read_text()))
        except (OSError, ValueError) as error:
            raise Problem(f"reading plan {path}: {error}") from error
        if "resourcePlans" not in document:
            raise Problem(f"reading plan {path}: it holds no resourcePlans")
        plans = as_object(crypter.opened(document["resourcePlans"]))
        return cls({urn: ResourcePlan.from_json(as_object(plan)) for urn, plan in plans.items()})

    def constraining(self) -> Plan:
        """The plan that this preview made, as a constraint for the update after it."""
        return Plan(self._planned)
