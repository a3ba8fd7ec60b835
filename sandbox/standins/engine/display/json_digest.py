"""`--json`: the operation as one document."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sandbox.standins.engine.deployment.goals import Step
from sandbox.standins.engine.property_values import Props, Value, redact_all


class Digest:
    def __init__(self, config: Props, show_secrets: bool) -> None:
        self._config, self._show_secrets = config, show_secrets
        self._steps: list[Value] = []
        self._diagnostics: list[Value] = []

    def add(self, step: Step) -> None:
        """A replacement is one step, whatever it is made of."""
        if step.op in ("create-replacement", "delete-replaced", "import-replacement"):
            return
        entry: Props = {"op": step.shown_op, "urn": step.urn, "provider": step.resource.provider}
        for name, resource in (("oldState", step.old), ("newState", step.new)):
            if resource:
                entry[name] = redact_all(resource.to_json(), self._show_secrets)
        entry["diffReasons"] = [*sorted(step.diff.keys)]
        entry["replaceReasons"] = [*sorted(step.diff.replaces)]
        kept = {k: v for k, v in entry.items() if v}
        self._steps.append({**kept, "detailedDiff": step.diff.detailed or None})

    def diagnostic(self, urn: str, message: str, severity: str) -> None:
        self._diagnostics.append({"urn": urn, "message": message, "severity": severity})

    def text(self, seconds: float, counts: Mapping[str, int]) -> str:
        document: Props = {"config": self._config, "steps": self._steps}
        if self._diagnostics:
            document["diagnostics"] = self._diagnostics
        document.update(duration=int(seconds * 1e9), changeSummary={**counts})
        return json.dumps(document, indent=4)
