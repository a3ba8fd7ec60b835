"""`python -m restore approve`: a second person says yes to a switch, in the evidence. Nothing else changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from restore.aws import Aws
from restore.cli.stack_settings import read_settings
from restore.cutover import approval
from restore.errors import PermanentError, Problem, Refused
from restore.evidence import Store, provenance, publish
from restore.gates.proofs import find_record
from restore.inventory import gather
from restore.model.gates import SERVING, VALIDATED
from restore.model.rds import Instance
from restore.model.request import Settings
from restore.pulumi_stack.automation import OperatorStack
from restore.report.untrusted import format_text, format_texts, parse_mapping

PAGE = 'docs/approvals.md, "Approve"'


def approve(stack: OperatorStack, confirm: Callable[[str], bool]) -> bool:
    """Shows what would be switched, asks, and records the approval; False when it was declined.

    Raises Refused while there is nothing to approve, and PermanentError where AWS doesn't say who this is.
    """
    now = datetime.now(UTC)
    settings = read_settings(stack, now)
    aws = Aws.of(settings)
    store = Store.open(settings.evidence, aws)
    candidate, validated = find_proved(settings, store, now)
    assert settings.request
    servings = store.read_newest_first(settings.stack, settings.request.id, SERVING.name)
    decision = approval.make_decision(settings, candidate, validated, servings)
    operator = provenance.read_operator(aws)
    require_identity(operator["aws"])
    loss = format_text(parse_mapping(parse_mapping(validated.get("facts")).get("loss")).get("headline")) or "not known"
    shown = approval.render(decision, settings, list(format_texts(validated.get("waived"))), loss)
    if not confirm(f"{shown}\n{describe_self(settings, store, operator['aws'])}"):
        return False
    content = {"digest": decision.digest, "decision": vars(decision), "operator": operator}
    publish.record(store, settings.stack, decision.restore, approval.STEP, content, warn=print)
    return True


def find_proved(settings: Settings, store: Store, now: datetime) -> tuple[Instance, Mapping[str, Any]]:
    """Returns the candidate and the record of the proof of its data. Raises Refused where either is missing."""
    if settings.request is None:
        fix = "pulumi stack select <the stack of the restore>; python -m restore approve"
        raise Refused([Problem("config id", "not set: no restore is configured", "a restore to approve", fix)])
    candidate = gather.gather(settings, now, room=False).candidate
    validated = (
        find_record(store, settings.stack, settings.request.id, VALIDATED.name, candidate) if candidate else None
    )
    if candidate is None or validated is None:
        found = "gate validated isn't open for it" if candidate else "its database isn't made yet"
        needed = "a restored database whose data is proved: that is what is approved"
        raise Refused([Problem(f"restore {settings.request.id}", found, needed, "python -m restore status")])
    return candidate, validated


def require_identity(arn: str) -> None:
    """Raises PermanentError for what isn't the ARN of an identity of AWS."""
    if not arn.startswith("arn:"):
        fix = "aws sts get-caller-identity; python -m restore approve"
        raise PermanentError.of(Problem("account of the approval", f"AWS says: {arn}", "an identity of AWS", fix))


def describe_self(settings: Settings, store: Store, arn: str) -> str:
    """Returns as whom this would approve, and who can't run the switch then."""
    assert settings.request
    last = store.read_latest(settings.stack, settings.request.id, "run") or {}
    runner = format_text(parse_mapping(last.get("operator")).get("aws"))
    same = approval.name_person(runner) == approval.name_person(arn)
    warning = " You ran the last `pulumi up`: the one that switches must be run by somebody else." if same else ""
    return f"You are {arn}.{warning}"
