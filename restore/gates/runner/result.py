"""What a Job answers: a gate's proof, as a document in the evidence store, which survives the Job.

Whoever can write to the store could write one: so it is of limited size and of this very form, and counts only for the
Job, the request and the database that it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from restore.errors import PermanentError, Problem
from restore.gates.hook import Proof
from restore.gates.runner.request import GateRequest
from validation.verdict import Verdict

MOST_BYTES = 32 << 20
"""Far more than the report of all checks and the loss of thousands of tables."""
MOST_PROBLEMS = 10_000
Line = Annotated[str, Field(max_length=20_000)]
STRICT = ConfigDict(extra="forbid", frozen=True)


class ProblemDocument(BaseModel):
    """A problem as a Job tells it."""

    model_config = STRICT

    subject: Annotated[str, Field(min_length=1, max_length=1000)]
    found: Line
    needed: Line
    fix: Line


class ResultDocument(BaseModel):
    """A gate's proof as its Job has written it: whoever can write to the evidence store can write one, so that it is
    read strictly."""

    model_config = STRICT

    gate: str
    job: str
    """The Job's uid."""
    fingerprint: str
    resource_id: str
    """Of the database that was proved; empty for a gate that proves none."""
    verdict: Verdict
    summary: Line
    facts: Mapping[str, Any]
    problems: Annotated[tuple[ProblemDocument, ...], Field(max_length=MOST_PROBLEMS)]
    accepted: Mapping[str, Line]


def name_result(job: str, uid: str) -> str:
    """Returns the document's name: one for each Job that ever ran."""
    return f"{job}-{uid}"


def make_result(request: GateRequest, uid: str, proof: Proof) -> dict[str, Any]:
    """Returns the document of a proof."""
    return {
        "gate": request.gate,
        "job": uid,
        "fingerprint": request.fingerprint,
        "resource_id": request.resource_id,
        "verdict": str(proof.verdict),
        "summary": proof.summary,
        "facts": dict(proof.facts),
        "problems": [vars(problem) for problem in proof.problems],
        "accepted": dict(proof.accepted),
    }


def read_result(content: bytes, request: GateRequest, uid: str) -> Proof:
    """Returns the proof in a document. Raises PermanentError for one that isn't this Job's answer to this request."""
    try:
        document = ResultDocument.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise PermanentError.of(_build_foreign(request, f"{where or 'the document'}: {first['msg']}")) from error
    expected = {
        "gate": request.gate,
        "job": uid,
        "fingerprint": request.fingerprint,
        "resource_id": request.resource_id,
    }
    for name, value in expected.items():
        if getattr(document, name) != value:
            raise PermanentError.of(_build_foreign(request, f"{name} is another one than was asked for"))
    problems = tuple(Problem(**dict(problem)) for problem in document.problems)
    return Proof(document.verdict, document.summary, document.facts, problems, document.accepted)


def _build_foreign(request: GateRequest, found: str) -> Problem:
    needed = f"the answer of the Job of gate {request.gate} to this very request"
    return Problem(f"result of gate {request.gate}", found, needed, "docs/runner.md; pulumi up (runs it again)")
