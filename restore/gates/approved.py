"""Gate `approved`: with `approvals: 2`, somebody else than who runs this has approved the switch.

No waiver covers it: a second person is the point. The way back asks nobody.
"""

from __future__ import annotations

from datetime import UTC, datetime

from restore.aws import read_caller
from restore.cutover import approval
from restore.errors import Problem
from restore.gates.context import GateContext
from restore.gates.hook import RESOURCE_ID, Proof, Watch
from restore.gates.proofs import find_proof
from restore.gates.switched import is_switched
from restore.model.gates import SERVING, VALIDATED
from validation.verdict import Verdict

SECONDS = 120.0
PERSON = "approved.person"


def prove(context: GateContext, watch: Watch) -> Proof:
    """Looks for an approval of this very decision in the evidence. Where the applications have the candidate's address
    already nothing is decided any more, and nobody is asked again in the middle of a switch."""
    del watch
    candidate = context.read_candidate()
    facts = {RESOURCE_ID: candidate.resource_id}
    if is_switched(context):
        return Proof(Verdict.PASS, f"the applications have the address of {candidate.identifier} already", facts)
    validated = find_proof(context, VALIDATED.name, candidate)
    if validated is None:
        problem = Problem(
            PERSON,
            f"the evidence has no proof of the data of {candidate.identifier}",
            "gate validated open for it: that is what is approved",
            "pulumi config set traffic frozen; pulumi up",
        )
        return Proof(Verdict.FAIL, "there is nothing to approve yet", facts, (problem,))
    servings = context.store.read_newest_first(context.plan.stack, context.plan.id, SERVING.name)
    decision = approval.make_decision(context.settings, candidate, validated, servings)
    facts["digest"] = decision.digest
    records = context.store.read_newest_first(context.plan.stack, context.plan.id, approval.STEP)
    arn = read_caller(context.aws).arn
    approved = approval.find_approval(records, decision, arn, datetime.now(UTC))
    if isinstance(approved, str):
        problem = Problem(PERSON, approved, approval.describe_needed(arn), approval.COMMAND)
        return Proof(Verdict.FAIL, "a second person has not approved the switch", facts, (problem,))
    facts |= {"approved_by": approved.arn, "approved_at": approved.at.isoformat()}
    return Proof(Verdict.PASS, f"{approved.person} ({approved.arn}) approved {decision.digest}", facts)
