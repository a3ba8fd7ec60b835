"""Stands before every service: knows whose key a request is signed with, and refuses what its policies don't allow."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from sandbox.aws import ACCOUNT
from sandbox.aws.client import ACCESS_KEY, OPERATOR_KEY, OPERATOR_ROLE
from sandbox.aws.errors import AwsError
from sandbox.aws.iam import refusals
from sandbox.aws.iam.asks import NO_KEY, Need, UnknownOperationError, World, needs
from sandbox.aws.iam.calls import Call, Request, call_of, credential_of
from sandbox.aws.iam.policy import Ask, Decision, Statement, decide, parse
from sandbox.aws.iam.refusals import Refusal
from sandbox.aws.query_protocol import Protocol, Shape
from sandbox.rights import documented

SESSION_ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/{OPERATOR_ROLE}/on-call"
ROLE_ID = "AROASANDBOXOPERATOR00:on-call"
UNKNOWN_KEY = "The security token included in the request is invalid."


class OperatorRights:
    """The documented policies, without the actions that a test or a rehearsal has taken away."""

    def __init__(self, page: documented.Documented) -> None:
        self._lock = threading.Lock()
        self._statements = tuple(statement for policy in page.policies for statement in parse(policy.document))
        self.actions = page.actions()
        self.removed: frozenset[str] = frozenset()
        self.used: frozenset[str] = frozenset()

    def remove(self, actions: Collection[str]) -> None:
        """Exactly these are missing from now on. Raises ValueError for an action that the page doesn't give."""
        if unknown := sorted(set(actions) - set(self.actions)):
            raise ValueError(f"docs/permissions.md gives no {', '.join(unknown)}; it gives {', '.join(self.actions)}")
        with self._lock:
            self.removed = frozenset(actions)

    def use(self, actions: Iterable[str]) -> None:
        """Remembers what was asked for and allowed: a right that is never used need not be given."""
        with self._lock:
            self.used |= set(actions)

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Those in force now."""
        left = (replace(s, actions=tuple(a for a in s.actions if a not in self.removed)) for s in self._statements)
        return tuple(statement for statement in left if statement.actions)


@dataclass(frozen=True)
class Guard:
    """The sandbox's own world has an administrator's key; the program has the operator's."""

    rights: OperatorRights
    world: World
    rds: Protocol
    iam: Protocol
    sts: Protocol

    def refusal(self, request: Request) -> Refusal | None:
        """None for what is allowed. Raises nothing: what isn't known is a refusal too."""
        credential = credential_of(request)
        if credential is None:
            return Refusal("sts", "MissingAuthenticationToken", "Request is missing Authentication Token")
        if credential.key == ACCESS_KEY:
            return None
        if credential.key != OPERATOR_KEY:
            code = "InvalidAccessKeyId" if credential.service == "s3" else "InvalidClientTokenId"
            return Refusal(credential.service, code, UNKNOWN_KEY)
        return self._of_operator(call_of(request, credential))

    def refusal_of_absence(self, request: Request) -> Refusal | None:
        """That an object isn't there is told to nobody who may not list its bucket.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html, Permissions
        """
        credential = credential_of(request)
        if credential is None or credential.key != OPERATOR_KEY or credential.service != "s3":
            return None
        call = call_of(request, credential)
        if call.operation not in ("GetObject", "HeadObject"):
            return None
        return self._of_operator(Call("s3", "ListObjectsV2", call.region, {"Bucket": call.parameters["Bucket"]}))

    def _of_operator(self, call: Call) -> Refusal | None:
        try:
            needed = needs(self._parsed(call), self.world)
        except UnknownOperationError as error:
            message = f"The sandbox doesn't know which rights are needed for {error}"
            return Refusal(call.service, "SandboxUnsupported", message)
        except AwsError:
            return None  # malformed: the service says so itself
        statements = self.rights.statements
        for need in needed:
            if (decision := decide(statements, need.ask)) is not Decision.ALLOWED:
                return _refused(call, need, decision)
        self.rights.use(need.ask.action for need in needed)
        return None

    def _parsed(self, call: Call) -> Call:
        """RDS's parameters in boto3's shapes; the other services' are read as they are."""
        if call.service != "rds":
            return call
        return replace(call, parameters=self.rds.parse(self.rds.operation(call.operation), call.parameters))

    # -- what the guard answers itself --------------------------------------------------------------------------

    def answer(self, request: Request) -> str | None:
        """Of the operator's questions about itself: who it is, and what it may do."""
        credential = credential_of(request)
        if credential is None or credential.key != OPERATOR_KEY:
            return None
        call = call_of(request, credential)
        if (call.service, call.operation) == ("sts", "GetCallerIdentity"):
            identity = {"UserId": ROLE_ID, "Account": ACCOUNT, "Arn": SESSION_ARN}
            return _written(self.sts, call, identity)
        if (call.service, call.operation) == ("iam", "SimulatePrincipalPolicy"):
            parameters = self.iam.parse(self.iam.operation(call.operation), call.parameters)
            return _written(self.iam, call, self.simulated(parameters))
        return None

    def simulated(self, parameters: Shape) -> Shape:
        """What SimulatePrincipalPolicy says of the operator's role, by the very statements that are enforced."""
        statements = self.rights.statements
        entries = parameters.get("ContextEntries", ())
        context = {entry["ContextKeyName"]: ",".join(entry["ContextKeyValues"]) for entry in entries}
        results: list[dict[str, Any]] = []
        for action in parameters["ActionNames"]:
            for resource in parameters.get("ResourceArns") or ["*"]:
                decision = decide(statements, Ask(action, resource, context))
                result = {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": decision.value}
                results.append({**result, "MatchedStatements": [], "MissingContextValues": []})
        return {"EvaluationResults": results, "IsTruncated": False}


def _refused(call: Call, need: Need, decision: Decision) -> Refusal:
    if need.code == NO_KEY:
        no_key = f"The specified KMS key [{need.shown}] does not exist, is not enabled"
        return Refusal(call.service, need.code, f"{no_key} or you do not have permissions to access it.")
    explicitly = decision is Decision.EXPLICIT
    message = refusals.denied(SESSION_ARN, need.ask.action, need.shown, explicitly=explicitly)
    return Refusal(call.service, need.code, message)


def _written(protocol: Protocol, call: Call, result: Shape) -> str:
    return protocol.answer(protocol.operation(call.operation), result, "00000000-0000-0000-0000-000000000000")


def guard(world: World, rds: Protocol) -> Guard:
    """The guard of a gateway. Raises ValueError for a page that has something unknown in it."""
    return Guard(OperatorRights(documented.read_with_state()), world, rds, Protocol("iam"), Protocol("sts"))
