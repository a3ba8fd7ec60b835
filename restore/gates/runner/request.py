"""What a Job is asked: the gate, and all that its proof would have been given here.

It stands in a Secret that goes with the Job, for the plan holds the URL that the applications are to have. The logins
to AWS and to the cluster are the Job's own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from restore.errors import PermanentError, Problem
from restore.evidence import provenance
from restore.gates.context import GateContext
from restore.gates.hook import RESOURCE_ID, Watch
from restore.gates.runner import values
from restore.model.aws_account import AwsLogin
from restore.model.notify import NotifySettings
from restore.model.planned import Plan
from restore.model.rds import Instance
from restore.model.request import Runner, Settings
from restore.postgres import SYSTEM
from validation.expectations.model import Expectations

REQUEST = "request.json"
PROGRAM = "program"
"""The field of a document that says which files its program was made of."""
DIGITS = 10


@dataclass(frozen=True)
class GateRequest:
    """One gate's work in a Job."""

    gate: str
    settings: Settings
    plan: Plan
    expectations: Expectations
    receipt: Mapping[str, Any]
    """What the receipt is going to say that was proved."""
    earlier: Mapping[str, Any]
    """What it says until then."""

    @property
    def fingerprint(self) -> str:
        """Changes with whatever the proof depends on, and with nothing else: by it a later run knows the Job again.

        Not with the plan's texts and statuses, which differ from run to run."""
        parts = {
            "gate": self.gate,
            "settings": values.to_json(self.settings),
            "expectations": values.to_json(self.expectations),
            "receipt": dict(self.receipt),
            "traffic": str(self.plan.traffic),
            "instances": {
                "source": _identify(self.plan.source),
                "serving": _identify(self.plan.serving),
                "left": _identify(self.plan.left),
            },
            "to": str(self.plan.secret.endpoint) if self.plan.secret else "",
        }
        text = json.dumps(parts, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]

    @property
    def resource_id(self) -> str:
        """The DbiResourceId of the database that is to be proved; empty for a gate that proves none."""
        return str(self.receipt.get(RESOURCE_ID) or "")

    def write(self) -> str:
        """Returns the document."""
        document = {
            PROGRAM: provenance.digest_sources(),
            "gate": self.gate,
            "settings": values.to_json(self.settings),
            "plan": values.to_json(self.plan),
            "expectations": values.to_json(self.expectations),
            "receipt": dict(self.receipt),
            "earlier": dict(self.earlier),
        }
        return json.dumps(document)

    @classmethod
    def read(cls, text: str) -> GateRequest:
        """Raises PermanentError for a document of another version of this program."""
        document = json.loads(text)
        require_same_program(document)
        written = {name: values.from_json(document[name]) for name in ("settings", "plan", "expectations")}
        return cls(document["gate"], receipt=document["receipt"], earlier=document["earlier"], **written)


def require_same_program(document: Mapping[str, Any]) -> None:
    """Raises PermanentError unless the image holds the very files of the program that wrote the document: another one
    may prove less."""
    written, here = document.get(PROGRAM), provenance.digest_sources()
    if written != here:
        found = f"files {here} in the image, {written or 'others'} where `pulumi up` runs"
        raise PermanentError.of(Problem("the request of the Job", found, "one of this version", values.FIX))


def _identify(instance: Instance | None) -> str:
    return instance.resource_id if instance else ""


def make_request(context: GateContext, watch: Watch, expectations: Expectations) -> GateRequest:
    """Returns the request of the gate whose clock is `watch`."""
    settings = strip_local_settings(context.settings)
    return GateRequest(watch.gate, settings, context.plan, expectations, dict(watch.receipt), dict(watch.earlier))


def strip_local_settings(settings: Settings) -> Settings:
    """Returns the settings without what is this machine's own: its logins, its files, its tunnels, and what it tells
    people: no token of a messenger reaches the cluster."""
    login = settings.aws_login
    validation = replace(settings.validation, checks_file=None, inline={})
    certificate = settings.tls.root_certificate
    asked = settings.request
    return replace(
        settings,
        request=asked and replace(asked, reason=None, opened_by=None, affected=None, contact=None, breach=False),
        notify=NotifySettings(),
        prevention=None,
        runner=Runner.LOCAL,
        tunnel={},
        kubeconfig=None,
        context=None,
        aws_login=AwsLogin(
            fips=login.fips,
            dualstack=login.dualstack,
            allowed_accounts=login.allowed_accounts,
            forbidden_accounts=login.forbidden_accounts,
        ),
        validation=validation,
        tls=replace(settings.tls, root_certificate=certificate if certificate == SYSTEM else None),
    )
