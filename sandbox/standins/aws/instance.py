"""aws:rds/instance:Instance: made new, from a snapshot or to a point in time; changed; read; deleted."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import cast

from sandbox.standins.aws import outputs, requests, tag_lists
from sandbox.standins.aws.input_checks import checked, instance_problems
from sandbox.standins.aws.input_diff import difference
from sandbox.standins.aws.property_schema import INSTANCE
from sandbox.standins.aws.rds_client import RdsClient, RdsError
from sandbox.standins.plugin.interface import Call, CallRefused, Checked, CreatedButFailed, Difference, ReadResult
from sandbox.standins.plugin.property_values import UNKNOWN, Properties, mark
from sandbox.standins.plugin.status_wait import Wait, wait_for

MINUTE = 60.0
CREATE_SECONDS, UPDATE_SECONDS, DELETE_SECONDS = 40 * MINUTE, 80 * MINUTE, 60 * MINUTE
OCCURRENCES = 3
SECRETS = ("password",)
AVAILABLE = ("available", "storage-optimization")
WORKING = frozenset(
    [
        "backing-up",
        "configuring-enhanced-monitoring",
        "configuring-iam-database-auth",
        "configuring-log-exports",
        "creating",
        "maintenance",
        "modifying",
        "moving-to-vpc",
        "rebooting",
        "renaming",
        "resetting-master-credentials",
        "starting",
        "stopping",
        "storage-full",
        "upgrading",
    ]
)
GOING = frozenset(
    [
        "available",
        "backing-up",
        "configuring-enhanced-monitoring",
        "configuring-log-exports",
        "creating",
        "delete-precheck",
        "deleting",
        "incompatible-parameters",
        "incompatible-restore",
        "modifying",
        "starting",
        "stopping",
        "storage-full",
        "storage-optimization",
    ]
)


def failed(text: str) -> str:
    """One diagnostic, as the bridge prints it."""
    return f"1 error occurred:\n\t* {text}\n\n"


class InstanceType:
    """The resource type over one RDS endpoint."""

    def __init__(
        self, rds: RdsClient, region: str, default_tags: Mapping[str, str], cancelled: threading.Event
    ) -> None:
        self._rds, self._region, self._tags, self._cancelled = rds, region, default_tags, cancelled

    def check(self, call: Call) -> Checked:
        return checked(INSTANCE, call, self._tags, instance_problems, self._region, named="identifier")

    def diff(self, call: Call) -> Difference:
        return difference(INSTANCE, call.state, call.news, call.ignored, names=("identifier",))

    def create(self, call: Call) -> tuple[str, Properties]:
        inputs = _settings(call.news)
        if call.preview:
            return "", mark(_planned(inputs), call.raw, SECRETS)
        if missing := requests.missing_for_fresh(inputs):
            count = "1 error" if len(missing) == 1 else f"{len(missing)} errors"
            raise CallRefused(f"{count} occurred:\n\t* " + "\n\t* ".join(missing) + "\n\n")
        resource_id = self._made(inputs, call.timeout or CREATE_SECONDS)
        return resource_id, mark(self._finished(resource_id, inputs, call), call.raw, SECRETS)

    def _made(self, inputs: Properties, timeout: float) -> str:
        """A failure up to the end of this wait leaves an instance in AWS that no state knows."""
        plan, identifier = requests.creation(inputs), str(inputs["identifier"])
        try:
            answer = self._rds.call(plan.operation, plan.request)
        except CallRefused as error:
            raise CallRefused(failed(f"creating RDS DB Instance{plan.how} ({identifier}): {error}")) from error
        try:
            self._await_available(identifier, timeout)
        except CallRefused as error:
            raise CallRefused(failed(f"waiting for RDS DB Instance ({identifier}) create: {error}")) from error
        return str(answer["DBInstance"]["DbiResourceId"])

    def _finished(self, resource_id: str, inputs: Properties, call: Call) -> Properties:
        """Applies what the creating call didn't take; from here on a failure leaves a resource in the state."""
        identifier, later = str(inputs["identifier"]), requests.creation(inputs).later
        try:
            later = later or self._other_certificate(resource_id, inputs)
            if later:
                self._modify(identifier, resource_id, later, UPDATE_SECONDS)
            return self._described(resource_id, inputs)
        except CallRefused as error:
            raise CreatedButFailed(failed(str(error)), resource_id, mark(inputs, call.raw, SECRETS)) from error

    def _other_certificate(self, resource_id: str, inputs: Properties) -> Properties:
        """Only a fresh instance gets the wanted certificate authority at creation, and only if it isn't the default."""
        certificate = inputs.get("caCertIdentifier")
        restored = inputs.get("snapshotIdentifier") or inputs.get("restoreToPointInTime")
        if restored or not certificate or self._found(resource_id).get("CACertificateIdentifier") == certificate:
            return {}
        identifier = inputs["identifier"]
        return {"DBInstanceIdentifier": identifier, "ApplyImmediately": True, "CACertificateIdentifier": certificate}

    def _modify(self, identifier: str, resource_id: str, request: Properties, timeout: float) -> None:
        try:
            self._rds.call("ModifyDBInstance", request)
        except CallRefused as error:
            raise CallRefused(f"updating RDS DB Instance ({identifier}): {error}") from error
        try:
            self._await_available(resource_id, timeout)
        except CallRefused as error:
            raise CallRefused(f"waiting for RDS DB Instance ({identifier}) update: {error}") from error

    def read(self, call: Call) -> ReadResult | None:
        instance = self._find(call.id)
        if instance is None:
            return None
        imported = {} if call.raw_old_inputs else {"skipFinalSnapshot": True, "deleteAutomatedBackups": True}
        state = outputs.instance(instance, {**imported, **call.state}, self._region)
        inputs = outputs.inputs_of(INSTANCE, state, call.old_inputs)
        marked = {**call.raw_state, **call.raw_old_inputs}
        return ReadResult(call.id, mark(inputs, marked, SECRETS), mark(state, marked, SECRETS))

    def update(self, call: Call) -> Properties:
        state, inputs = call.state, _settings(call.news)
        if call.preview:
            return mark({**state, **inputs}, call.raw, SECRETS)
        changed = {path.partition(".")[0] for path in self.diff(call).detailed}
        request = requests.modification(changed, state, inputs)
        identifier = str(inputs.get("identifier") or state["identifier"])
        try:
            if "tags" in changed:
                tag_lists.update(self._rds, str(state["arn"]), state.get("tagsAll") or {}, inputs.get("tags") or {})
            if request:
                self._modify(identifier, call.id, request, call.timeout or UPDATE_SECONDS)
            return mark(self._described(call.id, {**state, **inputs}), call.raw, SECRETS)
        except CallRefused as error:
            planned = mark({**state, **inputs}, call.raw, SECRETS)
            raise CreatedButFailed(failed(str(error)), call.id, planned) from error

    def delete(self, call: Call) -> None:
        """Deletes whatever instance holds the identifier that the state names: so does the provider."""
        state = call.state
        identifier = str(state["identifier"])
        try:
            request = requests.deletion(state)
        except ValueError as error:
            raise CallRefused(failed(str(error))) from error
        try:
            self._ask_to_delete(request, state, call.id)
        except CallRefused as error:
            raise CallRefused(failed(f"deleting RDS DB Instance ({identifier}): {error}")) from error
        gone = Wait(GOING, (), call.timeout or DELETE_SECONDS)
        try:
            wait_for(self._status(call.id), gone, self._cancelled)
        except CallRefused as error:
            raise CallRefused(failed(f"waiting for RDS DB Instance ({identifier}) delete: {error}")) from error

    def _ask_to_delete(self, request: Properties, state: Properties, resource_id: str) -> None:
        try:
            self._rds.call("DeleteDBInstance", request)
        except RdsError as error:
            if error.code.startswith("DBInstanceNotFound") or "is already being deleted" in error.message:
                return
            unprotect = not state.get("deletionProtection") and state.get("applyImmediately")
            if "disable deletion pro" not in error.message or not unprotect:
                raise
            settings = {"ApplyImmediately": True, "DeletionProtection": False}
            identifier = str(request["DBInstanceIdentifier"])
            self._modify(identifier, resource_id, {"DBInstanceIdentifier": identifier, **settings}, UPDATE_SECONDS)
            self._rds.call("DeleteDBInstance", request)

    def _await_available(self, name: str, timeout: float) -> None:
        wait_for(self._status(name), Wait(WORKING, AVAILABLE, timeout, OCCURRENCES), self._cancelled)

    def _status(self, name: str) -> Callable[[], str | None]:
        def status() -> str | None:
            instance = self._find(name)
            return None if instance is None else str(instance["DBInstanceStatus"])

        return status

    def _described(self, resource_id: str, earlier: Properties) -> Properties:
        return outputs.instance(self._found(resource_id), earlier, self._region)

    def _found(self, name: str) -> Properties:
        instance = self._find(name)
        if instance is None:
            raise CallRefused(f"reading RDS DB Instance ({name}): couldn't find resource")
        return instance

    def _find(self, name: str) -> Properties | None:
        """Looks up by DbiResourceId when it looks like one; otherwise, or failing that, by identifier."""
        if re.fullmatch(r"db-[0-9A-Za-z]{2,255}", name):
            filters = [{"Name": "dbi-resource-id", "Values": [name]}]
            if instance := self._describe({"Filters": filters}):
                return instance
        return self._describe({"DBInstanceIdentifier": name})

    def _describe(self, request: Properties) -> Properties | None:
        try:
            listed = self._rds.call("DescribeDBInstances", request)["DBInstances"]
        except RdsError as error:
            if error.code.startswith("DBInstanceNotFound"):
                return None
            raise
        return cast("Properties", listed[0]) if listed else None


def _settings(news: Properties) -> Properties:
    return {key: value for key, value in news.items() if key != "__defaults"}


def _planned(inputs: Properties) -> Properties:
    """The outputs in a preview: what the program says, and unknown for what only AWS can tell."""
    unknown = {key: UNKNOWN for key, declared in INSTANCE.items() if declared.computed and key not in inputs}
    return {**unknown, "tagsAll": inputs.get("tags") or {}, **inputs}
